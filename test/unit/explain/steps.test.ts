import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { hostViews } from '../../../src/explain/known-hosts.ts';
import { Remaker } from '../../../src/explain/remaker.ts';
import { AS_IT_IS, profileSettings } from '../../../src/explain/settings.ts';
import {
  applyChoices,
  CHOICES,
  choicesBetween,
  currentChoice,
  VARIABLES,
} from '../../../src/explain/variables.ts';
import { makeBootableTree } from '../../../src/host/bootable-tree.ts';
import { makePlainTree } from '../../../src/host/host-tree.ts';
import { HOST_PROFILES } from '../../../src/host/profiles.ts';
import { canonicalize } from '../../../src/tree/canonical.ts';
import { flatten } from '../../../src/tree/flatten.ts';
import { lookup } from '../../../src/tree/walk.ts';
import { dir, file, render, socket } from '../../support/tree-builder.ts';
import { layerSource, SPECIMEN, treeSource } from './specimen.ts';

const noFiles = (): never => {
  throw new Error('no file is read where there is no policy');
};

describe('steps composed as a host composes them', () => {
  // Without a policy hosts drop all labels.
  const source = { ...layerSource(SPECIMEN), relabel: treeSource(dir()).relabel };
  const layers = SPECIMEN.map(({ entries }) => ({ entries }));

  test.each(HOST_PROFILES.map((profile) => [profile.name, profile] as const))('%s, plain', (_, profile) => {
    const remaker = new Remaker(source, profile.algorithm);
    const made = remaker.tree(remaker.identify(profileSettings(profile, 'plain')));
    const { root } = makePlainTree({ kind: 'layers', layers }, profile);
    expect(render(made)).toEqual(render(root));
  });

  test.each(
    HOST_PROFILES.flatMap((profile) =>
      profile.boot === undefined ? [] : [[profile.name, profile, profile.boot] as const],
    ),
  )('%s, bootable', (_, profile, boot) => {
    const remaker = new Remaker(source, profile.algorithm);
    const settings = { ...profileSettings(profile, 'bootable'), labels: 'none' } as const;
    const { root: plain } = makePlainTree({ kind: 'layers', layers }, profile);
    const { root } = makeBootableTree(plain, boot, noFiles);
    expect(render(remaker.tree(remaker.identify(settings)))).toEqual(render(root));
  });
});

describe('steps of tools', () => {
  const root = dir(
    { usr: dir({}, { sec: 5, nsec: 6 }), old: file('x', { sec: -1 }), s: socket({ sec: 9 }) },
    { sec: 7 },
  );
  const remaker = new Remaker(treeSource(root), 'sha512');
  const made = (part: object): string[] => render(remaker.tree(remaker.identify({ ...AS_IT_IS, ...part })));

  test('canonical is what is shipped', () => {
    expect(made({ times: 'canonical' })).toEqual(render(canonicalize(root)));
  });

  test('epoch', () => {
    expect(made({ times: 'epoch' }).every((line) => line.includes(' 0.0'))).toBe(true);
  });

  test('times of /boot and /sysroot can stay', () => {
    const whole = flatten(SPECIMEN, { missingParents: 'create' }).root;
    const booted = new Remaker(treeSource(whole), 'sha512');
    const id = booted.identify({ ...AS_IT_IS, boot: 'emptied', bootTimes: 'kept' });
    const boot = lookup(booted.tree(id), byteString('/boot'));
    expect(boot).toMatchObject({ metadata: { mtime: { sec: 70, nsec: 7 } } });
    expect(boot?.type === 'directory' && boot.children.size).toBe(0);
  });

  test('what changes nothing keeps the identity and the tree', () => {
    const plain = new Remaker(treeSource(dir({ usr: dir() })), 'sha512');
    const id = plain.identify(AS_IT_IS);
    const more = {
      ...AS_IT_IS,
      hardLinks: 'separated',
      times: 'canonical',
      xattrs: 'none',
      labels: 'none',
    } as const;
    expect(plain.identify(more)).toBe(id);
    expect(plain.identify({ ...more, root: 'usr', run: 'emptied' })).toBe(id);
  });

  test('hosts refuse trees without /usr, with /run that is no directory, without /boot', () => {
    const refused =
      (tree: ReturnType<typeof dir>, part: object): (() => unknown) =>
      () =>
        new Remaker(treeSource(tree), 'sha512').identify({ ...AS_IT_IS, ...part });
    expect(refused(dir(), { root: 'usr' })).toThrow('no /usr');
    expect(refused(dir({ usr: dir(), run: file() }), { run: 'emptied' })).toThrow('/run is no directory');
    expect(refused(dir({ usr: dir() }), { boot: 'emptied' })).toThrow('no /boot');
  });
});

describe('the table of variables', () => {
  test('every variable has values, each with a meaning of its own', () => {
    for (const variable of Object.keys(VARIABLES)) {
      const values = CHOICES.filter((choice) => choice.variable === variable);
      expect(values.length).toBeGreaterThan(1);
      expect(new Set(values.map(({ value }) => value)).size).toBe(values.length);
      expect(new Set(values.map(({ means }) => means)).size).toBe(values.length);
    }
  });

  test('changes between any two hosts lead from one to the other', () => {
    const points = [
      AS_IT_IS,
      ...(['sha512', 'sha256'] as const).flatMap((a) => hostViews(a).map(({ settings }) => settings)),
    ];
    for (const from of points) {
      for (const to of points) expect(applyChoices(from, choicesBetween(from, to))).toEqual(to);
    }
  });

  test('settings of hosts have a value of every variable', () => {
    for (const { settings } of hostViews('sha512')) {
      for (const variable of Object.keys(VARIABLES) as (keyof typeof VARIABLES)[]) {
        expect(currentChoice(settings, variable)?.variable).toBe(variable);
      }
    }
  });
});
