import {
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ByteString, byteString, toBytes } from '../../../src/bytes/byte-string.ts';
import { verityDigest } from '../../../src/bytes/digest.ts';
import { EPOCH, NO_XATTRS } from '../../../src/bytes/stat.ts';
import type { ErrorCode, PlanishError } from '../../../src/errors.ts';
import { stampOf } from '../../../src/io/file-stamps.ts';
import { measureTree, scanRootfs } from '../../../src/io/rootfs.ts';
import { nativeBackend, portableBackend, type RootfsBackend } from '../../../src/io/rootfs-backend.ts';
import {
  BLIND_XATTR_SOURCE,
  type FsXattr,
  fsXattrSource,
  nativeXattrSource,
  type XattrSource,
} from '../../../src/io/xattr.ts';
import { findGetfattr } from '../../../src/io/xattr-getfattr.ts';
import type { InodeRecord } from '../../../src/native/records.ts';
import type { ProgressEvent } from '../../../src/progress.ts';
import { lookup } from '../../../src/tree/walk.ts';
import type { Warning } from '../../../src/warnings.ts';
import { fsXattr } from '../../support/fs-xattr.ts';
import { asRoot } from '../../support/root.ts';
import { render } from '../../support/tree-builder.ts';
import { freshHelpers } from '../native/build-helpers.ts';
import {
  freshDirectory,
  holdsAttributes,
  makeRootfsFixture,
  onPaths,
  type RootfsFixture,
  raw,
  removeDirectories,
  setAttribute,
} from './rootfs-fixture.ts';

afterAll(removeDirectories);

const helpers = freshHelpers();
const getfattr = findGetfattr();
if (getfattr === undefined) process.stderr.write('SKIPPED: rootfs by getfattr: no getfattr or no xargs\n');
const skipping = portableBackend(undefined, 'a test');
const attributes = holdsAttributes();

/** Every way that sees everything. */
const backends: [string, RootfsBackend][] = [];
if (helpers !== undefined) {
  backends.push(['native', nativeBackend(helpers, 'all')]);
  backends.push(['node and native attributes', portable(nativeXattrSource(helpers))]);
}
if (getfattr !== undefined) {
  if (fsXattr !== undefined) {
    backends.push(['node, fs-xattr and getfattr', portable(fsXattrSource(fsXattr, getfattr))]);
  }
  backends.push(['node and getfattr', portable(getfattr)]);
}

function portable(source: XattrSource): RootfsBackend {
  return portableBackend(source, 'a test');
}

async function failure(run: Promise<unknown>): Promise<{ code: ErrorCode; message: string; detail: object }> {
  const error = (await run.then(
    () => undefined,
    (reason: unknown) => reason,
  )) as PlanishError;
  expect(error?.name).toBe('PlanishError');
  return { code: error.code, message: error.message, detail: { ...error.detail } };
}

