/** The objects of a repository, for reading. Needs no lock of its own: threads use it while their run holds one. */
import { existsSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { sizeMany } from '../kernel/store-objects.ts';
import type { LimitName } from '../limits.ts';
import { NO_FILE, UNSEEN } from '../native/contract.ts';
import { nativeHelpers } from '../native/load.ts';
import { objectPath } from './names.ts';
import { readRegular } from './read-file.ts';

/** Which repository; plain data that may cross a thread. */
export interface ObjectPlace {
  /** Directory of the repository. */
  readonly path: string;
  readonly algorithm: HashAlgorithm;
}

/** See the module. */
export class ObjectStore implements ObjectPlace {
  readonly path: string;
  readonly algorithm: HashAlgorithm;
  /** A directory of objects that count as if they were here: those that whoever gets this repository has. */
  elsewhere: string | undefined;

  constructor({ path, algorithm }: ObjectPlace) {
    this.path = path;
    this.algorithm = algorithm;
  }

  /** The directory of objects; it need not exist. */
  get objects(): string {
    return join(this.path, 'objects');
  }

  /** Path of an object; where it is not there and {@link elsewhere} has it, that one. */
  pathOf(digest: VerityDigest): string {
    const own = `${this.path}/objects/${objectPath(digest)}`;
    if (this.elsewhere === undefined) return own;
    const other = join(this.elsewhere, objectPath(digest));
    return !existsSync(own) && existsSync(other) ? other : own;
  }

  /** A whole object. Throws `OBJECT_MISSING`, `LIMIT_EXCEEDED`, `REPOSITORY_BAD`. */
  readObject(digest: VerityDigest, limit: LimitName): Uint8Array {
    const bytes = readRegular(this.pathOf(digest), limit);
    if (bytes === undefined) throw this.missing(digest);
    return bytes;
  }

  /** Size of an object, `undefined` where it is not there or is no file. */
  objectSize(digest: VerityDigest): number | undefined {
    const stat = lstatSync(this.pathOf(digest), { throwIfNoEntry: false });
    return stat?.isFile() === true ? stat.size : undefined;
  }

  /** The same of many, in their order, faster where the native helpers are. */
  async objectSizes(digests: readonly VerityDigest[]): Promise<(number | undefined)[]> {
    const many = this.elsewhere === undefined ? sizeMany(this.objects, nativeHelpers()) : undefined;
    const found = await many?.(digests);
    return digests.map((digest, index) => {
      const size = found?.[index] ?? UNSEEN;
      if (size === UNSEEN) return this.objectSize(digest);
      return size === NO_FILE ? undefined : size;
    });
  }

  /** `OBJECT_MISSING`. */
  missing(digest: VerityDigest): PlanishError {
    return new PlanishError('OBJECT_MISSING', 'an object is not there', { file: this.pathOf(digest) });
  }
}
