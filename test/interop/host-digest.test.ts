/**
 * The digests that hosts compute, against composefs-rs' own program: random images, plain and bootable, in every
 * format and algorithm. What the host refuses is refused here as well.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { HashAlgorithm } from '../../src/bytes/digest.ts';
import { formatDumpfile } from '../../src/dumpfile/format.ts';
import { type ErrorCode, PlanishError } from '../../src/errors.ts';
import { type HostProfile, hostProfile } from '../../src/host/profiles.ts';
import type { Directory } from '../../src/tree/tree.ts';
import { CfsctlHost, type PeerOutcome, type RepositoryKind } from '../support/cfsctl-host.ts';
import { hasTool } from '../support/composefs-tools.ts';
import { type HostOutcomes, hostOutcomes } from '../support/host-outcomes.ts';
import { writeLayout } from '../support/layer-layout.ts';
import { temporaryMemory } from '../support/memory-directory.ts';
import { type RandomImage, randomImage } from '../support/random-image.ts';

const FIRST_SEED = Number(process.env['PLANISH_FIRST_SEED'] ?? 1);
const IMAGES = Number(process.env['PLANISH_IMAGES'] ?? 320);
const BATCH = 20;

/** A host: a profile and the program that it describes. */
interface Peer {
  readonly profile: HostProfile;
  readonly host: CfsctlHost;
  readonly counts: Record<'plain' | 'bootable' | 'labelled' | 'refused' | 'bootRefused', number>;
}

