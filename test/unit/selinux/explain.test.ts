import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { explainLabel, labelDifferences } from '../../../src/selinux/explain.ts';
import { FILES, policyOf } from '../../support/selinux-policies.ts';
import { dir, file } from '../../support/tree-builder.ts';

const TEXTS = {
  contexts: '# comment\n/usr/.* x:usr\n/usr/bin/tool -- x:tool\n\n/usr/bin/.* x:bin\n/var/x <<none>>\n',
  local: '/usr/bin/[a-t]* -- x:local\n',
  subs: '/opt /usr\n',
  subsDist: '/bin /usr/bin\n/usr/sbin /usr/bin\n',
};

function explain(mode: 'host' | 'libselinux', path: string, type: 'regular' | 'directory' = 'regular') {
  const { key, label, rule, runnerUp, substitutions } = explainLabel(
    policyOf(TEXTS, mode),
    byteString(path),
    type,
  );
  const place = (one: typeof rule): string | undefined =>
    one === undefined ? undefined : `${one.path.slice(FILES.length + 1)}:${one.line}`;
  return {
    key,
    label,
    rule: place(rule),
    runnerUp: place(runnerUp),
    subs: substitutions.map((line) => `${line.path.slice(FILES.length + 1)}:${line.line}`),
  };
}

describe('explainLabel', () => {
  test('names the rule, its file and line, and what would decide without it', () => {
    expect(explain('host', '/usr/bin/tool')).toEqual({
      key: '/usr/bin/tool',
      label: 'x:local',
      rule: 'file_contexts.local:1',
      runnerUp: 'file_contexts:5',
      subs: [],
    });
    expect(explain('libselinux', '/usr/bin/tool')).toMatchObject({
      label: 'x:tool',
      rule: 'file_contexts:3',
      runnerUp: 'file_contexts.local:1',
    });
    expect(explain('libselinux', '/usr/bin/tool', 'directory')).toMatchObject({ rule: 'file_contexts:5' });
  });

  test('says that no rule matches, or that one says none', () => {
    expect(explain('host', '/nothing')).toMatchObject({
      label: undefined,
      rule: undefined,
      runnerUp: undefined,
    });
    expect(explain('host', '/var/x')).toMatchObject({ label: undefined, rule: 'file_contexts:6' });
    expect(explain('host', '/')).toMatchObject({ key: '/', rule: undefined });
  });

  test('names the substitutions that were used', () => {
    expect(explain('host', '/bin/tool')).toMatchObject({
      key: '/usr/bin/tool',
      label: 'x:local',
      subs: ['file_contexts.subs_dist:1'],
    });
    expect(explain('host', '/opt/sbin/tool')).toMatchObject({
      key: '/usr/bin/tool',
      subs: ['file_contexts.subs:1', 'file_contexts.subs_dist:2'],
    });
    expect(explain('libselinux', '/opt/sbin/tool')).toMatchObject({
      key: '/usr/bin/tool',
      label: 'x:tool',
      subs: ['file_contexts.subs:1', 'file_contexts.subs_dist:2'],
    });
    expect(explain('libselinux', '/usr/bin/tool').subs).toEqual([]);
  });
});

test('labelDifferences lists exactly the paths that differ, with both rules', () => {
  const root = dir({ usr: dir({ bin: dir({ tool: file(), zz: file() }), lib: dir() }) });
  const found = labelDifferences(root, policyOf(TEXTS, 'host'), policyOf(TEXTS, 'libselinux'));
  expect(found.map(({ path, type, host, libselinux }) => [path, type, host?.line, libselinux?.line])).toEqual(
    [['/usr/bin/tool', 'regular', 1, 3]],
  );
});
