import { describe, expect, it } from 'vitest';
import { isPlanishError, type PlanishError } from '../../../src/errors.ts';
import { type Descriptor, parseDescriptor } from '../../../src/oci/descriptor.ts';
import {
  choosePlatform,
  formatPlatform,
  linuxPlatform,
  parsePlatform,
  samePlatform,
} from '../../../src/oci/platform.ts';

function failure(run: () => unknown): PlanishError {
  try {
    run();
  } catch (error) {
    if (isPlanishError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

let serial = 0;
function entry(platform: string | undefined, more: object = {}): Descriptor {
  const [os, architecture, variant] = platform?.split('/') ?? [];
  const digest = `sha256:${String(++serial).padStart(64, '0')}`;
  const stated = platform === undefined ? undefined : { os, architecture, variant };
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  return parseDescriptor({ mediaType, digest, size: 1, platform: stated, ...more }, 'e');
}

const fallback = linuxPlatform('x64');
const choose = (entries: readonly Descriptor[], wanted?: string) =>
  choosePlatform(
    entries,
    { wanted: wanted === undefined ? undefined : parsePlatform(wanted), fallback },
    'oci:x',
  );

describe('parsePlatform', () => {
  it.each([
    ['linux/amd64', { os: 'linux', architecture: 'amd64' }],
    ['linux/x86_64', { os: 'linux', architecture: 'amd64' }],
    ['Linux/ARM64/v8', { os: 'linux', architecture: 'arm64', variant: 'v8' }],
    ['linux/aarch64', { os: 'linux', architecture: 'arm64' }],
    ['linux/armhf', { os: 'linux', architecture: 'arm', variant: 'v7' }],
    ['linux/arm/v6', { os: 'linux', architecture: 'arm', variant: 'v6' }],
  ])('reads %s', (text, expected) => {
    expect(parsePlatform(text)).toEqual(expected);
  });

  it.each(['', 'linux', 'linux/', '/amd64', 'a/b/c/d', 'linux/amd64/', 'linux/am d64'])(
    'refuses %j',
    (text) => {
      expect(failure(() => parsePlatform(text)).code).toBe('BAD_OPTION');
    },
  );
});

describe('samePlatform', () => {
  it.each([
    ['linux/arm64', 'linux/arm64/v8', true],
    ['linux/amd64', 'linux/amd64/v1', true],
    ['linux/amd64', 'linux/amd64/v2', false],
    ['linux/arm', 'linux/arm/v7', true],
    ['linux/arm/v6', 'linux/arm/v7', false],
    ['linux/arm64', 'linux/arm/v8', false],
    ['linux/amd64', 'windows/amd64', false],
  ])('%s and %s: %s', (a, b, expected) => {
    expect(samePlatform(parsePlatform(a), parsePlatform(b))).toBe(expected);
  });
});

describe('choosePlatform', () => {
  const amd = entry('linux/amd64');
  const arm = entry('linux/arm64/v8');
  const v6 = entry('linux/arm/v6');
  const v5 = entry('linux/arm/v5');
  const windows = entry('windows/amd64');
  const attestation = entry('unknown/unknown');
  const annotated = entry('linux/amd64', {
    annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
  });
  const artifact = entry('linux/amd64', { artifactType: 'application/x' });

  it('takes this machine when nobody asks', () => {
    expect(choose([windows, arm, amd])).toBe(amd);
  });

  it('takes the only image whatever its platform when nobody asks', () => {
    expect(choose([attestation, arm, annotated, artifact, arm])).toBe(arm);
  });

  it('takes what was asked for, baseline variant given or not', () => {
    expect(choose([amd, arm], 'linux/arm64')).toBe(arm);
    expect(choose([amd, arm], 'linux/arm64/v8')).toBe(arm);
    expect(choose([amd, v6], 'linux/arm')).toBe(v6);
  });

  it('takes the first of equals', () => {
    const second = entry('linux/amd64');
    expect(choose([arm, amd, second])).toBe(amd);
    expect(choose([arm, second, amd])).toBe(second);
  });

  it('never takes attestations or artifacts', () => {
    expect(choose([annotated, artifact, arm, amd])).toBe(amd);
    expect(failure(() => choose([attestation]))).toMatchObject({
      code: 'NO_SUCH_IMAGE',
      detail: { expected: 'linux/amd64', actual: 'no image at all' },
    });
  });

  it('lists what there is when nothing matches', () => {
    expect(failure(() => choose([amd, arm, windows], 'linux/riscv64'))).toMatchObject({
      code: 'NO_SUCH_IMAGE',
      message: 'oci:x holds no image for linux/riscv64',
      detail: { actual: 'linux/amd64, linux/arm64/v8, windows/amd64' },
    });
    expect(failure(() => choose([amd], 'linux/amd64/v3')).code).toBe('NO_SUCH_IMAGE');
  });

  it('refuses to choose among variants', () => {
    expect(failure(() => choose([v5, v6], 'linux/arm'))).toMatchObject({
      code: 'AMBIGUOUS_IMAGE',
      detail: { actual: 'linux/arm/v5, linux/arm/v6' },
    });
    expect(choose([v5, v6], 'linux/arm/v6')).toBe(v6);
  });
});

describe('formatPlatform', () => {
  it('escapes what could drive a terminal', () => {
    expect(formatPlatform({ os: 'li\u001bnux', architecture: 'amd64' })).toBe('li\\x1bnux/amd64');
  });
});
