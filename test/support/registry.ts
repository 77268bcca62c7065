/** A registry on loopback (Debian's docker-registry), for the time of a test file. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Whether it is installed; says on standard error what is skipped when it is not. */
export function hasRegistry(skipped: string): boolean {
  const found = spawnSync('docker-registry', ['--version']).status === 0;
  if (!found) process.stderr.write(`SKIPPED: ${skipped}: docker-registry is not installed\n`);
  return found;
}

/** A running registry. */
export interface Registry {
  /** `localhost:PORT`. */
  readonly host: string;
  stop(): void;
}

/**
 * Starts one and waits until it answers; on another port where somebody else took the first. `realm` is where it says
 * that tokens are to be had: it wants one then, and takes any.
 */
export async function startRegistry(realm?: string): Promise<Registry> {
  for (let tries = 0; tries < 5; tries++) {
    const registry = await startOn(await freePort(), realm);
    if (registry !== undefined) return registry;
  }
  throw new Error('docker-registry does not start');
}

/** `undefined` where it ended instead of answering. */
async function startOn(port: number, realm: string | undefined): Promise<Registry | undefined> {
  const directory = mkdtempSync(join(tmpdir(), 'planish-registry-'));
  const config = join(directory, 'config.yml');
  const auth = realm === undefined ? '' : `auth: {silly: {realm: "${realm}", service: test}}\n`;
  writeFileSync(
    config,
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${directory}/data}}\nhttp: {addr: "127.0.0.1:${port}"}\n${auth}`,
  );
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  const registry = { host: `localhost:${port}`, stop: () => stop(child, directory) };
  while (child.exitCode === null) {
    const answer = await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined);
    if (answer?.status === (realm === undefined ? 200 : 401) && child.exitCode === null) return registry;
    await sleep(100);
  }
  registry.stop();
  return undefined;
}

function stop(child: ChildProcess, directory: string): void {
  child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
