/**
 * Random images from a seed, as layers of raw tar bytes: whiteouts before and after additions, opaque directories,
 * hard links, attributes, odd names, fractions of seconds, duplicates, policies, boot entries. Most are such that
 * hosts accept them; about one in ten breaks a rule somewhere.
 */
import { Random } from './random-dump.ts';
import { randomPolicy } from './random-policy.ts';
import { RAW_END, type RawDialect, type RawEntry, rawEntry } from './raw-tar.ts';

/** An image; layers are uncompressed tars, base first. */
export interface RandomImage {
  readonly seed: number;
  readonly layers: readonly Buffer[];
  readonly policy: boolean;
}

/** What is to come out. */
export interface RandomImageOptions {
  /** Whole seconds only. */
  readonly wholeSeconds?: boolean;
}

/** The image of a seed, the same everywhere. */
export function randomImage(seed: number, options: RandomImageOptions = {}): RandomImage {
  return new ImageMaker(seed, options).make();
}

const SECONDS = [0, 1, 1_000_000_000, 1_700_000_000, 2 ** 31, 2 ** 33, 2 ** 34 + 5];
const FRACTIONS = [0, 0, 0, 1, 500_000_000, 123_456_789, 999_999_999, 120_000_000];
const OWNERS = [0, 0, 0, 1000, 65_534, 65_535, 65_536, 2_097_152, 4_294_967_295];
const MODES = [0o755, 0o644, 0o600, 0o4755, 0o1777, 0o7777, 0];
const SIZES = [0, 0, 1, 5, 63, 64, 65, 100, 4095, 4096, 4097, 9000];
const XATTRS = [
  'security.capability',
  'security.capability',
  'security.selinux',
  'user.foo',
  'user.overlay.opaque',
  'trusted.overlay.opaque',
  'trusted.foo',
  'system.posix_acl_access',
  'security.ima',
];
const NAMES = ['a', 'b', 'c', 'lib', 'bin', 'x', 'y'];

/** The header of an Android boot image, version 2: magic, page size 2048, version, size of the header. */
function androidImage(): Buffer {
  const image = Buffer.alloc(2048);
  image.write('ANDROID!', 0, 'latin1');
  image.writeUInt32LE(2048, 36);
  image.writeUInt32LE(2, 40);
  image.writeUInt32LE(1660, 1644);
  return image;
}

interface Known {
  readonly path: string;
  readonly isDirectory: boolean;
}

class ImageMaker {
  readonly #seed: number;
  readonly #random: Random;
  readonly #options: RandomImageOptions;
  /** What is there by now, as a host sees it; good enough to name things that exist. */
  #known = new Map<string, Known>();
  #parts: Buffer[] = [];
  #dialect: RawDialect = 'pax';
  #fractions = false;

  constructor(seed: number, options: RandomImageOptions) {
    this.#seed = seed;
    this.#random = new Random(seed);
    this.#options = options;
  }

