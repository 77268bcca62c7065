/**
 * `verify`: UKIs and their addons inside an image, whose command line names the tree that they boot, and who signed
 * them for Secure Boot.
 */
import { checkAuthenticode } from '../../boot/authenticode-verify.ts';
import { type EfiFile, findBootEntries } from '../../boot/boot-entries.ts';
import { type ComposefsArgument, composefsArguments } from '../../boot/cmdline.ts';
import { readUki } from '../../boot/uki.ts';
import type { ByteSource } from '../../bytes/byte-source.ts';
import { display } from '../../bytes/byte-string.ts';
import { isVerityDigest, type VerityDigest, verityAlgorithm } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import type { LayerIndex } from '../../layer/layer-index.ts';
import { type ContentFile, ContentReader } from '../../parallel/content-file.ts';
import { flatten } from '../../tree/flatten.ts';
import type { Directory } from '../../tree/tree.ts';
import { contentSource } from '../load/content-source.ts';
import type { ReadLayer } from './measure-image.ts';
import type { TrustedCertificates } from './verify-certificates.ts';
import { attemptCheck, type CheckSubject, type VerifyCheck } from './verify-check.ts';

/** What UKIs are held against. */
export interface BootDemand {
  /** Certificates of which any must have signed what is signed. */
  readonly certificates: TrustedCertificates;
  /** The digests of the tree that hosts boot, each with the name of the hosts that compute it. */
  bootable(digest: VerityDigest): Promise<ReadonlyMap<string, string>>;
  /** Where the contents of a layer can be read. */
  openLayer(ordinal: number): Promise<ContentFile>;
}

/** Checks of every UKI that names a tree. One that names none claims nothing of it. */
export async function bootChecks(layers: readonly ReadLayer[], demand: BootDemand): Promise<VerifyCheck[]> {
  const read = layers.filter((layer): layer is LayerIndex => !(layer instanceof PlanishError));
  if (read.length < layers.length) return [];
  const root = treeOf(read);
  if (root === undefined) return [];
  const { ukis, addons } = findBootEntries(root);
  const checks: VerifyCheck[] = [];
  for (const file of [...ukis, ...addons]) {
    const source = await contentOf(file, read, demand);
    try {
      checks.push(...(await ukiChecks(file, source, demand)), ...signatureChecks(file, source, demand));
    } finally {
      source.close();
    }
  }
  return checks;
}

/** The tree; `undefined` where layers make none, so that nothing could boot from it either. */
function treeOf(layers: readonly LayerIndex[]): Directory | undefined {
  const numbered = layers.map(({ entries }, ordinal) => ({ ordinal, entries }));
  try {
    return flatten(numbered, { missingParents: 'create', whiteouts: 'oci' }).root;
  } catch (error) {
    if (error instanceof PlanishError && error.kind === 'input') return undefined;
    throw error;
  }
}

/** A file's content, and what is to be called when it is no more needed. */
type FileContent = ByteSource & { close(): void };

/** Layers were read one by one, so only the entries tell in which of them a content is. */
async function contentOf(
  { file: { content } }: EfiFile,
  layers: readonly LayerIndex[],
  demand: BootDemand,
): Promise<FileContent> {
  const table: ContentFile[] = [];
  if (content.kind === 'external' && content.location !== undefined) {
    const ordinal = layers.findIndex(({ entries }) => entries.some((entry) => entry.content === content));
    table[content.location.source] = await demand.openLayer(ordinal);
  }
  const reader = new ContentReader(table);
  return { ...contentSource(reader, content), close: () => reader.close() };
}

async function ukiChecks(uki: EfiFile, source: ByteSource, demand: BootDemand): Promise<VerifyCheck[]> {
  const subject: CheckSubject = { check: 'uki', subject: display(uki.path), layer: undefined };
  let named: ComposefsArgument[] = [];
  const checks: VerifyCheck[] = [];
  const read = attemptCheck(subject, () => {
    const { cmdline = '', hasProfiles } = readUki(source);
    named = composefsArguments(cmdline);
    if (hasProfiles) checks.push({ ...subject, outcome: 'unchecked', reason: PROFILES_UNREAD });
    return { ...subject, outcome: 'match' };
  });
  if (read.outcome !== 'match') return [read];
  for (const argument of named) checks.push(await checkArgument(subject, argument, demand));
  return checks;
}

const PROFILES_UNREAD = 'it has profiles (.profile), whose command lines are not looked at';

/** Whether a PE file that is signed at all is signed by one of the certificates, as firmware asks. */
function signatureChecks(uki: EfiFile, source: ByteSource, { certificates }: BootDemand): VerifyCheck[] {
  const subject: CheckSubject = { check: 'uki-signature', subject: display(uki.path), layer: undefined };
  let signed = true;
  const check = attemptCheck(subject, () => {
    const { signatures } = checkAuthenticode(source, certificates.list, (verdict) =>
      certificates.note(verdict, 'signCode'),
    );
    const good = signatures.find(({ fault }) => fault === undefined);
    signed = signatures.length > 0;
    if (good !== undefined) return { ...subject, outcome: 'match', signer: good.signer };
    const invalid = signatures.find(({ fault }) => fault?.code === 'SIGNATURE_INVALID');
    if (certificates.isEmpty && invalid === undefined)
      return { ...subject, outcome: 'unchecked', reason: 'no certificate was given' };
    return { ...subject, outcome: 'mismatch', reason: (invalid ?? signatures[0])?.fault?.message };
  });
  // What cannot be read as a PE file was said before.
  return signed && check.error?.code !== 'PE_BAD_IMAGE' ? [check] : [];
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
