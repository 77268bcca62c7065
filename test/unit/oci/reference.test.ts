import { describe, expect, it } from 'vitest';
import { isPlanishError, type PlanishError } from '../../../src/errors.ts';
import { normalizeImageName } from '../../../src/oci/image-name.ts';
import {
  formatSource,
  parseDestination,
  parseFileDestination,
  parseSource,
} from '../../../src/oci/reference.ts';

const D = `sha256:${'0'.repeat(64)}`;
const D512 = `sha512:${'0'.repeat(128)}`;
const none = undefined;

function failure(run: () => unknown): PlanishError {
  try {
    run();
  } catch (error) {
    if (isPlanishError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('parseSource', () => {
  it.each([
    ['oci:dir', { kind: 'oci', path: 'dir', name: none, digest: none }],
    ['oci:/a/b:v1', { kind: 'oci', path: '/a/b', name: 'v1', digest: none }],
    ['oci:a b/ü:_x', { kind: 'oci', path: 'a b/ü', name: '_x', digest: none }],
    // The first colon ends the path: the rest is the name, colons, slashes and all.
    [
      'oci:dir:localhost:5000/app:1',
      { kind: 'oci', path: 'dir', name: 'localhost:5000/app:1', digest: none },
    ],
    [`oci:dir@${D}`, { kind: 'oci', path: 'dir', name: none, digest: D }],
    [`oci:user@host/dir@${D512}`, { kind: 'oci', path: 'user@host/dir', name: none, digest: D512 }],
    ['oci:user@host/dir:t', { kind: 'oci', path: 'user@host/dir', name: 't', digest: none }],
    ['oci-archive:x.tar:1.2', { kind: 'oci-archive', path: 'x.tar', name: '1.2', digest: none }],
    [`oci-archive:x.tar@${D}`, { kind: 'oci-archive', path: 'x.tar', name: none, digest: D }],
    ['docker-archive:x.tar', { kind: 'docker-archive', path: 'x.tar', name: none }],
    ['docker-archive:x.tar:h:5000/a/b:1', { kind: 'docker-archive', path: 'x.tar', name: 'h:5000/a/b:1' }],
    ['tar:a:b.tar', { kind: 'tar', path: 'a:b.tar' }],
    ['rootfs:/', { kind: 'rootfs', path: '/' }],
    ['dump:-', { kind: 'dump', path: '-' }],
    ['dump:a:b', { kind: 'dump', path: 'a:b' }],
    // Bare paths are never split.
    ['dir', { kind: 'path', path: 'dir' }],
    ['./oci:x', { kind: 'path', path: './oci:x' }],
    ['a:b', { kind: 'path', path: 'a:b' }],
    ['/data/12:30/x', { kind: 'path', path: '/data/12:30/x' }],
    ['oci', { kind: 'path', path: 'oci' }],
  ])('reads %s', (text, expected) => {
    const source = parseSource(text);
    expect(source).toEqual(expected);
    expect(formatSource(source)).toBe(text);
  });

  it.each([
    ['', 'holds no path'],
    ['oci:', 'holds no path'],
    ['oci::tag', 'holds no path'],
    [`oci:@${D}`, 'holds no path'],
    ['oci:dir:', 'ends in a colon without a name'],
    ['oci:dir:-x', 'holds a malformed image name'],
    ['oci:dir:a b', 'holds a malformed image name'],
    ['oci:dir@sha256:abc', 'holds a malformed digest'],
    [`oci:dir:tag@${D}`, 'holds both a name and a digest; give one'],
    ['docker-archive:x.tar:UPPER', 'holds a malformed image name'],
    [`docker-archive:x.tar:a@${D}`, 'holds a malformed image name'],
    ['a\0b', 'holds a NUL'],
    ['dir:x', 'has a transport that is not supported'],
    ['containers-storage:x', 'has a transport that is not supported'],
    ['docker-daemon:x', 'has a transport that is not supported'],
  ])('refuses %j', (text, complaint) => {
    const error = failure(() => parseSource(text));
    expect(error.code).toBe('BAD_REFERENCE');
    expect(error.message.endsWith(`" ${complaint}`)).toBe(true);
  });

  it.each([
    ['docker://r.test/a/b:v1', 'r.test', 'a/b', 'v1', none, 'docker://r.test/a/b:v1'],
    ['docker://r.test:5000/a', 'r.test:5000', 'a', 'latest', none, 'docker://r.test:5000/a:latest'],
    ['docker://localhost/a:1', 'localhost', 'a', '1', none, 'docker://localhost/a:1'],
    ['docker://[::1]:5000/a', '[::1]:5000', 'a', 'latest', none, 'docker://[::1]:5000/a:latest'],
    [`docker://r.test/a@${D}`, 'r.test', 'a', none, D, `docker://r.test/a@${D}`],
    [`docker://r.test/a@${D512}`, 'r.test', 'a', none, D512, `docker://r.test/a@${D512}`],
    // As Docker reads names that state no host.
    [
      'docker://debian',
      'docker.io',
      'library/debian',
      'latest',
      none,
      'docker://docker.io/library/debian:latest',
    ],
    ['docker://foo/bar:1', 'docker.io', 'foo/bar', '1', none, 'docker://docker.io/foo/bar:1'],
  ])('reads %s', (text, host, repository, name, digest, written) => {
    const source = parseSource(text);
    expect(source).toEqual({ kind: 'docker', host, repository, name, digest });
    expect(formatSource(source)).toBe(written);
    expect(parseSource(written)).toEqual(source);
  });

  it.each([
    ['docker://', 'holds a malformed image name'],
    ['docker:///x', 'holds a malformed image name'],
    ['docker://r.test/', 'holds a malformed image name'],
    ['docker://r.test/A', 'holds a malformed image name'],
    ['docker://r.test/a/../b', 'holds a malformed image name'],
    ['docker://user@r.test/a', 'holds a malformed digest'],
    ['docker://r.test/a?x', 'holds a malformed image name'],
    ['docker://r.test/a:', 'holds a malformed image name'],
    ['docker://r.test/a@sha256:1', 'holds a malformed digest'],
    [`docker://r.test/a:v1@${D}`, 'holds both a name and a digest; give one'],
    ['docker:x', 'has a transport that is not supported'],
    ['https://r.test/a', 'has a transport that is not supported'],
  ])('refuses %j of a registry', (text, complaint) => {
    const error = failure(() => parseSource(text));
    expect(error.code).toBe('BAD_REFERENCE');
    expect(error.message.endsWith(`" ${complaint}`)).toBe(true);
  });

  it('does not let a reference drive a terminal', () => {
    expect(failure(() => parseSource('dir:\u001b[2J')).message).toContain('\\x1b[2J');
  });
});

describe('parseDestination', () => {
  it.each([
    ['out', { kind: 'oci', path: 'out', name: none }],
    ['a:b', { kind: 'oci', path: 'a:b', name: none }],
    ['oci:out:v1', { kind: 'oci', path: 'out', name: 'v1' }],
    ['oci-archive:out.tar:v1', { kind: 'oci-archive', path: 'out.tar', name: 'v1' }],
  ])('reads %s', (text, expected) => {
    expect(parseDestination(text)).toEqual(expected);
    expect(parseFileDestination(text)).toEqual(expected);
  });

  it('reads a registry, but where only files are written', () => {
    const parsed = { kind: 'docker', host: 'h.test', repository: 'x', name: 'latest', digest: none };
    expect(parseDestination('docker://h.test/x')).toEqual(parsed);
    expect(failure(() => parseFileDestination('docker://h.test/x'))).toMatchObject({
      code: 'BAD_REFERENCE',
      message: 'reference "docker://h.test/x" names a registry, which this does not write to',
    });
  });

  it.each([
    ['docker-archive:x', 'cannot be written to as docker-archive:'],
    ['rootfs:x', 'cannot be written to as rootfs:'],
    [`oci:x@${D}`, 'names a digest, which a destination cannot choose'],
    [`docker://h.test/x@${D}`, 'names a digest, which a destination cannot choose'],
    ['', 'holds no path'],
  ])('refuses %j', (text, complaint) => {
    const error = failure(() => parseDestination(text));
    expect(error.code).toBe('BAD_REFERENCE');
    expect(error.message.endsWith(`" ${complaint}`)).toBe(true);
  });
});

describe('normalizeImageName', () => {
  it.each([
    ['alpine', 'docker.io/library/alpine:latest'],
    ['alpine:3.1', 'docker.io/library/alpine:3.1'],
    ['library/alpine', 'docker.io/library/alpine:latest'],
    ['docker.io/alpine', 'docker.io/library/alpine:latest'],
    ['index.docker.io/alpine', 'docker.io/library/alpine:latest'],
    ['foo/bar', 'docker.io/foo/bar:latest'],
    ['localhost/a', 'localhost/a:latest'],
    ['localhost:5000/a/b_c:V1', 'localhost:5000/a/b_c:V1'],
    ['[::1]:5000/a', '[::1]:5000/a:latest'],
    ['quay.example/a--b/c__d:1', 'quay.example/a--b/c__d:1'],
  ])('of %s is %s', (text, expected) => {
    expect(normalizeImageName(text)).toBe(expected);
  });

  it.each([
    '',
    'Upper',
    'a/',
    '/a',
    'a:',
    'a:b:c',
    'a@sha256:x',
    'a//b',
    'a..b',
    `${'a'.repeat(256)}`,
    'a:-x',
  ])('of %j is nothing', (text) => {
    expect(normalizeImageName(text)).toBeUndefined();
  });
});