  make(): RandomImage {
    const random = this.#random;
    const policy = random.chance(40);
    this.#fractions = this.#options.wholeSeconds !== true && random.chance(50);
    const layers = [this.#layer(() => this.#base(policy))];
    const count = random.between(0, 5);
    for (let index = 0; index < count; index++) layers.push(this.#layer(() => this.#additions()));
    return { seed: this.#seed, layers, policy };
  }

  #layer(fill: () => void): Buffer {
    this.#parts = [];
    this.#dialect = this.#random.pick(['pax', 'gnu', 'ustar']);
    fill();
    return Buffer.concat([...this.#parts, RAW_END]);
  }

  #base(policy: boolean): void {
    const random = this.#random;
    if (random.chance(30)) this.#put('directory', '');
    if (!random.chance(1)) this.#put('directory', 'usr');
    for (const name of ['boot', 'sysroot']) if (!random.chance(4)) this.#put('directory', name);
    for (const name of ['run', 'etc', 'var']) if (random.chance(70)) this.#put('directory', name);
    if (policy) this.#policy();
    if (random.chance(15)) this.#bootEntries();
    this.#additions();
  }

  #policy(): void {
    for (const [path, text] of randomPolicy(this.#random)) {
      this.#parents(path);
      this.#put('regular', path, { content: Buffer.from(text, 'latin1') });
    }
  }

  /** Kernels and entries, some of which hosts refuse. */
  #bootEntries(): void {
    const random = this.#random;
    const content = (text: string): Partial<RawEntry> => ({ content: Buffer.from(text) });
    const rare = random.chance(20);
    const make = random.pick([
      () => this.#placed('regular', 'boot/EFI/Linux/1.efi', content('MZ'.repeat(50))),
      () => this.#placed('symlink', 'boot/EFI/Linux/2.efi', { linkTarget: '1.efi' }),
      () => this.#placed('regular', 'usr/lib/modules/6.1/vmlinuz', content('kernel')),
      () => this.#placed('regular', 'boot/loader/entries/a.conf', content('title x\nlinux /boot/none\n')),
      () => this.#placed('regular', 'boot/loader/entries/b.conf', content('title y\n')),
      () => this.#placed('regular', 'boot/aboot-6.1.img', { content: androidImage() }),
      () => this.#placed('regular', 'boot/vbmeta-6.1.img', content('x')),
      () => this.#placed('symlink', 'boot/loader/addons/x.addon.efi', { linkTarget: 'y' }),
    ]);
    if (rare) make();
    else this.#placed('regular', 'usr/lib/modules/6.2/vmlinuz', content('kernel'));
  }

  #placed(type: RawEntry['type'], path: string, more: Partial<RawEntry>): void {
    this.#parents(path);
    this.#put(type, path, more);
  }

  #parents(path: string): void {
    const parts = path.split('/');
    for (let end = 1; end < parts.length; end++) {
      const parent = parts.slice(0, end).join('/');
      if (this.#known.get(parent)?.isDirectory !== true) this.#put('directory', parent);
    }
  }

  #additions(): void {
    const count = this.#random.pick([0, 1, 4, 12, 30]);
    for (let index = 0; index < count; index++) this.#add();
  }