describe.skipIf(!attributes)('a directory with everything', () => {
  let fixture: RootfsFixture;
  beforeAll(async () => {
    fixture = await makeRootfsFixture();
  });
  afterAll(() => {
    fixture.server.close();
  });

  it.each(backends)('is the same tree: %s', async (_, backend) => {
    const { root } = await scanRootfs(raw(fixture.top), { backend });
    expect(render(root)).toEqual(fixture.lines);
  });

  it.each(backends)(
    'tells of each file what it was when it was listed, where that is wanted: %s',
    async (_, backend) => {
      const contents = { algorithm: 'sha256', stamps: 'all' } as const;
      const { files, stamps } = await scanRootfs(raw(fixture.top), { backend, contents });
      expect(stamps).toEqual(files.map(stampOf));
      const bare = await scanRootfs(raw(fixture.top), { backend });
      expect(bare.stamps).toEqual([undefined, undefined]);
    },
  );

  it.each(backends)('has its files in byte order, each inode once: %s', async (_, backend) => {
    const { root, files, totalBytes } = await scanRootfs(raw(fixture.top), { backend });
    expect(files).toEqual([`${fixture.top}/hard`, `${fixture.top}/d/deep/big`]);
    expect(totalBytes).toBe(2 + 64 + 65 + 5000);
    const hard = lookup(root, byteString('/hard'));
    expect(hard).toBe(lookup(root, byteString('/d/65')));
    expect(hard).toMatchObject({
      content: {
        kind: 'external',
        size: 65,
        verity: undefined,
        payload: undefined,
        location: { source: 0, extents: [{ at: 0, offset: 0, length: 65 }] },
      },
    });
    expect(lookup(root, byteString('/d/deep/big'))).toMatchObject({ content: { location: { source: 1 } } });
  });

  it.each(backends)('has attributes in byte order of names: %s', async (_, backend) => {
    const { root } = await scanRootfs(raw(fixture.top), { backend });
    const names = [...(lookup(root, byteString('/hard'))?.metadata.xattrs.keys() ?? [])];
    expect(names).toEqual(['user.a', 'user.b']);
    const odd = [...(lookup(root, byteString('/empty'))?.metadata.xattrs.keys() ?? [])];
    expect(odd).toEqual(['user.a=b\nc\\d', 'user.\xff']);
  });

  it('is the same without attributes when they are skipped', async () => {
    const ways = helpers === undefined ? [skipping] : [skipping, nativeBackend(helpers, 'skip')];
    for (const backend of ways) {
      const { root } = await scanRootfs(raw(fixture.top), { backend });
      expect(render(root)).toEqual(fixture.bareLines);
    }
  });

  it.skipIf(fsXattr === undefined)('is refused where attributes of links cannot be seen', async () => {
    const backend = portable(fsXattrSource(fsXattr as FsXattr, BLIND_XATTR_SOURCE));
    expect(await failure(scanRootfs(raw(fixture.top), { backend }))).toEqual({
      code: 'NATIVE_UNAVAILABLE',
      message: 'extended attributes of links, special files and names that are not UTF-8 cannot be read here',
      detail: {
        // An attribute whose name is no UTF-8.
        file: `${fixture.top}/empty`,
        hint: 'build the native helpers (npm run build:native) or install getfattr (package attr) and xargs',
      },
    });
  });

  it.skipIf(!asRoot('EACCES of rootfs'))('is refused as an ordinary user who may not read it', async () => {
    for (const [, backend] of backends.slice(0, 1).concat([['node', skipping]])) {
      process.seteuid?.(65534);
      try {
        const { code, detail } = await failure(scanRootfs(raw(fixture.top), { backend }));
        expect(code).toBe('SYSCALL_FAILED');
        expect(detail).toEqual({ errno: 'EACCES', file: expect.stringMatching(/(b\\xffd|d\/64)$/) });
      } finally {
        process.seteuid?.(0);
      }
    }
  });

  it('says that it is slow, and only then', async () => {
    const warnings: Warning[] = [];
    await scanRootfs(raw(fixture.top), { backend: skipping, onWarning: (warning) => warnings.push(warning) });
    expect(warnings).toEqual([
      {
        code: 'SLOW_FALLBACK',
        message: 'the directory is read without the native helpers (node, no attributes): a test',
      },
    ]);
    const none: Warning[] = [];
    const fast = { ...skipping, slowBecause: undefined };
    await scanRootfs(raw(fixture.top), { backend: fast, onWarning: (warning) => none.push(warning) });
    expect(none).toEqual([]);
  });

  it('reports the number of entries at the end', async () => {
    const events: ProgressEvent[] = [];
    await scanRootfs(raw(fixture.top), { backend: skipping, onProgress: (event) => events.push(event) });
    const entries = fixture.lines.length - 1;
    expect(events).toEqual([{ stage: 'read', done: entries, total: entries, unit: 'files' }]);
  });
});

