/**
 * The digests that hosts compute, against composefs-rs' own program: random images, plain and bootable, in every
 * format and algorithm. What the host refuses is refused here as well.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { formatDumpfile } from '../../src/dumpfile/format.ts';
import { PlanishError } from '../../src/errors.ts';
import { hostProfile } from '../../src/host/profiles.ts';
import type { Directory } from '../../src/tree/tree.ts';
import {
  CfsctlHost,
  type PeerOutcome,
  REPOSITORY_KINDS,
  type RepositoryKind,
} from '../support/cfsctl-host.ts';
import { hasTool } from '../support/composefs-tools.ts';
import { type HostOutcomes, hostOutcomes } from '../support/host-outcomes.ts';
import { writeLayout } from '../support/layer-layout.ts';
import { type RandomImage, randomImage } from '../support/random-image.ts';

const FIRST_SEED = Number(process.env['PLANISH_FIRST_SEED'] ?? 1);
const IMAGES = Number(process.env['PLANISH_IMAGES'] ?? 320);
const BATCH = 20;

const hasCfsctl = hasTool('cfsctl', 'digests of random images against composefs-rs');
const profile = hostProfile('cfsctl');

const folder = mkdtempSync(join(tmpdir(), 'planish-host-digest-'));
const host = new CfsctlHost();
const counts = { plain: 0, bootable: 0, labelled: 0, refused: 0, bootRefused: 0 };
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  host.close();
});

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
  image: RandomImage,
  kind: RepositoryKind,
  tree: 'plain' | 'bootable',
  ours: HostOutcomes | PlanishError,
  theirs: PeerOutcome,
): void {
  const mine = ours instanceof PlanishError ? undefined : ours.digests[`${tree} v${kind.format}`];
  const refused = ours instanceof PlanishError ? ours.message : mine?.refused?.message;
  const where = `seed ${image.seed}, ${tree}, v${kind.format} ${kind.algorithm}`;
  if ('refused' in theirs) {
    if (mine?.digest !== undefined) throw new Error(`${where}: only the host refuses: ${theirs.refused}`);
    return;
  }
  if (mine?.digest === theirs.digest) return;
  if (mine?.digest === undefined) throw new Error(`${where}: only planish refuses: ${refused}`);
  const root = ours instanceof PlanishError ? undefined : ours[tree];
  const dump = host.dump(kind, `s${image.seed}`, tree === 'bootable');
  throw new Error(`${where}: another digest\n${dumpDifference(root, dump)}`);
}

async function ourOutcomes(image: RandomImage, kind: RepositoryKind): Promise<HostOutcomes | PlanishError> {
  try {
    return await hostOutcomes(image.layers, profile, kind.algorithm);
  } catch (error) {
    if (error instanceof PlanishError && error.kind === 'input') return error;
    throw error;
  }
}

async function checkImage(image: RandomImage): Promise<void> {
  const layout = join(folder, String(image.seed));
  writeLayout(layout, image.layers);
  const name = `s${image.seed}`;
  for (const kind of REPOSITORY_KINDS) {
    const ours = await ourOutcomes(image, kind);
    const refused = host.pull(kind, `oci:${layout}:t`, name);
    for (const tree of ['plain', 'bootable'] as const) {
      const theirs = refused === undefined ? host.computeId(kind, name, tree === 'bootable') : { refused };
      compare(image, kind, tree, ours, theirs);
      if (kind === REPOSITORY_KINDS[0]) count(image, tree, theirs);
    }
  }
  rmSync(layout, { recursive: true, force: true });
}

function count({ policy }: RandomImage, tree: 'plain' | 'bootable', theirs: PeerOutcome): void {
  if (tree === 'plain') counts['digest' in theirs ? 'plain' : 'refused']++;
  else counts['digest' in theirs ? 'bootable' : 'bootRefused']++;
  if (tree === 'bootable' && policy && 'digest' in theirs) counts.labelled++;
}

describe.skipIf(!hasCfsctl)('random images, composefs-rs', () => {
  const batches = Array.from({ length: Math.ceil(IMAGES / BATCH) }, (_, index) => FIRST_SEED + index * BATCH);
  it.each(batches)(`${BATCH} images from seed %i have its digests`, async (first) => {
    const faults: string[] = [];
    for (let seed = first; seed < first + BATCH; seed++) {
      await checkImage(randomImage(seed)).catch((error: Error) => faults.push(error.message));
    }
    expect(faults).toEqual([]);
  });

  it('were mostly accepted, and some refused', () => {
    process.stderr.write(`host-digest: from seed ${FIRST_SEED}: ${JSON.stringify(counts)}\n`);
    expect(counts.plain).toBeGreaterThan(0.6 * IMAGES);
    expect(counts.bootable).toBeGreaterThan(0.5 * IMAGES);
    expect(counts.labelled).toBeGreaterThan(0.1 * IMAGES);
    expect(counts.refused).toBeGreaterThan(0);
    expect(counts.bootRefused).toBeGreaterThan(counts.refused);
  });
});