  #add(): void {
    const random = this.#random;
    const kind = random.between(0, 99);
    if (kind < 22) this.#put('directory', this.#newPath());
    else if (kind < 50) this.#put('regular', this.#newPath(), { content: this.#content() });
    else if (kind < 57) this.#put('symlink', this.#newPath(), { linkTarget: this.#target() });
    else if (kind < 67) this.#link();
    else if (kind < 72) this.#device();
    else if (kind < 75) this.#put('fifo', this.#newPath());
    else if (kind < 87) this.#whiteout();
    else if (kind < 91) this.#opaque();
    else if (kind < 98) this.#again();
    else if (random.chance(25)) this.#wrong();
  }

  #newPath(): string {
    const random = this.#random;
    const parent = random.chance(20) ? '' : this.#directory();
    const name = random.pick([
      () => random.pick(NAMES),
      () => random.pick(NAMES),
      () => random.text(random.between(1, 12), 0x61, 0x7a),
      () => random.text(random.between(1, 12), 1, 255),
      () => random.text(random.pick([99, 100, 101, 200, 255]), 0x61, 0x7a),
      () => random.pick(['.', '..', 'wh', 'é']) + random.text(2, 0x30, 0x39),
    ])();
    const safe = name.replaceAll('/', '_');
    const odd = safe === '.' || safe === '..' || safe.startsWith('.wh.');
    return parent === '' ? (odd ? 'odd' : safe) : `${parent}/${odd ? 'odd' : safe}`;
  }

  #directory(): string {
    const directories = [...this.#known.values()].filter(({ isDirectory }) => isDirectory);
    return directories.length === 0 ? '' : this.#random.pick(directories).path;
  }

  #leaf(): string | undefined {
    const leaves = [...this.#known.values()].filter(({ isDirectory }) => !isDirectory);
    return leaves.length === 0 ? undefined : this.#random.pick(leaves).path;
  }

  #content(): Buffer {
    return Buffer.from(this.#random.text(this.#random.pick(SIZES)), 'latin1');
  }

  #target(): string {
    const random = this.#random;
    const length = random.pick([1, 10, 100, 101, 1000]);
    return random.text(length, 1, 255);
  }

  #link(): void {
    const target = this.#leaf();
    if (target === undefined || target.endsWith('.whiteout')) return;
    const path = this.#newPath();
    if (path !== target) this.#put('hardlink', path, { linkTarget: this.#spelt(target) });
  }

  #device(): void {
    const random = this.#random;
    const [type, major, minor] = random.pick([
      ['character', 5, 1],
      ['block', 259, 70_000],
      ['character', 0, 0],
      ['block', 0, 0],
    ] as const);
    const isWhiteout = type === 'character' && major === 0;
    const path = this.#newPath();
    // A whiteout device of several names is refused: keep links off it by its name.
    const name = isWhiteout ? `${path.slice(0, 240)}.whiteout` : path;
    this.#put(type, name.includes('/') || !isWhiteout ? name : `${name}`, { major, minor });
  }

  #whiteout(): void {
    const random = this.#random;
    const victims = [...this.#known.keys()].filter((path) => !/^(?:usr|boot|sysroot|etc|run)?$/.test(path));
    const victim = victims.length > 0 && random.chance(85) ? random.pick(victims) : this.#newPath();
    const slash = victim.lastIndexOf('/');
    const name = victim.slice(slash + 1);
    if (name === '' || (name.length > 251 && random.chance(50))) return;
    this.#emit('regular', `${victim.slice(0, slash + 1)}.wh.${name}`);
    this.#forget(victim);
  }

  #opaque(): void {
    const directory = this.#directory();
    if (directory === '' || /^(?:usr|boot|sysroot)$/.test(directory)) return;
    this.#emit('regular', `${directory}/.wh..wh..opq`);
    for (const path of [...this.#known.keys()])
      if (path.startsWith(`${directory}/`)) this.#known.delete(path);
  }

  /** A path that is already there, as the same kind or as another. */
  #again(): void {
    const random = this.#random;
    const paths = [...this.#known.keys()].filter((path) => path !== '');
    if (paths.length === 0) return;
    const path = random.pick(paths);
    const isFixed = /^(?:usr|boot|sysroot|etc|run|etc\/selinux.*)$/.test(path) && random.chance(90);
    const isDirectory = this.#known.get(path)?.isDirectory === true;
    if (isFixed || random.chance(60)) {
      if (isDirectory) this.#put('directory', path);
      else this.#put('regular', path, { content: this.#content() });
    } else if (isDirectory) this.#put('symlink', path, { linkTarget: this.#target() });
    else this.#put('directory', path);
  }

  /** Something that hosts refuse. */
  #wrong(): void {
    const random = this.#random;
    random.pick([
      () => this.#emit('regular', `missing${random.hex(3)}/f`),
      () => this.#emit('hardlink', `l${random.hex(3)}`, { linkTarget: `none${random.hex(3)}` }),
      () => this.#emit('hardlink', `l${random.hex(3)}`, { linkTarget: 'usr' }),
      () => this.#emit('regular', 'usr'),
      () => this.#emit('regular', '.wh.usr'),
      () => this.#emit('symlink', 'run', { linkTarget: 'tmp' }),
      () => this.#emit('regular', '../up'),
    ])();
  }

  #put(type: RawEntry['type'], path: string, more: Partial<RawEntry> = {}): void {
    this.#emit(type, path, more);
    const isDirectory = type === 'directory';
    if (!isDirectory || this.#known.get(path)?.isDirectory !== true) this.#forget(path);
    this.#known.set(path, { path, isDirectory });
  }

  #forget(path: string): void {
    for (const known of [...this.#known.keys()]) {
      if (known === path || known.startsWith(`${path}/`)) this.#known.delete(known);
    }
  }

  #emit(type: RawEntry['type'], path: string, more: Partial<RawEntry> = {}): void {
    const random = this.#random;
    const mode = random.chance(70) ? (type === 'directory' ? 0o755 : 0o644) : random.pick(MODES);
    const entry: RawEntry = {
      type,
      path: this.#spelt(path, type === 'directory'),
      mode,
      uid: random.pick(OWNERS),
      gid: random.pick(OWNERS),
      sec: random.pick(SECONDS),
      nsec: this.#fractions ? random.pick(FRACTIONS) : 0,
      xattrs: this.#xattrs(),
      ...more,
    };
    this.#parts.push(rawEntry(entry, this.#dialect));
  }

  /** One of the spellings of a path in tars. */
  #spelt(path: string, isDirectory = false): string {
    const front = this.#random.pick(['', '', './', '/']);
    if (path === '') return './';
    return `${front}${path}${isDirectory ? '/' : ''}`;
  }

  #xattrs(): [string, Buffer][] {
    const random = this.#random;
    if (!random.chance(25)) return [];
    const names = new Set(Array.from({ length: random.between(1, 3) }, () => random.pick(XATTRS)));
    return [...names].map((name) => [
      name,
      Buffer.from(random.pick(['', 'y', '\x01\0\0\x02', random.text(20)]), 'latin1'),
    ]);
  }
}
