/**
 * Layers at the edges of the tar format, against composefs-rs of today and of the releases that bootc is made with:
 * where planish can read a layer it says the host's digest, or that the host refuses it.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { PlanishError } from '../../src/errors.ts';
import { digest } from '../../src/ops/hosts/digest.ts';
import { CfsctlHost, type PeerOutcome } from '../support/cfsctl-host.ts';
import { hasTool } from '../support/composefs-tools.ts';
import { agreeing, type OddLayer, UNREADABLE } from '../support/odd-layers.ts';

const KIND = { algorithm: 'sha512', format: 1 } as const;
const folder = mkdtempSync(join(tmpdir(), 'planish-host-layers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
let made = 0;

/** A layout around one layer as it is. */
function layoutOf({ tar, blob = tar, mediaType }: OddLayer): string {
  const directory = join(folder, String(made++));
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  const add = (type: string, bytes: Uint8Array): object => {
    writeFileSync(join(directory, 'blobs/sha256', sha256(bytes)), bytes);
    return { mediaType: type, digest: `sha256:${sha256(bytes)}`, size: bytes.length };
  };
  const json = (type: string, document: object): object => add(type, Buffer.from(JSON.stringify(document)));
  const manifestType = 'application/vnd.oci.image.manifest.v1+json';
  const rootfs = { type: 'layers', diff_ids: [`sha256:${sha256(tar)}`] };
  const config = { architecture: 'amd64', os: 'linux', config: {}, rootfs };
  const manifest = json(manifestType, {
    schemaVersion: 2,
    mediaType: manifestType,
    config: json('application/vnd.oci.image.config.v1+json', config),
    layers: [add(mediaType ?? 'application/vnd.oci.image.layer.v1.tar', blob)],
  });
  const annotations = { 'org.opencontainers.image.ref.name': 't' };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  writeFileSync(join(directory, 'index.json'), JSON.stringify(index));
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return directory;
}

describe.each([
  ['cfsctl', 'cfsctl'],
  ['bootc', 'cfsctl-0.9.0'],
] as const)('odd layers, profile %s', async (profile, program) => {
  const available = hasTool(program, `odd layers against ${program}`);
  const host = new CfsctlHost(program);
  afterAll(() => host.close());

  const theirs = (layout: string): PeerOutcome => {
    const refused = host.pull(KIND, `oci:${layout}:t`, `i${made}`);
    return refused === undefined ? host.computeId(KIND, `i${made}`, false) : { refused };
  };
  const ours = async (layout: string): Promise<string> => {
    try {
      const { container, refused } = await digest(`oci:${layout}:t`, { profile, platform: 'linux/amd64' });
      return container ?? `refused: ${refused.container?.code}`;
    } catch (error) {
      if (error instanceof PlanishError) return `refused: ${error.code}`;
      throw error;
    }
  };

  it.skipIf(!available).each(Object.entries(await agreeing()))('%s', async (_, layer) => {
    const layout = layoutOf(layer);
    const expected = theirs(layout);
    if ('digest' in expected) expect(await ours(layout)).toBe(expected.digest);
    else expect(await ours(layout), expected.refused).toMatch(/^refused: /);
  });

  it.skipIf(!available).each(Object.entries(UNREADABLE))(
    'taken by the host alone: %s',
    async (_, [layer, code]) => {
      const layout = layoutOf(layer);
      expect(theirs(layout)).toHaveProperty('digest');
      expect(await ours(layout)).toBe(`refused: ${code}`);
    },
  );
});
