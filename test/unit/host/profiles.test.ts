import { describe, expect, test } from 'vitest';
import { DEFAULT_PROFILE, HOST_PROFILES, type HostProfile, hostProfile } from '../../../src/host/profiles.ts';

/** What a profile does to a digest, in one line; a change here changes digests. */
function choices(profile: HostProfile): string {
  const { format, algorithm, dialect, layers, severalMembers, fractions, hardLinks, container, boot } =
    profile;
  const kinds =
    boot === undefined ? '' : Object.entries(boot.entries).flatMap(([kind, known]) => (known ? kind : []));
  return [
    `v${format} ${algorithm} ${dialect}`,
    `layers ${layers}${severalMembers ? ' members' : ''}`,
    `fractions ${fractions}, links ${hardLinks}`,
    `xattrs ${container?.xattrs ?? '-'}`,
    boot === undefined ? 'no boot' : `boot ${boot.times} ${boot.linkedLabels} ${String(kinds)}`.trim(),
  ].join('; ');
}

describe('host profiles', () => {
  test('make these choices', () => {
    const table = Object.fromEntries(HOST_PROFILES.map((profile) => [profile.name, choices(profile)]));
    const rs = 'layers host; fractions kept, links kept';
    expect(table).toEqual({
      bootc: `v1 sha512 rs; ${rs}; xattrs allowlist-only; boot seconds split`,
      'bootc-1.16.0': `v2 sha512 rs; ${rs}; xattrs allowlist-only; boot seconds split`,
      'bootc-1.16.3': `v2 sha512 rs; ${rs}; xattrs all; boot seconds split`,
      'bootc-1.15': 'v2 sha512 rs; layers host; fractions dropped, links kept; xattrs all; boot seconds last',
      cfsctl:
        'v1 sha512 rs; layers host members; fractions kept, links kept; xattrs allowlist-only; boot nanoseconds split addons,androidImages',
      mkcomposefs:
        'vautomatic sha256 c; layers oci members; fractions kept, links separated; xattrs -; no boot',
    });
  });

  test('say what they describe and where that can be read', () => {
    for (const { describes, source } of HOST_PROFILES) {
      expect(describes).toMatch(/\d+\.\d+/);
      expect(source).toMatch(/composefs(?:-rs)? /);
    }
  });

  test('are found by name', () => {
    expect(hostProfile(DEFAULT_PROFILE)).toBe(HOST_PROFILES[0]);
    expect(() => hostProfile('none')).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  });
});
