/** Measuring the objects of a repository, a folder at a time, as a thread does it. */
import { closeSync, lstatSync, readdirSync } from 'node:fs';
import { byteString, display, fromUtf8 } from '../bytes/byte-string.ts';
import type { VerityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { VerityHasher } from '../fsverity/verity-hasher.ts';
import { attempt } from '../io/durable-file.ts';
import { measureFileBatch } from '../io/measure-batch.ts';
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
}

/** What a folder holds: sound objects with their sizes, and what is wrong. */
export interface MeasuredFolder {
  readonly objects: readonly (readonly [VerityDigest, number])[];
  readonly findings: readonly Finding[];
  readonly bytes: number;
}

/** Measures all objects of a folder. Throws `SYSCALL_FAILED` where the system refuses. */
export function measureObjects(
  request: MeasureObjectsRequest,
  progress: (bytes: number) => void,
): MeasuredFolder {
  const store = new ObjectStore(request);
  const hasher = new VerityHasher(request.algorithm);
  const directory = `${store.objects}/${request.folder}`;
  const names = attempt('reading a directory', directory, () => readdirSync(directory, 'latin1'));
  const objects: [VerityDigest, number][] = [];
  const findings: Finding[] = [];
  const sound = request.secure || !request.contents ? NOTHING : soundFiles(store, request.folder, names);
  let bytes = 0;
  for (const name of names.sort()) {
    const digest = request.folder + name;
    if (!isObjectName(digest, request.algorithm)) {
      const path = `objects/${request.folder}/${display(byteString(name))}`;
      findings.push({ problem: 'object-name', path, message: 'not the name of an object' });
      continue;
    }
    const measured = sound.get(digest) ?? measureObject(store, digest, request, hasher);
    if (typeof measured !== 'number') findings.push(measured);
    else objects.push([digest, measured]);
    bytes += typeof measured === 'number' ? measured : 0;
    progress(bytes);
  }
  return { objects, findings, bytes };
}

const NOTHING: ReadonlyMap<VerityDigest, number> = new Map();

/**
 * Files that are what their names say, with their sizes, measured in one call. It says nothing of all others: each of
 * them is looked at by itself.
 */
function soundFiles(
  store: ObjectStore,
  folder: string,
  names: readonly string[],
): ReadonlyMap<VerityDigest, number> {
  const files = names.flatMap((name) => {
    const digest = folder + name;
    if (!isObjectName(digest, store.algorithm)) return [];
    const file = store.pathOf(digest);
    const stat = lstatSync(file, { throwIfNoEntry: false });
    return stat?.isFile() === true ? [{ digest, path: fromUtf8(file), size: stat.size }] : [];
  });
  try {
    const digests = measureFileBatch(files, store.algorithm);
    return new Map(
      files.flatMap(({ digest, size }, index) => (digests[index] === digest ? [[digest, size]] : [])),
    );
  } catch (error) {
    if (error instanceof PlanishError) return NOTHING;
    throw error;
  }
}

/** Size of a sound object, or what is wrong with it. */
function measureObject(
  store: ObjectStore,
  digest: VerityDigest,
  { secure, contents }: MeasureObjectsRequest,
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
      if (!contents) return open.size;
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
