/** The dumpfiles of the composefs project: what they parse to, in the words of `composefs-info dump`, and what is refused. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { formatDumpfile } from '../../src/dumpfile/format.ts';
import { parseDumpfile } from '../../src/dumpfile/parse.ts';
import { automaticVersion } from '../../src/erofs/collect.ts';
import { decodeImage } from '../../src/erofs/reader.ts';
import { encodeImage } from '../../src/erofs/writer.ts';
import { isPlanishError } from '../../src/errors.ts';

const FOLDERS = ['composefs', 'dumpfile'].map((name) => new URL(`../../fixtures/${name}/`, import.meta.url));
const FILES = new Map(
  FOLDERS.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /\.dump(\.gz)?$/.test(name))
      .map((name) => [name, new URL(name, folder)] as const),
  ),
);

function read(name: string): Buffer {
  const bytes = readFileSync(FILES.get(name) as URL);
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** SHA-256 of what composefs-info 1.0.8 prints of the image that mkcomposefs 1.0.8 makes of each by default. */
const DUMPS: Readonly<Record<string, string>> = {
  'bigfile.dump': '251520856699b3702026ac00b5dc86ce01641dc1ed84fff45c08a759cfa3bfc0',
  'bigfile-xattr.dump': 'c6214bd9d56dc566d32944452a1b205b9daf3f77d2fcc67bd0db01ba29483827',
  'config.dump.gz': 'ed2eb97c9a0f9796ba59dc673f33b9f285d37f8a38812a2a1ede4cb94d0a5d39',
  'cs9-x86_64-minimal.dump.gz': '082bd9ff8522a7240736a8becec1a7399242b636d299cb8b63258cf71817e146',
  'honggfuzz-bigfile-with-acl.dump': '8e8240f78fbb5184aabbaddbf1cd230516181d966a025bae32f77dc1bd9c2ebb',
  'honggfuzz-chardev-nonzero-size.dump': 'eceac20bf45f3df431ce1472d05b872c1c0ea3630ed1191fea0ad522515c69f8',
  'honggfuzz-long-symlink.dump': '60cbc9118cc5707fb84a933403fa59a08ca0578aeb7b69a148296188a8a8c564',
  'honggfuzz-longlink-unterminated.dump': '316357c5aeefee1a6eb7018ea7fcd831de0ee2db63d2843aa30bcc244fb2c590',
  'longlink.dump': '667003d46174fdc83f53ae594048497607075bfa82a157ec56790e00c82f8031',
  'no-newline.dump': 'b8b08bb475c99e9ebabb156b14dfc94015727f6d0e28ba80f6e5cdeebfe9e191',
  'special.dump': '9167fa191cf855a9fb3e9be0c9448905d1781c46e79adf06846f9d58f418ebbb',
  'special_v1.dump': '9167fa191cf855a9fb3e9be0c9448905d1781c46e79adf06846f9d58f418ebbb',
};

/** Line, offset and message of each refusal. */
const REFUSALS: Readonly<Record<string, readonly [number, number, string]>> = {
  'should-fail-big-inline.dump': [2, 68, 'the CONTENT field passes 5000 bytes'],
  'should-fail-dir-hardlink.dump': [2, 55, 'the MODE field says that a directory is a hard link'],
  'should-fail-dot-name.dump': [2, 40, 'the PATH field ends in "." or ".."'],
  'should-fail-dotdot-name.dump': [2, 40, 'the PATH field ends in "." or ".."'],
  'should-fail-empty-link-name.dump': [2, 73, 'the PAYLOAD field is empty: a symlink needs a target'],
  'should-fail-empty-name.dump': [2, 40, 'the PATH field ends in a slash'],
  'should-fail-empty-xattr-key.dump': [2, 80, 'an extended attribute has no name'],
  'should-fail-honggfuzz-long-xattr.dump.gz': [1, 1276, 'the extended attributes pass 32767 bytes'],
  'should-fail-long-link.dump': [2, 67, 'the PAYLOAD field passes 4095 bytes'],
  'should-fail-long-xattr-key.dump.gz': [2, 78, 'the extended attributes pass 65535 bytes'],
  'should-fail-long-xattr-value.dump': [2, 59, 'the MODE field names no known type of file'],
  'should-fail-no-ftype.dump': [2, 51, 'the MODE field names no known type of file'],
  'should-fail-self-hardlink.dump': [2, 32, 'the PAYLOAD field of a hard link leads in a circle'],
  'should-fail-too-big.dump': [2, 40, 'the SIZE field is not below 2^53'],
};

test('every file has an expectation', () => {
  expect([...FILES.keys()].sort()).toEqual([...Object.keys(DUMPS), ...Object.keys(REFUSALS)].sort());
});

describe('accepted', () => {
  test.each(Object.entries(DUMPS))('%s', (name, digest) => {
    const { root, facts } = parseDumpfile(read(name));
    const version = automaticVersion(root);
    const image = encodeImage(root, { version, algorithm: 'sha256', dialect: 'c', facts });
    const wanted = FILES.get(name)?.pathname.includes('/dumpfile/') ?? false;
    if (wanted)
      expect(sha256(image)).toBe(readFileSync(new URL(`${name}.sha256`, FOLDERS[1]), 'utf8').trim());
    const read_ = decodeImage(image, { keepOpaqueMarks: true });
    const options = { style: 'composefs-info', facts: read_.facts, version } as const;
    expect(sha256(Buffer.concat([...formatDumpfile(read_.root, options)]))).toBe(digest);
  });
});

describe('refused, in both modes', () => {
  test.each(Object.entries(REFUSALS))('%s', (name, [line, offset, message]) => {
    for (const strict of [false, true]) {
      try {
        parseDumpfile(read(name), { strict });
      } catch (error) {
        if (!isPlanishError(error, 'DUMP_BAD_LINE')) throw error;
        if (!strict)
          expect([error.detail.line, error.detail.offset, error.message]).toEqual([line, offset, message]);
        continue;
      }
      throw new Error(`${name} was accepted`);
    }
  });
});