describe.skipIf(!attributes || helpers === undefined || fsXattr === undefined)('only fs-xattr', () => {
  it('sees regular files and directories', async () => {
    const top = freshDirectory();
    mkdirSync(raw(`${top}/d\xc3\xa9`));
    writeFileSync(raw(`${top}/d\xc3\xa9/f`), 'f');
    setAttribute(`${top}/d\xc3\xa9`, 'user.\\0303\\0251', '00fe');
    setAttribute(`${top}/d\xc3\xa9/f`, 'user.f', '');
    const native = await scanRootfs(raw(top), { backend: nativeBackend(helpers as never, 'all') });
    const backend = portable(fsXattrSource(fsXattr as FsXattr, BLIND_XATTR_SOURCE));
    const { root } = await scanRootfs(raw(top), { backend });
    expect(render(root)).toEqual(render(native.root));
    expect(lookup(root, byteString('/d\xc3\xa9'))?.metadata.xattrs).toEqual(
      new Map([['user.\xc3\xa9', Buffer.from([0, 0xfe])]]),
    );
  });
});

describe('the root', () => {
  it('may be reached through links, and be of any bytes', async () => {
    const top = freshDirectory();
    mkdirSync(raw(`${top}/r\xff`));
    writeFileSync(raw(`${top}/r\xff/f`), 'f'.repeat(65));
    symlinkSync(raw('r\xff'), raw(`${top}/link`));
    const { files } = await scanRootfs(join(top, 'link'), { backend: skipping });
    expect(files).toEqual([`${top}/r\xff/f`]);
    expect(readFileSync(toBytes(files[0] as never) as Buffer, 'latin1')).toBe('f'.repeat(65));
  });

  it('must be a directory that is there', async () => {
    const top = freshDirectory();
    writeFileSync(join(top, 'file'), '');
    for (const [name, errno] of [
      ['none', 'ENOENT'],
      ['file', 'ENOTDIR'],
      ['file/below', 'ENOTDIR'],
    ] as const) {
      expect(await failure(scanRootfs(join(top, name), { backend: skipping }))).toEqual({
        code: 'NO_SUCH_IMAGE',
        message: 'there is no such directory',
        detail: { file: join(top, name), errno },
      });
    }
  });
});

