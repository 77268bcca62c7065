/** A repository with one small image, and ways to damage a copy of it. */
import { cpSync, readFileSync, readlinkSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type VerityDigest, verityDigest } from '../../src/bytes/digest.ts';
import { computeVerityDigest } from '../../src/fsverity/digest.ts';
import { makeDirectory } from '../../src/io/durable-file.ts';
import { emit } from '../../src/ops/repository/emit.ts';
import { makeLayout } from './layout-maker.ts';
import { RAW_END, rawEntry } from './raw-tar.ts';

/** Contents of the two layers: one file below the size of objects, some above. */
export const CONTENTS: Readonly<Record<string, Buffer>> = {
  'usr/small': Buffer.from('small'),
  'usr/one': Buffer.alloc(1000, 'one '),
  'usr/two': Buffer.alloc(9000, 'two '),
  'usr/three': Buffer.alloc(200, 'three '),
};

const COMMON = { uid: 0, gid: 0, sec: 1_700_000_000, nsec: 0, xattrs: [] } as const;

/** The tars of the image, base first. */
export function smallLayers(): Buffer[] {
  const file = (path: string): Buffer =>
    rawEntry({ ...COMMON, path, type: 'regular', mode: 0o644, content: CONTENTS[path] as Buffer }, 'ustar');
  const usr = rawEntry({ ...COMMON, path: 'usr/', type: 'directory', mode: 0o755 }, 'ustar');
  return [
    Buffer.concat([usr, file('usr/small'), file('usr/one'), file('usr/two'), RAW_END]),
    Buffer.concat([usr, file('usr/three'), file('usr/one'), RAW_END]),
  ];
}

/** Makes the layout `DIR/layout` (tag `small`) and the repository `DIR/repository`. */
export async function smallRepository(
  directory: string,
): Promise<{ repository: string; layout: string; result: Awaited<ReturnType<typeof emit>> }> {
  const layers = smallLayers().map((tar) => ({ tar, compression: 'gzip' as const }));
  const made = await makeLayout(join(directory, 'layout'), layers, { tag: 'small' });
  const repository = join(directory, 'repository');
  const result = await emit(made.reference, { repository, verity: 'none' });
  return { repository, layout: made.reference, result };
}

/** A copy, links and all. */
export function copyRepository(from: string, to: string): string {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true, verbatimSymlinks: true });
  return to;
}

/** Path of an object. */
export function objectFile(repository: string, digest: string): string {
  return join(repository, 'objects', digest.slice(0, 2), digest.slice(2));
}

/** The object that an entry leads to. */
export function entryDigest(repository: string, path: string): VerityDigest {
  const parts = readlinkSync(join(repository, path)).split('/');
  return verityDigest(parts.slice(-2).join(''));
}

/** Adds an object that is what its name says. */
export function addObject(repository: string, bytes: Uint8Array): VerityDigest {
  const digest = computeVerityDigest(bytes, 'sha512');
  const file = objectFile(repository, digest);
  makeDirectory(dirname(file));
  writeFileSync(file, bytes);
  return digest;
}

/** Makes a path a link with that text. */
export function relink(repository: string, path: string, text: string): void {
  const file = join(repository, path);
  rmSync(file, { recursive: true, force: true });
  symlinkSync(text, file);
}

/** Makes an entry of streams or images lead to an object. */
export function pointEntry(repository: string, path: string, digest: string): void {
  relink(repository, path, `../objects/${digest.slice(0, 2)}/${digest.slice(2)}`);
}

/** Replaces the splitstream of an entry by an edited one under its own right name. */
export function editStream(repository: string, path: string, edit: (file: Buffer) => Uint8Array): void {
  const file = readFileSync(objectFile(repository, entryDigest(repository, path)));
  pointEntry(repository, path, addObject(repository, edit(file)));
}

/** Replaces a file's bytes. */
export function overwrite(file: string, edit: (bytes: Buffer) => Uint8Array): void {
  const bytes = edit(readFileSync(file));
  unlinkSync(file);
  writeFileSync(file, bytes);
}
