/** What no distribution package owns: Python, Node, Ruby, flatpak, firmware. */
import { describe, expect, test } from 'vitest';
import { assignComponents } from '../../../src/chunk/components.ts';
import { putPackages } from './rpm-maker.ts';
import {
  emptyFixture,
  put,
  putDirectory,
  putFile,
  putLink,
  putText,
  type TreeFixture,
} from './tree-fixture.ts';

/** Paths by key, those of the rest left out. */
function claimed(fixture: TreeFixture): Record<string, string[]> {
  const { components } = assignComponents(fixture.root, fixture.reader);
  const named = components.filter(({ kind }) => kind === 'package');
  return Object.fromEntries(named.map(({ key, paths }) => [key, [...paths]]));
}

describe('Python', () => {
  const site = '/usr/local/lib/python3.12/site-packages';

  test('owns what RECORD lists, and what lies beside it', () => {
    const fixture = emptyFixture();
    const info = `${site}/My_Pkg.Name-1.0.dist-info`;
    for (const path of ['my_pkg/__init__.py', 'my_pkg/a,b.py', 'other.py'])
      putFile(fixture, `${site}/${path}`, 1);
    putFile(fixture, `${site}/my_pkg/__pycache__/__init__.cpython-312.pyc`, 1);
    putFile(fixture, '/usr/local/bin/my-pkg', 1);
    for (const name of ['METADATA', 'INSTALLER', 'REQUESTED']) putFile(fixture, `${info}/${name}`, 1);
    const record = [
      'my_pkg/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0',
      '"my_pkg/a,b.py",,',
      '../../../bin/my-pkg,sha256=x,10',
      '../../../../../../../../etc/passwd,,',
      'My_Pkg.Name-1.0.dist-info/METADATA,,',
      '',
    ].join('\r\n');
    putText(fixture, `${info}/RECORD`, record);
    expect(claimed(fixture)).toEqual({
      'python/my-pkg-name': [
        '/usr/local/bin/my-pkg',
        `${info}/INSTALLER`,
        `${info}/METADATA`,
        `${info}/RECORD`,
        `${info}/REQUESTED`,
        `${site}/my_pkg/__init__.py`,
        `${site}/my_pkg/__pycache__/__init__.cpython-312.pyc`,
        `${site}/my_pkg/a,b.py`,
      ],
    });
  });

  test('gives what is vendored to the outer distribution', () => {
    const fixture = emptyFixture();
    const outer = `${site}/setuptools-75.0.dist-info`;
    const inner = `${site}/setuptools/_vendor/wheel-0.43.dist-info`;
    for (const path of [`${outer}/METADATA`, `${inner}/METADATA`, `${site}/setuptools/_vendor/wheel/x.py`])
      putFile(fixture, path, 1);
    const files = ['wheel-0.43.dist-info/METADATA', 'wheel-0.43.dist-info/RECORD', 'wheel/x.py'];
    putText(fixture, `${outer}/RECORD`, files.map((path) => `setuptools/_vendor/${path},,\n`).join(''));
    putText(fixture, `${inner}/RECORD`, 'wheel/x.py,,\n');
    expect(Object.keys(claimed(fixture))).toEqual(['python/setuptools']);
  });

  test('is left to the distribution that owns it', () => {
    const fixture = emptyFixture();
    const info = '/usr/lib/python3/dist-packages/six-1.16.dist-info';
    putFile(fixture, `${info}/METADATA`, 1);
    putFile(fixture, '/usr/lib/python3/dist-packages/six.py', 1);
    putText(fixture, `${info}/RECORD`, 'six.py,,\n');
    putPackages(fixture, [{ name: 'python3-six', files: [{ path: `${info}/METADATA` }] }]);
    expect(Object.keys(claimed(fixture))).toEqual(['rpm/python3-six']);
  });
});

describe('Node', () => {
  test('packages without a lock file are components, with all inside them', () => {
    const fixture = emptyFixture();
    const modules = '/usr/lib/node_modules';
    for (const path of ['npm/package.json', 'npm/node_modules/a/package.json', 'npm/node_modules/a/i.js'])
      putFile(fixture, `${modules}/${path}`, 1);
    for (const path of ['@babel/core/package.json', '@babel/core/lib/x.js', 'stray/x.js'])
      putFile(fixture, `${modules}/${path}`, 1);
    expect(claimed(fixture)).toEqual({
      'npm/@babel/core': [`${modules}/@babel/core/lib/x.js`, `${modules}/@babel/core/package.json`],
      'npm/npm': [
        `${modules}/npm/node_modules/a/i.js`,
        `${modules}/npm/node_modules/a/package.json`,
        `${modules}/npm/package.json`,
      ],
    });
  });

  test.each(['.package-lock.json', '.yarn-integrity', '.modules.yaml'])(
    '%s makes one component',
    (record) => {
      const fixture = emptyFixture();
      for (const path of ['a/package.json', 'b/package.json', record])
        putFile(fixture, `/srv/app/node_modules/${path}`, 1);
      putLink(fixture, '/srv/app/node_modules/.bin/a', '../a/cli.js');
      putFile(fixture, '/srv/app/server.js', 1);
      const found = claimed(fixture);
      expect(Object.keys(found)).toEqual(['node_modules/srv/app']);
      expect(found['node_modules/srv/app']).toHaveLength(4);
    },
  );
});