describe('what changes meanwhile', () => {
  const base: RootfsBackend = helpers === undefined ? skipping : nativeBackend(helpers, 'skip');

  /** Does something after (or before) the directory of that name was listed. */
  function interfering(
    backend: RootfsBackend,
    when: 'before' | 'after',
    name: string,
    act: () => void,
  ): RootfsBackend {
    return {
      ...backend,
      // One directory after another.
      listAhead: undefined,
      list: (path) => {
        if (when === 'before' && path.endsWith(name)) act();
        const listing = backend.list(path);
        if (when === 'after' && path.endsWith(name)) act();
        return listing;
      },
    };
  }

  const vanished = 'a file vanished or was replaced while it was read';

  describe.each([
    ['native', base],
    ['node', skipping],
  ])('%s', (_, backend) => {
    it('a directory that vanishes', async () => {
      const top = freshDirectory();
      mkdirSync(raw(`${top}/dir`));
      const act = (): void => rmSync(raw(`${top}/dir`), { recursive: true });
      expect(
        await failure(scanRootfs(raw(top), { backend: interfering(backend, 'before', '/dir', act) })),
      ).toEqual({
        code: 'CONTENT_CHANGED',
        message: vanished,
        detail: { errno: 'ENOENT', file: `${top}/dir` },
      });
    });

    it('a directory that becomes a link', async () => {
      const top = freshDirectory();
      mkdirSync(raw(`${top}/dir`));
      const act = (): void => {
        rmSync(raw(`${top}/dir`), { recursive: true });
        symlinkSync('/', raw(`${top}/dir`));
      };
      expect(
        await failure(scanRootfs(raw(top), { backend: interfering(backend, 'before', '/dir', act) })),
      ).toEqual({
        code: 'CONTENT_CHANGED',
        message: vanished,
        detail: { errno: 'ENOTDIR', file: `${top}/dir` },
      });
    });

    it('a directory that another one replaces', async () => {
      const top = freshDirectory();
      mkdirSync(raw(`${top}/dir`));
      mkdirSync(raw(`${top}/other`));
      const act = (): void => renameSync(raw(`${top}/other`), raw(`${top}/dir`));
      expect(
        await failure(scanRootfs(raw(top), { backend: interfering(backend, 'before', '/dir', act) })),
      ).toEqual({
        code: 'CONTENT_CHANGED',
        message: vanished,
        detail: { errno: 'ESTALE', file: `${top}/dir` },
      });
    });
  });

  async function changing(act: (file: string) => void): Promise<unknown> {
    const top = freshDirectory();
    mkdirSync(raw(`${top}/dir`));
    writeFileSync(raw(`${top}/dir/file`), 'four');
    const backend = interfering(base, 'after', '/dir', () => act(`${top}/dir/file`));
    const { code, detail } = await failure(scanRootfs(raw(top), { backend }));
    expect(detail).toMatchObject({ file: `${top}/dir/file` });
    const { file: _, ...rest } = detail as Record<string, unknown>;
    return { code, ...rest };
  }

  it('a small file that vanishes, shrinks, grows, or becomes something else', async () => {
    expect(await changing((file) => rmSync(file))).toEqual({ code: 'CONTENT_CHANGED', errno: 'ENOENT' });
    expect(await changing((file) => writeFileSync(file, 'one'))).toEqual({
      code: 'CONTENT_CHANGED',
      expected: 4,
      actual: 3,
    });
    expect(await changing((file) => writeFileSync(file, 'seventeen'))).toEqual({
      code: 'CONTENT_CHANGED',
      expected: 4,
      actual: 5,
    });
    const replace = (make: (file: string) => void) => (file: string) => {
      rmSync(file);
      make(file);
    };
    expect(await changing(replace((file) => symlinkSync('/etc/passwd', file)))).toEqual({
      code: 'CONTENT_CHANGED',
      errno: 'ELOOP',
    });
    expect(await changing(replace((file) => mkdirSync(file)))).toEqual({
      code: 'CONTENT_CHANGED',
      errno: 'EISDIR',
    });
    // Must not wait for a writer.
    expect(await changing(replace((file) => onPaths(['mkfifo'], file)))).toEqual({
      code: 'CONTENT_CHANGED',
      expected: 4,
      actual: 0,
    });
  });
});

describe('limits', () => {
  const plain: InodeRecord = {
    name: byteString(''),
    mode: 0o040755,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: EPOCH,
    nlink: 2,
    major: 0,
    minor: 0,
    identity: 'one',
    target: byteString(''),
    xattrs: NO_XATTRS,
  };
  const invented = (child: Partial<InodeRecord>): RootfsBackend => ({
    ...skipping,
    list: () => ({ self: plain, children: [{ ...plain, ...child }] }),
  });

  it('directories without end stop at the longest path', async () => {
    const top = freshDirectory();
    const { code, detail } = await failure(
      scanRootfs(top, { backend: invented({ name: byteString('n'.repeat(255)) }) }),
    );
    expect(code).toBe('LIMIT_EXCEEDED');
    expect(detail).toMatchObject({ limit: 'pathBytes', expected: 4095, actual: 4096 });
  });

  it('directories without end stop at the greatest depth', async () => {
    // A name that cannot be, so that depth comes before length.
    const { code, detail } = await failure(scanRootfs('/', { backend: invented({ name: byteString('') }) }));
    expect(code).toBe('LIMIT_EXCEEDED');
    expect(detail).toMatchObject({ limit: 'pathDepth', expected: 2048, actual: 2049 });
  });

  it('a file that is too large, and one of no type', async () => {
    const large = invented({ name: byteString('f'), mode: 0o100644, size: 2 ** 43 + 1 });
    expect(await failure(scanRootfs('/', { backend: large }))).toEqual({
      code: 'LIMIT_EXCEEDED',
      message: 'the directory tree passes the limit fileBytes',
      detail: { file: '/f', limit: 'fileBytes', expected: 2 ** 43, actual: 2 ** 43 + 1 },
    });
    expect(
      await failure(scanRootfs('/', { backend: invented({ name: byteString('f'), mode: 0o644 }) })),
    ).toEqual({
      code: 'UNREPRESENTABLE',
      message: 'a file is of no known type',
      detail: { file: '/f', actual: 0o644 },
    });
  });

  it.skipIf(helpers === undefined)('a directory that takes too much memory', async () => {
    const small = {
      ...helpers,
      scanDirectory: (path: Uint8Array, flags: number, _: number, at: Uint8Array) =>
        helpers?.scanDirectory(path, flags, 80, at) ?? 0,
    };
    const top = freshDirectory();
    writeFileSync(join(top, 'file'), '');
    const backend = { ...nativeBackend(small as never, 'all'), listAhead: undefined };
    expect(await failure(scanRootfs(top, { backend }))).toEqual({
      code: 'LIMIT_EXCEEDED',
      message: 'a directory and its attributes take more memory than allowed',
      detail: { file: top, limit: 'scanBytes', expected: 2 ** 29 },
    });
  });
});

