import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import type { Component, ComponentKind } from '../../../src/chunk/component.ts';
import { foreignGroups, rememberGroups } from '../../../src/chunk/foreign-plan.ts';

const layer = (annotations: Record<string, string>, comment?: string) => ({ annotations, comment });
const component = (key: string, kind: ComponentKind = 'package'): Component => ({
  key: byteString(key),
  kind,
  paths: [],
  size: 10,
  tarSize: 20,
  rate: 20,
  lastChange: undefined,
  changeDays: [],
  guessed: true,
});

describe('foreignGroups', () => {
  test('reads annotations of chunkah, and its comments', () => {
    const layers = [
      layer({ 'org.chunkah.component': 'rpm/glibc rpm/bash', 'org.chunkah.stability': '0.990' }),
      layer({}, 'rpm/kernel bigfiles/rpmdb.sqlite'),
      layer({}, 'a sentence with a/slash'),
      layer({}),
    ];
    expect(foreignGroups({ layers, labels: {} })).toEqual([
      ['rpm/glibc', 'rpm/bash'],
      ['rpm/kernel', 'bigfiles/rpmdb.sqlite'],
      [],
      [],
    ]);
  });

  test('reads annotations of rpm-ostree', () => {
    const layers = [layer({ 'ostree.components': 'glibc,bash, kernel-core' })];
    expect(foreignGroups({ layers, labels: {} })).toEqual([['glibc', 'bash', 'kernel-core']]);
  });

  test('prefers the label of rechunk where it says anything', () => {
    const label = JSON.stringify({
      version: 2,
      uniq: 'x',
      layers: [['glibc', 7], 'odd', ['bash']],
      packages: {},
    });
    const layers = [layer({ 'ostree.components': 'other' })];
    expect(foreignGroups({ layers, labels: { 'dev.hhd.rechunk.info': label } })).toEqual([
      ['glibc'],
      [],
      ['bash'],
    ]);
    for (const bad of ['', '{', '[]', '7', 'null', '{"layers":{}}', '{"layers":[]}']) {
      expect(foreignGroups({ layers, labels: { 'dev.hhd.rechunk.info': bad } })).toEqual([['other']]);
    }
  });
});

describe('rememberGroups', () => {
  test('finds components by key and packages by name, each once', () => {
    const components = [
      component('rpm/glibc'),
      component('dpkg/bash'),
      component('rest/etc', 'rest'),
      component('file/opt/x', 'file'),
    ];
    const groups = [['rpm/glibc', 'gone'], ['bash', 'glibc', 'etc'], ['rest/etc']];
    const member = (key: string) => ({ key, size: 10, rate: 20 });
    expect(rememberGroups(groups, components)).toEqual([
      { members: [member('rpm/glibc')] },
      { members: [member('dpkg/bash')] },
      { members: [member('rest/etc')] },
    ]);
  });
});
