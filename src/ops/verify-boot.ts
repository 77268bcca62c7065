/** `verify`: UKIs inside an image, whose command line names the tree that they boot. */
import { type EfiFile, findBootEntries } from '../boot/boot-entries.ts';
import { type ComposefsArgument, composefsArguments } from '../boot/cmdline.ts';
import { readUki } from '../boot/uki.ts';
import { display } from '../bytes/byte-string.ts';
import { isVerityDigest, type VerityDigest, verityAlgorithm } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import type { LayerIndex } from '../layer/layer-index.ts';
import type { ContentReader } from '../parallel/content-file.ts';
import { flatten } from '../tree/flatten.ts';
import { contentSource } from './content-source.ts';
import type { ReadLayer } from './measure-image.ts';
import { attemptCheck, type CheckSubject, type VerifyCheck } from './verify-check.ts';

/** What UKIs are held against. */
export interface BootDemand {
  /** The digests of the tree that hosts boot, each with the name of the hosts that compute it. */
  bootable(digest: VerityDigest): Promise<ReadonlyMap<string, string>>;
  /** Reads a file of the image. */
  withContent<T>(file: EfiFile['file'], use: (reader: ContentReader) => T): Promise<T>;
}

/** Checks of every UKI that names a tree. One that names none claims nothing of it. */
export async function bootChecks(layers: readonly ReadLayer[], demand: BootDemand): Promise<VerifyCheck[]> {
  const read = layers.filter((layer): layer is LayerIndex => !(layer instanceof PlanishError));
  if (read.length < layers.length) return [];
  const numbered = read.map(({ entries }, ordinal) => ({ ordinal, entries }));
  const { root } = flatten(numbered, { missingParents: 'create', whiteouts: 'oci' });
  const checks: VerifyCheck[] = [];
  for (const uki of findBootEntries(root).ukis) checks.push(...(await ukiChecks(uki, demand)));
  return checks;
}

async function ukiChecks(uki: EfiFile, demand: BootDemand): Promise<VerifyCheck[]> {
  const subject: CheckSubject = { check: 'uki', subject: display(uki.path), layer: undefined };
  let named: ComposefsArgument[] = [];
  const read = await demand.withContent(uki.file, (reader) =>
    attemptCheck(subject, () => {
      named = composefsArguments(readUki(contentSource(reader, uki.file.content)).cmdline ?? '');
      return { ...subject, outcome: 'match' };
    }),
  );
  if (read.outcome !== 'match') return [read];
  const checks: VerifyCheck[] = [];
  for (const argument of named) checks.push(await checkArgument(subject, argument, demand));
  return checks;
}

/** What the kernel is told must be what a host computes; `?` leaves it to the machine whether that is looked at. */
async function checkArgument(
  subject: CheckSubject,
  { text, digest, optional }: ComposefsArgument,
  demand: BootDemand,
): Promise<VerifyCheck> {
  if (!isVerityDigest(digest)) return { ...subject, outcome: 'mismatch', reason: `${text} names no digest` };
  if (optional) {
    return {
      ...subject,
      outcome: 'mismatch',
      reason: `${text} does not insist on verity: the image is not sealed`,
    };
  }
  const hosts = (await demand.bootable(digest)).get(digest);
  if (hosts !== undefined)
    return { ...subject, outcome: 'match', expected: digest, reason: `for hosts of profile ${hosts}` };
  const [actual = `none of ${verityAlgorithm(digest)}`] = (await demand.bootable(digest)).keys();
  return { ...subject, outcome: 'mismatch', expected: digest, actual };
}