describe('more entries than fit into one turn', () => {
  it('are all there, in one batch after the other', async () => {
    const top = freshDirectory();
    for (let index = 0; index < 9000; index++) {
      if (index % 1000 === 0) mkdirSync(`${top}/${index / 1000}`);
      writeFileSync(`${top}/${Math.floor(index / 1000)}/f${index}`, '');
    }
    const reports: number[] = [];
    const source: XattrSource = {
      name: 'by path',
      read: (requests) => requests.map(({ path }) => new Map([[byteString('user.path'), toBytes(path)]])),
    };
    const { root } = await scanRootfs(top, {
      backend: portable(source),
      onProgress: ({ done }) => reports.push(done),
    });
    expect(render(root).length).toBe(1 + 9 + 9000);
    for (const name of ['', '/3', '/0/f0', '/8/f8999']) {
      const node = lookup(root, byteString(name));
      expect(node?.metadata.xattrs.get(byteString('user.path'))).toEqual(Buffer.from(top + name));
    }
    expect(reports).toEqual([...reports].sort((a, b) => a - b));
    expect(reports.at(-1)).toBe(9009);
    expect(reports.length).toBeGreaterThan(3);
    rmSync(top, { recursive: true });
  });
});

describe('directories that are listed ahead', () => {
  it('give the same, whichever is done first, and however many come at once', async () => {
    const top = freshDirectory();
    for (let index = 0; index < 200; index++) {
      const directory = `${top}/${index % 7}/${index % 11}/${index % 3}`;
      mkdirSync(directory, { recursive: true });
      writeFileSync(`${directory}/f${index}`, 'x'.repeat(100));
    }
    const plain = await scanRootfs(top, { backend: skipping });
    expect(plain.files).toHaveLength(200);
    for (const width of [1, 2, 5]) {
      let calls = 0;
      const listAhead: RootfsBackend['listAhead'] = async (paths) => {
        const call = calls++;
        for (let turn = 0; turn < (call * 7) % 5; turn++) await nextTurn();
        // Some give nothing, and leave the word to a call for one.
        const taken = paths.slice(0, call % 4);
        return () => taken.map((path) => skipping.list(path));
      };
      const ahead = await scanRootfs(top, { backend: { ...skipping, listAhead }, width });
      expect(ahead.files).toEqual(plain.files);
      expect(render(ahead.root)).toEqual(render(plain.root));
      expect(calls).toBeGreaterThan(10);
    }
  });

  it('are not read any more when one has failed', async () => {
    const top = freshDirectory();
    for (const name of ['a', 'b', 'c', 'd']) mkdirSync(`${top}/${name}`);
    let running = 0;
    const listAhead: RootfsBackend['listAhead'] = async (paths) => {
      running++;
      for (let turn = 0; turn < 3; turn++) await nextTurn();
      running--;
      return () =>
        paths.some((path) => path.endsWith('/a')) ? [] : paths.map((path) => skipping.list(path));
    };
    const list = (path: ByteString): ReturnType<RootfsBackend['list']> => {
      if (path.endsWith('/a')) rmSync(`${top}/a`, { recursive: true });
      return skipping.list(path);
    };
    const backend = { ...skipping, list, listAhead };
    expect(await failure(scanRootfs(top, { backend, width: 2 }))).toMatchObject({
      code: 'CONTENT_CHANGED',
      detail: { file: `${top}/a` },
    });
    expect(running).toBe(0);
  });
});

