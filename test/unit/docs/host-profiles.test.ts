/** docs/host-profiles.md says what the table of profiles says. */
import { expect, test } from 'vitest';
import { HOST_PROFILES, type HostProfile } from '../../../src/host/profiles.ts';
import { generatedPart, markdownTable } from './page.ts';

const COLUMNS = ['profile', 'describes', 'format', 'attributes', '/boot takes', 'read in'];

function row(profile: HostProfile): string[] {
  const { name, describes, source, format, algorithm, container, boot } = profile;
  const version = format === 'automatic' ? 'v0, or v1 with a whiteout' : `v${format}`;
  const attributes = {
    'allowlist-only': '`security.capability`',
    'keep-user-xattrs': 'and `user.*`',
    all: 'all',
  };
  return [
    `\`${name}\``,
    describes,
    `${version}, ${algorithm}`,
    container === undefined ? 'all, untransformed' : attributes[container.xattrs],
    boot === undefined ? 'not made' : boot.times,
    source,
  ];
}

test('host-profiles.md lists every profile', () => {
  const table = markdownTable(COLUMNS, HOST_PROFILES.map(row));
  const { actual, expected } = generatedPart('docs/host-profiles.md', table);
  expect(actual).toBe(expected);
});
