/** The vectors of the composefs project: dumpfiles, and the SHA-256 of the image that mkcomposefs makes of each. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseDumpfile } from '../../src/dumpfile/parse.ts';
import { automaticVersion } from '../../src/erofs/collect.ts';
import { imageDigest } from '../../src/erofs/image-digest.ts';
import { encodeImage } from '../../src/erofs/writer.ts';
import { PlanishError } from '../../src/errors.ts';

const FOLDER = new URL('../../fixtures/composefs/', import.meta.url);

/** Image bytes and fs-verity digest of each asset. */
const EXPECTED: Readonly<Record<string, readonly [number, string]>> = {
  'special.dump': [28_672, '6fae72a66167ef8d5830fa15647263ef1b535681aa91fdf195fa3d6f5e3ae15e'],
  'special_v1.dump': [28_672, '1d268f8bc7609b4f8f8467e98565f45300f9e192c0e6ef2d05820d3ea41d4515'],
  'no-newline.dump': [16_384, '4aa51e1805ee1c2d3bd8d9ba2f2740948c2ee4de7c3cbfcef863982e456f46fe'],
  'bigfile.dump': [20_480, '160c71227628d810604ad305e5d4a912e01a5964866b9bec9f8fddc55e352bfb'],
  'config.dump.gz': [1_658_880, '26cbaf47c39d0b5ed47bd959595e4d84f01c8eb8196d861d9f00bf527c244ad2'],
  'cs9-x86_64-minimal.dump.gz': [
    3_403_776,
    'ea6a12d09a928b965d9881f6703c54cf2801ad0a5fad2c921819d6c7ba4956ce',
  ],
};

function read(name: string): Buffer {
  const bytes = readFileSync(new URL(name, FOLDER));
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

function encode(name: string): Uint8Array {
  const { root, facts } = parseDumpfile(read(name));
  const given = new URL(`${name}.version`, FOLDER);
  const version = existsSync(given) ? (Number(readFileSync(given, 'utf8')) as 0 | 1) : automaticVersion(root);
  return encodeImage(root, { version, algorithm: 'sha256', dialect: 'c', facts });
}

const names = readdirSync(FOLDER);

describe('assets of composefs', () => {
  it('are all there', () => {
    const assets = names.filter((name) => /\.dump(?:\.gz)?$/.test(name) && !name.startsWith('should-fail'));
    expect(assets.sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  it.each(Object.entries(EXPECTED))('%s gives the image of mkcomposefs', (name, [size, digest]) => {
    const image = encode(name);
    expect(image.length).toBe(size);
    const wanted = readFileSync(new URL(`${name}.sha256`, FOLDER), 'utf8').trim();
    expect(createHash('sha256').update(image).digest('hex')).toBe(wanted);
    expect(imageDigest(image, 'sha256')).toBe(digest);
  });

  it.each(names.filter((name) => name.startsWith('should-fail')))('%s is refused', (name) => {
    expect(() => encode(name)).toThrow(PlanishError);
  });

  it('special.dump without large content gives the digest that composefs-rs pins for version 1', () => {
    const lines = read('special.dump').toString('latin1').split('\n');
    const cut = lines.filter((line) => !line.startsWith('/inline-large')).join('\n');
    const { root, facts } = parseDumpfile(Buffer.from(cut, 'latin1'));
    const image = encodeImage(root, { version: 1, algorithm: 'sha256', dialect: 'rs', facts });
    expect(imageDigest(image, 'sha256')).toBe(
      'b1c78c25db8638be5b9b483472d32ee9624d8d32ded626a91cd536116e8df97c',
    );
  });
});
