import { describe, expect, it } from 'vitest';
import {
  encodeVerityDescriptor,
  formatDigestForSigning,
  verityAlgorithmName,
} from '../../../src/fsverity/index.ts';

describe('encodeVerityDescriptor', () => {
  it('puts every field where the kernel has it', () => {
    const root = Buffer.from(Array.from({ length: 32 }, (_, index) => 0xa0 + index)).toString('latin1');
    const bytes = Buffer.from(encodeVerityDescriptor('sha256', 0x1234567890a, root));
    expect(bytes.toString('hex')).toBe(
      `01010c00000000000a89674523010000${Buffer.from(root, 'latin1').toString('hex')}${'00'.repeat(208)}`,
    );
  });

  it('says SHA-512 and holds its longer root', () => {
    const root = Buffer.alloc(64, 0xee).toString('latin1');
    const bytes = Buffer.from(encodeVerityDescriptor('sha512', 1, root));
    expect(bytes.toString('hex')).toBe(
      `01020c00000000000100000000000000${'ee'.repeat(64)}${'00'.repeat(176)}`,
    );
  });

  it('has no root for no data', () => {
    expect(Buffer.from(encodeVerityDescriptor('sha256', 0, '')).toString('hex')).toBe(
      `01010c00${'00'.repeat(252)}`,
    );
  });
});

describe('formatDigestForSigning', () => {
  it('is magic, algorithm, length, digest', () => {
    expect(Buffer.from(formatDigestForSigning('sha256', Buffer.alloc(32, 0xab))).toString('hex')).toBe(
      `${Buffer.from('FSVerity').toString('hex')}01002000${'ab'.repeat(32)}`,
    );
    expect(Buffer.from(formatDigestForSigning('sha512', Buffer.alloc(64, 0xcd))).toString('hex')).toBe(
      `${Buffer.from('FSVerity').toString('hex')}02004000${'cd'.repeat(64)}`,
    );
  });
});

it('names algorithms as composefs does', () => {
  expect([verityAlgorithmName('sha256'), verityAlgorithmName('sha512')]).toEqual([
    'fsverity-sha256-12',
    'fsverity-sha512-12',
  ]);
});
