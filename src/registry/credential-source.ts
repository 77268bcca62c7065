/** Where credentials come from: files, and the helpers that these name. */
import { spawn } from 'node:child_process';
import { isPlanishError, PlanishError } from '../errors.ts';
import { readSmallBlob, wholeFile } from '../io/blob-file.ts';
import { LIMITS } from '../limits.ts';
import { type Credentials, findCredentials, parseAuthFile, parseHelperAnswer } from './auth-file.ts';

/** A helper that asks somebody, or hangs, is not waited for longer. */
const HELPER_MS = 30_000;

/** What helpers answer for hosts that they do not know; by their protocol on standard output. */
const NOT_FOUND = /credentials not found|no credentials/i;

/**
 * Credentials for a repository, from the first of the files that has any; files that are not there have none. Throws
 * `CREDENTIALS_BAD`, without secrets.
 */
export async function findInFiles(
  files: readonly string[],
  host: string,
  repository: string,
): Promise<Credentials | undefined> {
  for (const file of files) {
    const bytes = readIfThere(file);
    if (bytes === undefined) continue;
    const found = findCredentials(parseAuthFile(bytes, file), host, repository);
    if (found?.kind === 'here') return found.credentials;
    const answered = found === undefined ? undefined : await askHelper(found.helper, found.server);
    if (answered !== undefined) return answered;
  }
  return undefined;
}

function readIfThere(file: string): Uint8Array | undefined {
  try {
    return readSmallBlob(wholeFile(file), LIMITS.credentialsBytes);
  } catch (error) {
    const errno = isPlanishError(error, 'SYSCALL_FAILED') ? error.detail.errno : undefined;
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Asks `docker-credential-NAME get`; `undefined` where it has none. */
async function askHelper(helper: string, server: string): Promise<Credentials | undefined> {
  const { status, output } = await runHelper(helper, server);
  if (status === 0) return parseHelperAnswer(output, helper);
  if (NOT_FOUND.test(output.toString('latin1'))) return undefined;
  throw failed(helper, `failed with status ${status}`);
}

function runHelper(helper: string, server: string): Promise<{ status: number; output: Buffer }> {
  return new Promise((resolve, reject) => {
    const child = spawn(`docker-credential-${helper}`, ['get'], { stdio: ['pipe', 'pipe', 'ignore'] });
    const pieces: Buffer[] = [];
    let length = 0;
    const end = (why: string): void => {
      child.kill('SIGKILL');
      child.stdout.destroy();
      reject(failed(helper, why));
    };
    const timer = setTimeout(() => end('does not answer'), HELPER_MS);
    child.stdout.on('data', (piece: Buffer) => {
      length += piece.length;
      if (length > LIMITS.credentialsBytes) end('answers too much');
      else pieces.push(piece);
    });
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(failed(helper, `cannot be run: ${(error as NodeJS.ErrnoException).code}`));
    });
    child.on('close', (status) => {
      clearTimeout(timer);
      resolve({ status: status ?? 1, output: Buffer.concat(pieces) });
    });
    child.stdin.end(server);
  });
}

function failed(helper: string, why: string): PlanishError {
  return new PlanishError('CREDENTIALS_BAD', `the credential helper docker-credential-${helper} ${why}`);
}