test('Ruby gems are components by name, whatever their version and platform', () => {
  const fixture = emptyFixture();
  const home = '/var/lib/gems/3.1.0';
  for (const name of [
    'rack-3.1.7',
    'rack-2.2.9',
    'nokogiri-1.16.7-x86_64-linux',
    'net-http2-0.18.5',
    'foo-3d-1.0',
  ])
    putFile(fixture, `${home}/specifications/${name}.gemspec`, 1);
  putFile(fixture, `${home}/gems/rack-3.1.7/lib/rack.rb`, 1);
  putDirectory(fixture, `${home}/gems/rack-2.2.9/empty`);
  putFile(fixture, `${home}/gems/nokogiri-1.16.7-x86_64-linux/lib/n.rb`, 1);
  putFile(
    fixture,
    `${home}/extensions/x86_64-linux/3.1.0/nokogiri-1.16.7-x86_64-linux/gem.build_complete`,
    1,
  );
  putFile(fixture, `${home}/cache/rack-3.1.7.gem`, 1);
  putFile(fixture, `${home}/build_info/net-http2-0.18.5.info`, 1);
  putFile(fixture, `${home}/gems/unknown-1.0/x`, 1);
  expect(claimed(fixture)).toEqual({
    'gem/foo-3d': [`${home}/specifications/foo-3d-1.0.gemspec`],
    'gem/net-http2': [
      `${home}/build_info/net-http2-0.18.5.info`,
      `${home}/specifications/net-http2-0.18.5.gemspec`,
    ],
    'gem/nokogiri': [
      `${home}/extensions/x86_64-linux/3.1.0/nokogiri-1.16.7-x86_64-linux/gem.build_complete`,
      `${home}/gems/nokogiri-1.16.7-x86_64-linux/lib/n.rb`,
      `${home}/specifications/nokogiri-1.16.7-x86_64-linux.gemspec`,
    ],
    'gem/rack': [
      `${home}/cache/rack-3.1.7.gem`,
      // A directory without any file below is owned as such, at every level.
      `${home}/gems/rack-2.2.9`,
      `${home}/gems/rack-2.2.9/empty`,
      `${home}/gems/rack-3.1.7/lib/rack.rb`,
      `${home}/specifications/rack-2.2.9.gemspec`,
      `${home}/specifications/rack-3.1.7.gemspec`,
    ],
  });
});

test('flatpak applications are components, with the objects that they are links to', () => {
  const fixture = emptyFixture();
  const base = '/var/lib/flatpak';
  const node = putFile(fixture, `${base}/app/org.gimp.GIMP/x86_64/stable/0123/files/bin/gimp`, 1);
  put(fixture, `${base}/repo/objects/ab/cdef.file`, node);
  putFile(fixture, `${base}/repo/objects/ab/other.commit`, 1);
  putLink(fixture, `${base}/app/org.gimp.GIMP/current`, 'x86_64/stable');
  putFile(fixture, `${base}/runtime/org.gnome.Platform/x86_64/47/4567/metadata`, 1);
  expect(claimed(fixture)).toEqual({
    'flatpak/app/org.gimp.GIMP': [
      `${base}/app/org.gimp.GIMP/current`,
      `${base}/app/org.gimp.GIMP/x86_64/stable/0123/files/bin/gimp`,
      `${base}/repo/objects/ab/cdef.file`,
    ],
    'flatpak/runtime/org.gnome.Platform': [`${base}/runtime/org.gnome.Platform/x86_64/47/4567/metadata`],
  });
});

test('firmware that no package owns is split by vendor', () => {
  const fixture = emptyFixture();
  for (const path of ['amdgpu/a.bin.zst', 'amdgpu/deep/b.bin', 'intel/x.bin', 'rt.bin', 'owned/y.bin'])
    putFile(fixture, `/usr/lib/firmware/${path}`, 5 * 1024 * 1024);
  putLink(fixture, '/lib', 'usr/lib');
  putPackages(fixture, [{ name: 'linux-firmware', files: [{ path: '/lib/firmware/owned/y.bin' }] }]);
  expect(claimed(fixture)).toEqual({
    firmware: ['/usr/lib/firmware/rt.bin'],
    'firmware/amdgpu': ['/usr/lib/firmware/amdgpu/a.bin.zst', '/usr/lib/firmware/amdgpu/deep/b.bin'],
    'firmware/intel': ['/usr/lib/firmware/intel/x.bin'],
    'rpm/linux-firmware': ['/usr/lib/firmware/owned/y.bin'],
  });
});
