/** Measuring the objects of a repository, a folder at a time. */
import { closeSync, lstatSync, readdirSync } from 'node:fs';
import { byteString, display, fromUtf8 } from '../bytes/byte-string.ts';
import type { HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { VerityHasher } from '../fsverity/verity-hasher.ts';
import { attempt } from '../io/durable-file.ts';
import { measureFileBatch, type SizedFile } from '../io/measure-batch.ts';
import { verityCalls } from '../kernel/verity.ts';
import type { Finding } from './finding.ts';
import { isObjectName } from './names.ts';
import { type ObjectPlace, ObjectStore } from './object-store.ts';
import { filePieces, openRegular } from './read-file.ts';

/** What to measure. */
export interface MeasureObjectsRequest extends ObjectPlace {
  /** Two hexadecimal digits. */
  readonly folder: string;
  /** Whether the kernel must enforce each digest. */
  readonly secure: boolean;
  /** Whether contents are read; else only names, kinds and the kernel's word are looked at. */
  readonly contents: boolean;
  /** Objects that were read before and are sound, with their sizes. */
  readonly known: ReadonlyMap<VerityDigest, number>;
}

/** Measures files of a folder, in their order. */
export type MeasureBatch = (
  files: readonly SizedFile[],
  algorithm: HashAlgorithm,
) => readonly VerityDigest[] | Promise<readonly VerityDigest[]>;

/** What a folder holds: sound objects with their sizes, and what is wrong. */
export interface MeasuredFolder {
  readonly objects: readonly (readonly [VerityDigest, number])[];
  readonly findings: readonly Finding[];
  readonly bytes: number;
}

/** Measures all objects of a folder. Throws `SYSCALL_FAILED` where the system refuses. */
export async function measureObjects(
  request: MeasureObjectsRequest,
  progress: (bytes: number) => void,
  measureBatch: MeasureBatch = measureFileBatch,
): Promise<MeasuredFolder> {
  const store = new ObjectStore(request);
  const directory = `${store.objects}/${request.folder}`;
  const names = attempt('reading a directory', directory, () => readdirSync(directory, 'latin1'));
  const sound = await soundObjects(store, request, names, measureBatch);
  const hasher = new VerityHasher(request.algorithm);
  const objects: [VerityDigest, number][] = [];
  const findings: Finding[] = [];
  let bytes = 0;
  let read = 0;
  for (const name of names.sort()) {
    const digest = request.folder + name;
    if (!isObjectName(digest, request.algorithm)) {
      const path = `objects/${request.folder}/${display(byteString(name))}`;
      findings.push({ problem: 'object-name', path, message: 'not the name of an object' });
      continue;
    }
    const measured = sound.get(digest) ?? measureObject(store, digest, request, hasher);
    if (typeof measured !== 'number') {
      findings.push(measured);
      continue;
    }
    objects.push([digest, measured]);
    bytes += measured;
    read += request.known.has(digest) ? 0 : measured;
    progress(read);
  }
  return { objects, findings, bytes };
}

const NOTHING: ReadonlyMap<VerityDigest, number> = new Map();

/**
 * Objects that need no look of their own, with their sizes: those that were read before, and those that are what their
 * names say, measured in one call. All others are looked at one by one.
 */
async function soundObjects(
  store: ObjectStore,
  { folder, secure, contents, known }: MeasureObjectsRequest,
  names: readonly string[],
  measureBatch: MeasureBatch,
): Promise<ReadonlyMap<VerityDigest, number>> {
  if (secure || !contents) return NOTHING;
  const files = names.flatMap((name) => fileOf(store, folder + name, known));
  if (files.length === 0) return known;
  try {
    const digests = await measureBatch(files, store.algorithm);
    const sound = files.filter(({ digest }, index) => digests[index] === digest);
    return new Map([...known, ...sound.map(({ digest, size }) => [digest, size] as const)]);
  } catch (error) {
    if (error instanceof PlanishError) return known;
    throw error;
  }
}

/** The file of an object that was not read before. */
function fileOf(
  store: ObjectStore,
  digest: string,
  known: MeasureObjectsRequest['known'],
): (SizedFile & { readonly digest: VerityDigest })[] {
  if (!isObjectName(digest, store.algorithm) || known.has(digest)) return [];
  const file = store.pathOf(digest);
  const stat = lstatSync(file, { throwIfNoEntry: false });
  return stat?.isFile() === true ? [{ digest, path: fromUtf8(file), size: stat.size }] : [];
}

/** Size of a sound object, or what is wrong with it. */
function measureObject(
  store: ObjectStore,
  digest: VerityDigest,
  { secure, contents, known }: MeasureObjectsRequest,
  hasher: VerityHasher,
): number | Finding {
  const file = store.pathOf(digest);
  const found = { path: `objects/${digest.slice(0, 2)}/${digest.slice(2)}`, object: digest };
  try {
    const open = openRegular(file);
    if (open === undefined) throw store.missing(digest);
    try {
      if (secure && verityCalls().measure(open.fd)?.digest !== digest)
        return { ...found, problem: 'object-verity', message: 'the kernel does not enforce its digest' };
      if (!contents || known.has(digest)) return open.size;
      hasher.reset();
      for (const piece of filePieces(open, file)) hasher.update(piece);
      const actual = hasher.digest();
      if (actual === digest) return open.size;
      return { ...found, problem: 'object-digest', message: `its digest is ${actual}` };
    } finally {
      closeSync(open.fd);
    }
  } catch (error) {
    if (!(error instanceof PlanishError)) throw error;
    if (error.kind === 'environment' && error.detail.errno !== 'EIO') throw error;
    const problem = error.detail.errno === 'EIO' ? 'object-digest' : 'object-kind';
    return { ...found, problem, message: error.message };
  }
}
