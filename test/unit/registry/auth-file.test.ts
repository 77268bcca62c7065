import { describe, expect, it } from 'vitest';
import { isPlanishError } from '../../../src/errors.ts';
import { findCredentials, parseAuthFile, parseHelperAnswer } from '../../../src/registry/auth-file.ts';

const auth = (user: string, password: string) => ({
  auth: Buffer.from(`${user}:${password}`).toString('base64'),
});
const file = (document: object) => parseAuthFile(Buffer.from(JSON.stringify(document)), 'auth.json');
const here = (username: string, password: string) => ({
  kind: 'here',
  credentials: { kind: 'password', username, password },
});

describe('findCredentials', () => {
  const found = file({
    auths: {
      'r.test': auth('host', 'p:w'),
      'r.test/a': auth('a', 'x'),
      'r.test/a/b': auth('ab', 'x'),
      'https://index.docker.io/v1/': auth('hub', 'x'),
      'https://old.test/v2/': { username: 'old', password: 'x' },
      'empty.test': {},
      'identity.test': { ...auth('<token>', ''), identitytoken: 'secret' },
      'bearer.test': { registrytoken: 'secret' },
    },
    credHelpers: { 'helped.test': 'x', 'r.test:5000': 'y' },
    credsStore: 'store',
  });

  it.each([
    ['r.test', 'c/d', here('host', 'p:w')],
    ['r.test', 'a', here('a', 'x')],
    ['r.test', 'a/b', here('ab', 'x')],
    ['r.test', 'a/b/c', here('ab', 'x')],
    // A path is no prefix of a word.
    ['r.test', 'ab', here('host', 'p:w')],
    ['docker.io', 'library/x', here('hub', 'x')],
    ['old.test', 'x', here('old', 'x')],
    ['helped.test', 'x', { kind: 'helper', helper: 'x', server: 'helped.test' }],
    ['r.test:5000', 'x', { kind: 'helper', helper: 'y', server: 'r.test:5000' }],
    ['empty.test', 'x', { kind: 'helper', helper: 'store', server: 'empty.test' }],
    ['identity.test', 'x', { kind: 'here', credentials: { kind: 'identity', token: 'secret' } }],
    ['bearer.test', 'x', { kind: 'here', credentials: { kind: 'bearer', token: 'secret' } }],
  ])('for %s/%s', (host, repository, expected) => {
    expect(findCredentials(found, host, repository)).toEqual(expected);
  });

  it('gives nothing of another host', () => {
    const one = file({ auths: { 'r.test': auth('u', 'p'), 'https://r.test:5000/v1/': auth('v', 'p') } });
    for (const host of ['r.tes', 'r.test.evil', 'evil', 'test', 'x.r.test', 'r.test:5001'])
      expect(findCredentials(one, host, 'r.test/a')).toBeUndefined();
    expect(findCredentials(one, 'r.test:5000', 'a')).toEqual(here('v', 'p'));
  });

  it('asks the helper for Docker by the name that Docker uses', () => {
    expect(findCredentials(file({ credsStore: 's' }), 'docker.io', 'library/x')).toEqual({
      kind: 'helper',
      helper: 's',
      server: 'https://index.docker.io/v1/',
    });
  });
});

describe('parseAuthFile', () => {
  it.each([
    ['{'],
    ['[]'],
    ['{"auths": []}'],
    ['{"auths": {"a": 1}}'],
    ['{"auths": {"a": {"auth": "c2VjcmV0"}}}'],
    ['{"auths": {"a": {"auth": 7}}}'],
    ['{"credHelpers": {"a": "../x"}}'],
    ['{"credHelpers": {"a": ""}}'],
    ['{"credsStore": "a b"}'],
  ])('refuses %s, and quotes nothing of it', (text) => {
    let thrown: unknown;
    try {
      parseAuthFile(Buffer.from(text), 'auth.json');
    } catch (error) {
      thrown = error;
    }
    expect(isPlanishError(thrown, 'CREDENTIALS_BAD')).toBe(true);
    expect(JSON.stringify(thrown) + String(thrown)).not.toContain('secret');
    expect(thrown).toMatchObject({ detail: { file: 'auth.json' } });
  });

  it('takes a file that says nothing', () => {
    expect(file({ auths: null, credHelpers: null, credsStore: null, other: 1 })).toEqual({
      auths: new Map(),
      helpers: new Map(),
      store: undefined,
    });
  });
});

describe('parseHelperAnswer', () => {
  const answer = (document: object) => parseHelperAnswer(Buffer.from(JSON.stringify(document)), 'x');

  it('tells tokens from passwords', () => {
    expect(answer({ Username: 'u', Secret: 's' })).toEqual({
      kind: 'password',
      username: 'u',
      password: 's',
    });
    expect(answer({ Username: '<token>', Secret: 's' })).toEqual({ kind: 'identity', token: 's' });
  });

  it('refuses anything else', () => {
    for (const document of [{}, [], { Username: 'u' }, { Username: 1, Secret: 's' }])
      expect(() => answer(document)).toThrow('answers nothing that is known');
  });
});
