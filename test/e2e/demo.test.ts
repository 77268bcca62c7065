/** The main job on the image that the repository carries. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { DEMO, planish, planishJson, temporaryDirectory } from '../support/cli.ts';

const directory = temporaryDirectory();
const source = `oci-archive:${DEMO}`;
const layout = join(directory, 'layout');

/** SHA-256 of every file of a layout, by name. */
function fingerprint(layoutDirectory: string): Record<string, string> {
  const files = ['oci-layout', 'index.json'];
  for (const name of readdirSync(join(layoutDirectory, 'blobs/sha256'))) files.push(`blobs/sha256/${name}`);
  return Object.fromEntries(
    files.sort().map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(layoutDirectory, name)))
        .digest('hex'),
    ]),
  );
}

describe('build of the demonstration image', () => {
  // biome-ignore lint/suspicious/noExplicitAny: a JSON document.
  let result: any;
  beforeAll(() => {
    result = planishJson(['build', source, '-o', `oci:${layout}:demo`]);
  });

  test('reports what it did', () => {
    expect(result.before.layers).toBe(4);
    expect(result.after.layers).toBe(result.layers.length);
    expect(result.digests).toMatchObject({ format: 1, algorithm: 'sha512' });
    expect(result.digests.container).toMatch(/^[0-9a-f]{128}$/);
    expect(result.layers.every((layer: { key: string }) => /^[0-9a-f]{128}$/.test(layer.key))).toBe(true);
  });

  test('gives every dpkg source package a component', () => {
    const components = result.layers.flatMap((layer: { components: string[] }) => layer.components);
    for (const name of ['base-files', 'base-passwd', 'busybox', 'ca-certificates', 'iputils', 'netbase']) {
      expect(components).toContain(`dpkg/${name}`);
    }
  });

  test('verifies', () => {
    const verified = planishJson(['verify', `oci:${layout}:demo`]);
    expect(verified.findings).toBe(0);
    const outcomes = new Set(verified.checks.map((check: { outcome: string }) => check.outcome));
    expect([...outcomes]).toEqual(['match']);
    expect(verified.checks.filter((check: { check: string }) => check.check === 'merged')).toHaveLength(1);
  });

  test('keeps the config of the source', () => {
    const { runtime, labels, platform } = planishJson(['inspect', `oci:${layout}:demo`]);
    expect(runtime.Entrypoint).toEqual(['/usr/bin/sh']);
    expect(runtime.Cmd).toEqual(['-l']);
    expect(runtime.Env).toEqual(['PATH=/usr/sbin:/usr/bin', 'LANG=C.UTF-8']);
    expect(labels).toEqual({ 'org.opencontainers.image.title': 'planish-demo' });
    expect(platform).toBe('linux/amd64');
  });

  test('has the digest that digest computes from the result', () => {
    const digests = planishJson(['digest', `oci:${layout}:demo`]);
    expect(digests.container).toBe(result.digests.container);
    expect(digests.tree).toBe(result.digests.tree);
  });

  test.each([
    ['--jobs', '1'],
    ['--jobs', '8'],
  ])('writes the same bytes with %s %s', (...args) => {
    const again = join(directory, `again-${args.join('')}`);
    planishJson([...args, 'build', source, '-o', `oci:${again}:demo`]);
    expect(fingerprint(again)).toEqual(fingerprint(layout));
  });

  test('writes the same bytes when built from its own result', () => {
    const again = join(directory, 'again-from-result');
    const second = planishJson(['build', `oci:${layout}:demo`, '-o', `oci:${again}:demo`]);
    expect(second.layers.map((layer: { digest: string }) => layer.digest)).toEqual(
      result.layers.map((layer: { digest: string }) => layer.digest),
    );
    expect(second.digests).toEqual(result.digests);
  });

  test('flattens as OCI says', () => {
    const { entries } = planishJson(['ls', '-R', `oci:${layout}:demo`]);
    const byPath = new Map<string, { [field: string]: unknown }>(
      entries.map((entry: { path: string }) => [entry.path, entry]),
    );
    // Whiteouts and the opaque directory.
    expect(byPath.has('/usr/share/man')).toBe(false);
    expect(byPath.has('/usr/share/doc/base-passwd')).toBe(false);
    const overrides = [...byPath.keys()].filter((path) => path.startsWith('/usr/share/lintian/overrides/'));
    expect(overrides).toEqual(['/usr/share/lintian/overrides/local']);
    // A hard link made in a later layer, to a file of the first.
    expect(byPath.get('/usr/bin/hush')).toMatchObject({ links: 3, hardLinkTo: '/usr/bin/busybox' });
    // A directory over a file, metadata of a directory, a FIFO, a name that is not UTF-8.
    expect(byPath.get('/etc/motd')).toMatchObject({ type: 'directory' });
    expect(byPath.get('/srv')).toMatchObject({ mode: 0o2775 });
    expect(byPath.get('/srv/queue')).toMatchObject({ type: 'fifo' });
    expect(byPath.get('/opt/acme/latin1-\\xe9')).toMatchObject({ type: 'regular', size: 1 });
    // A file capability, byte for byte: version 2, effective, cap_net_raw.
    const ping = byPath.get('/usr/bin/ping') as { xattrs: Record<string, string> };
    expect(Buffer.from(ping.xattrs['security.capability'] as string, 'base64').toString('hex')).toBe(
      '0100000200200000000000000000000000000000',
    );
  });

  test('prints a file, following symlinks inside the image', () => {
    const hello = planish(['cat', `oci:${layout}:demo`, '/opt/acme/bin/hello']);
    expect(hello.stdout.toString()).toBe('#!/bin/sh\nexec echo "Hello from a flattened image"\n');
    const linked = planish(['cat', `oci:${layout}:demo`, '/bin/../../opt/acme/bin/héllo']);
    expect(linked.stdout.equals(hello.stdout)).toBe(true);
  });
});