const folder = mkdtempSync(join(temporaryMemory(), 'planish-host-digest-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Why a host refuses, by its message, and the code that says so here. The first that matches counts. */
const REASONS: readonly (readonly [RegExp, ErrorCode])[] = [
  [/Applying SELinux labels/, 'SELINUX_BAD_POLICY'],
  [/unpacking container layer file.*does not exist/s, 'PARENT_MISSING'],
  [/unpacking container layer file.*is not a subdirectory/s, 'PARENT_NOT_DIRECTORY'],
  [/unpacking container layer file.*Invalid filename/s, 'PATH_ESCAPES_ROOT'],
  [/Processing tar entry.*(?:does not exist|is not a subdirectory)/s, 'LINK_TARGET_MISSING'],
  [/Processing tar entry.*is a directory/s, 'LINK_TARGET_INVALID'],
  [/whiteout inode has nlink > 1/, 'UNREPRESENTABLE'],
  [/./, 'HOST_TREE_INVALID'],
];

/** First lines in which two dumpfiles differ. */
function dumpDifference(root: Directory | undefined, theirs: string): string {
  if (root === undefined) return 'refused here';
  const mine = Buffer.concat([...formatDumpfile(root)])
    .toString('latin1')
    .split('\n');
  const other = theirs.split('\n');
  const at = mine.findIndex((line, index) => line !== other[index]);
  return at < 0 ? 'same dumpfile' : `ours:   ${mine[at]}\ntheirs: ${other[at]}`;
}

/** Holds one digest of one image against the host's; throws what a person needs to find the reason. */
function compare(
  { host }: Peer,
  image: RandomImage,
  kind: RepositoryKind,
  tree: 'plain' | 'bootable',
  ours: HostOutcomes | PlanishError,
  theirs: PeerOutcome,
): void {
  const mine = ours instanceof PlanishError ? undefined : ours.digests[`${tree} v${kind.format}`];
  const refused = ours instanceof PlanishError ? ours : mine?.refused;
  const where = `seed ${image.seed}, ${tree}, v${kind.format} ${kind.algorithm}`;
  if ('refused' in theirs) {
    if (mine?.digest !== undefined) throw new Error(`${where}: only the host refuses: ${theirs.refused}`);
    const code = REASONS.find(([message]) => message.test(theirs.refused))?.[1];
    if (code === refused?.code) return;
    throw new Error(`${where}: refused for ${refused?.code}, by the host for ${code}: ${theirs.refused}`);
  }
  if (mine?.digest === theirs.digest) return;
  if (mine?.digest === undefined) throw new Error(`${where}: only planish refuses: ${refused?.message}`);
  const root = ours instanceof PlanishError ? undefined : ours[tree];
  const dump = host.dump({ ...kind, format: 1 }, `s${image.seed}`, tree === 'bootable', kind.format);
  throw new Error(`${where}: another digest\n${dumpDifference(root, dump)}`);
}

async function ourOutcomes(
  { profile }: Peer,
  image: RandomImage,
  algorithm: HashAlgorithm,
): Promise<HostOutcomes | PlanishError> {
  try {
    return await hostOutcomes(image.layers, profile, algorithm);
  } catch (error) {
    if (error instanceof PlanishError && error.kind === 'input') return error;
    throw error;
  }
}

async function checkImage(peer: Peer, image: RandomImage): Promise<void> {
  const layout = join(folder, String(image.seed));
  writeLayout(layout, image.layers);
  for (const algorithm of ['sha512', 'sha256'] as const) {
    const ours = await ourOutcomes(peer, image, algorithm);
    for (const { kind, tree, theirs } of outcomesOf(peer.host, image, `oci:${layout}:t`, algorithm)) {
      compare(peer, image, kind, tree, ours, theirs);
      if (algorithm === 'sha512' && kind.format === 1) count(peer, image, tree, theirs);
    }
  }
  rmSync(layout, { recursive: true, force: true });
}

/** What the host says in both formats, from one repository where that takes the image. */
function* outcomesOf(
  host: CfsctlHost,
  { seed }: RandomImage,
  reference: string,
  algorithm: HashAlgorithm,
): Generator<{ kind: RepositoryKind; tree: 'plain' | 'bootable'; theirs: PeerOutcome }> {
  const name = `s${seed}`;
  const first: RepositoryKind = { algorithm, format: 1 };
  const pulled = host.pull(first, reference, name);
  for (const format of [1, 2] as const) {
    const kind = { algorithm, format };
    const refused = format === 1 || pulled === undefined ? pulled : host.pull(kind, reference, name);
    for (const tree of ['plain', 'bootable'] as const) {
      const id = (): PeerOutcome =>
        host.computeId(pulled === undefined ? first : kind, name, tree === 'bootable', format);
      yield { kind, tree, theirs: refused === undefined ? id() : { refused } };
    }
  }
}

function count(
  { counts }: Peer,
  { policy }: RandomImage,
  tree: 'plain' | 'bootable',
  theirs: PeerOutcome,
): void {
  if (tree === 'plain') counts['digest' in theirs ? 'plain' : 'refused']++;
  else counts['digest' in theirs ? 'bootable' : 'bootRefused']++;
  if (tree === 'bootable' && policy && 'digest' in theirs) counts.labelled++;
}

/** bootc has no program that computes digests of layers; this one differs in the boot entries that it knows. */
function bootcAsCfsctl(): HostProfile {
  const profile = hostProfile('bootc');
  const { boot } = profile;
  if (boot === undefined) throw new Error('bootc boots');
  return { ...profile, boot: { ...boot, entries: { ...boot.entries, addons: true } } };
}

describe.each([
  ['cfsctl', hostProfile('cfsctl'), 'cfsctl', IMAGES],
  ['bootc', bootcAsCfsctl(), 'cfsctl-0.9.0', Math.min(IMAGES, 40)],
] as const)('random images, profile %s', (_, profile, program, images) => {
  const available = hasTool(program, `digests of random images against ${program}`);
  const counts = { plain: 0, bootable: 0, labelled: 0, refused: 0, bootRefused: 0 };
  const peer: Peer = { profile, host: new CfsctlHost(program), counts };
  afterAll(() => peer.host.close());
  const batches = Array.from({ length: Math.ceil(images / BATCH) }, (_, index) => FIRST_SEED + index * BATCH);

  it.skipIf(!available).each(batches)(`${BATCH} images from seed %i have its digests`, async (first) => {
    const faults: string[] = [];
    for (let seed = first; seed < first + BATCH; seed++) {
      await checkImage(peer, randomImage(seed)).catch((error: Error) => faults.push(error.message));
    }
    expect(faults).toEqual([]);
  });

  it.skipIf(!available)('were mostly accepted, and some refused', () => {
    process.stderr.write(`host-digest: ${program}, from seed ${FIRST_SEED}: ${JSON.stringify(counts)}\n`);
    expect(counts.plain).toBeGreaterThan(0.6 * images);
    expect(counts.bootable).toBeGreaterThan(0.5 * images);
    expect(counts.labelled).toBeGreaterThan(0.1 * images);
    expect(counts.refused).toBeGreaterThan(0);
    expect(counts.bootRefused).toBeGreaterThan(counts.refused);
  });
});
