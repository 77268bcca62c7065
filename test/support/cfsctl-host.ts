/** What composefs-rs' own program computes of images, in repositories of every format and algorithm. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { HashAlgorithm } from '../../src/bytes/digest.ts';
import { runTool } from './composefs-tools.ts';
import { temporaryMemory } from './memory-directory.ts';

/** A choice of repository. */
export interface RepositoryKind {
  readonly algorithm: HashAlgorithm;
  readonly format: 1 | 2;
}

/** A digest, or the first lines of why there is none. */
export type PeerOutcome = { readonly digest: string } | { readonly refused: string };

/** Repositories in a temporary directory, in memory where it can be: cfsctl syncs its file system at every pull. Close them. */
export class CfsctlHost {
  readonly #folder = mkdtempSync(join(temporaryMemory(), 'planish-cfsctl-'));
  readonly #program: string;
  readonly #made = new Set<string>();

  constructor(program = 'cfsctl') {
    this.#program = program;
  }

  /** Pulls an image of a layout (`oci:DIR:TAG`); `undefined`, or why it is refused. */
  pull(kind: RepositoryKind, reference: string, name: string): string | undefined {
    const { status, stderr } = runTool(this.#program, [
      ...this.#repository(kind),
      'oci',
      'pull',
      reference,
      name,
    ]);
    return status === 0 ? undefined : brief(stderr);
  }

  /** Digest of an image that was pulled, in this format or in another than the repository's. */
  computeId(kind: RepositoryKind, name: string, bootable: boolean, format = kind.format): PeerOutcome {
    const { status, stdout, stderr } = this.#oci(kind, 'compute-id', name, bootable, format);
    return status === 0 ? { digest: stdout.toString().trim() } : { refused: brief(stderr) };
  }

  /** Dumpfile of an image that was pulled. */
  dump(kind: RepositoryKind, name: string, bootable: boolean, format = kind.format): string {
    const { stdout, stderr } = this.#oci(kind, 'dump', name, bootable, format);
    return stdout.toString('latin1') || brief(stderr);
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #oci(
    kind: RepositoryKind,
    verb: string,
    name: string,
    bootable: boolean,
    format: number,
  ): ReturnType<typeof runTool> {
    const flags = bootable ? ['--bootable'] : [];
    const version = format === kind.format ? [] : ['--erofs-version', String(format)];
    return runTool(this.#program, [...this.#repository(kind), ...version, 'oci', verb, ...flags, name]);
  }

  #repository({ algorithm, format }: RepositoryKind): string[] {
    const path = join(this.#folder, `${algorithm}-v${format}`);
    if (!this.#made.has(path)) {
      mkdirSync(path, { recursive: true });
      const kind = ['--algorithm', `fsverity-${algorithm}-12`, '--erofs-version', String(format)];
      const { status, stderr } = runTool(this.#program, ['--repo', path, 'init', '--insecure', ...kind]);
      if (status !== 0) throw new Error(`${this.#program} init: ${stderr}`);
      this.#made.add(path);
    }
    return ['--repo', path];
  }
}

/** A message without its stack. */
function brief(stderr: string): string {
  const text = stderr.split('Stack backtrace')[0] ?? '';
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && line !== 'Caused by:' && !/Fetching/.test(line)).join(' | ');
}