describe('measuring a tree', () => {
  const digestOf = (path: string): string => Buffer.from(path).toString('hex').slice(-64).padStart(64, '0');

  async function twoFiles(): Promise<string> {
    const top = freshDirectory();
    writeFileSync(join(top, 'b'), 'b'.repeat(100));
    writeFileSync(join(top, 'small'), 'b');
    linkSync(join(top, 'b'), join(top, 'a'));
    writeFileSync(join(top, 'c'), 'c'.repeat(65));
    return top;
  }

  it('asks once for each inode, in the order of sources, and fills in', async () => {
    const top = await twoFiles();
    const scan = await scanRootfs(top, { backend: skipping });
    const asked: unknown[] = [];
    await measureTree(scan, async (files) => {
      asked.push(...files);
      return files.map(({ path }) => verityDigest(digestOf(path)));
    });
    expect(asked).toEqual([
      { path: `${top}/a`, size: 100 },
      { path: `${top}/c`, size: 65 },
    ]);
    expect(lookup(scan.root, byteString('/b'))).toMatchObject({ content: { verity: digestOf(`${top}/a`) } });
    expect(lookup(scan.root, byteString('/c'))).toMatchObject({
      content: { verity: digestOf(`${top}/c`), location: { source: 1 } },
    });
    const again = vi.fn();
    await measureTree(scan, again);
    expect(again).not.toHaveBeenCalled();
  });

  it('refuses another number of digests, and a source that is not there', async () => {
    const scan = await scanRootfs(await twoFiles(), { backend: skipping });
    expect(await failure(measureTree(scan, async () => []))).toEqual({
      code: 'INVARIANT',
      message: 'the digests are not those of the tree',
      detail: { expected: 2, actual: 0 },
    });
    expect(await failure(measureTree({ ...scan, files: [] }, async () => []))).toMatchObject({
      code: 'INVARIANT',
    });
    expect(lookup(scan.root, byteString('/c'))).toMatchObject({ content: { verity: undefined } });
  });
});

describe('choosing', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.resetModules();
  });

  it('takes what is there, without the helpers when they are refused', async () => {
    vi.stubEnv('PLANISH_NATIVE', '0');
    vi.resetModules();
    const { chooseBackend } = await import('../../../src/io/rootfs-backend.ts');
    const { name, slowBecause } = await chooseBackend('all');
    const first = fsXattr === undefined ? [] : ['fs-xattr'];
    expect(name).toBe(['node', ...first, getfattr === undefined ? 'none' : 'getfattr'].join(', '));
    expect(slowBecause).toBe('PLANISH_NATIVE=0 refuses them');
    expect((await chooseBackend('skip')).name).toBe('node, no attributes');
  });
});

describe.skipIf(!existsSync('/proc/sys/kernel/random/uuid'))('a file of size 0 that has content', () => {
  it('is empty, as the system tells its size', async () => {
    const { root } = await scanRootfs('/proc/sys/kernel/random', { backend: skipping });
    expect(lookup(root, byteString('/uuid'))).toMatchObject({
      type: 'regular',
      content: { kind: 'inline', bytes: new Uint8Array(0) },
    });
  });
});

describe('a sparse file', () => {
  it('is external with its whole size', async () => {
    const top = freshDirectory();
    const fd = openSync(join(top, 'sparse'), 'w');
    ftruncateSync(fd, 2 ** 33);
    closeSync(fd);
    const { root, totalBytes } = await scanRootfs(top, { backend: skipping });
    expect(totalBytes).toBe(2 ** 33);
    expect(lookup(root, byteString('/sparse'))).toMatchObject({
      content: { kind: 'external', size: 2 ** 33 },
    });
    rmSync(top, { recursive: true });
  });
});
