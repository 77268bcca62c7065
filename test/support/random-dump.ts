/**
 * Random composefs dumpfiles from a seed, for comparing whole images with the programs of the composefs projects.
 * The text is made directly, not through a tree, so that the parser is compared along the way.
 */

/** Numbers from a seed; the same on every machine (a 32-bit mixing generator). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 to 2^32-1. */
  word(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + (this.word() % (max - min + 1));
  }

  chance(percent: number): boolean {
    return this.word() % 100 < percent;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.word() % list.length] as T;
  }

  /** Bytes (one a character), each `min` to `max`. */
  text(length: number, min = 0, max = 255): string {
    let text = '';
    for (let index = 0; index < length; index++) text += String.fromCharCode(this.between(min, max));
    return text;
  }

  hex(digits: number): string {
    let text = '';
    for (let index = 0; index < digits; index++) text += '0123456789abcdef'[this.word() % 16];
    return text;
  }
}

/** What a program takes: where composefs-rs leaves C, or refuses what C takes, its dumps are kept narrower. */
export interface DumpDomain {
  readonly contentMax: number;
  readonly targetMax: number;
  /** Sizes beyond what fits, wrong link counts, payloads of any shape, marks that are already there, … */
  readonly odd: boolean;
}

export const C_DOMAIN: DumpDomain = { contentMax: 5000, targetMax: 4095, odd: true };
export const RS_DOMAIN: DumpDomain = { contentMax: 512, targetMax: 1024, odd: false };

/** Escapes a field of a dumpfile as its specification asks. */
function escapeField(text: string): string {
  if (text === '-') return '\\x2d';
  return text.replace(
    /[^\x21-\x5b\x5d-\x7e]|=/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

const SIZES = [
  65,
  4095,
  4096,
  4097,
  8192,
  8193,
  100_000,
  1_048_576,
  1_048_577,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 1,
  2 ** 43,
  2 ** 43 + 1,
  2 ** 46 + 5,
  2 ** 52,
  2 ** 53 - 1,
];
const OWNERS = [0, 0, 0, 1000, 65_534, 65_535, 65_536, 4_294_967_295];
const MARKS = [
  'trusted.overlay.opaque',
  'trusted.overlay.whiteout',
  'user.overlay.opaque',
  'user.overlay.whiteout',
  'user.overlay.whiteouts',
  'trusted.overlay.whiteouts',
];
const LABELS = ['system_u:object_r:usr_t:s0\0', 'system_u:object_r:etc_t:s0\0', ''];

interface Place {
  readonly path: string;
  readonly names: Set<string>;
  /** Entries that later ones may still be put into. */
  readonly special: boolean;
}

/** One dumpfile under construction. */
class DumpMaker {
  readonly #random: Random;
  readonly #domain: DumpDomain;
  readonly #lines: string[] = [];
  readonly #links: string[] = [];
  readonly #directories: Place[] = [];
  readonly #files: string[] = [];
  readonly #times: string[];
  readonly #labelled: boolean;
  readonly #many: string | undefined;

  constructor(random: Random, domain: DumpDomain) {
    this.#random = random;
    this.#domain = domain;
    this.#times = Array.from({ length: random.pick([1, 1, 2, 5, 40]) }, () => this.#time());
    this.#labelled = random.chance(50);
    this.#many = random.chance(6) ? this.#manyXattrs() : undefined;
  }

  make(): Buffer {
    const random = this.#random;
    this.#directory('/', 'root');
    const count = random.pick([0, 1, 3, 10, 40, 120]);
    for (let index = 0; index < count; index++) this.#add(random.pick(this.#directories));
    if (random.chance(10)) this.#fill(random.pick(this.#directories));
    this.#addLinks();
    const text = `${this.#lines.join('\n')}\n`;
    return Buffer.from(text, 'latin1');
  }

  #time(): string {
    const random = this.#random;
    const nsec = random.pick([0, 0, 1, 999_999_999, random.between(0, 999_999_999)]);
    const sec = random.pick([0, 1, 1_700_000_000, 2 ** 31, 2 ** 32 + 7, 2 ** 40, 2 ** 53 - 1, random.word()]);
    const negative = this.#domain.odd && random.chance(15) ? '-' : '';
    return `${negative}${sec}.${nsec}`;
  }

  #name(place: Place): string {
    const random = this.#random;
    for (;;) {
      const name = random.pick([
        () => random.text(random.between(1, 12), 0x61, 0x7a),
        () => random.text(random.between(1, 3), 1, 255),
        () => random.text(random.between(1, 60), 1, 255),
        () => random.text(255, 1, 255),
        () => random.hex(2),
        () => random.pick(['!x', '-y', '-', '\xff', ' ', '...', '.a', 'a\\b', 'a=b', 'a\nb', '+', '#']),
      ])();
      const clean = name.replaceAll('/', '_');
      if (clean === '.' || clean === '..' || place.names.has(clean)) continue;
      place.names.add(clean);
      return clean;
    }
  }

  #add(place: Place): void {
    const random = this.#random;
    const path = `${place.path === '/' ? '' : place.path}/${this.#name(place)}`;
    const kind = random.between(0, 99);
    if (kind < 18) this.#directory(path, 'directory');
    else if (kind < 34) this.#symlink(path);
    else if (kind < 50) this.#device(path);
    else this.#regular(path);
  }

  #line(path: string, size: number, mode: number, rdev: number, rest: string, extra = ''): void {
    const random = this.#random;
    const odd = this.#domain.odd;
    const nlink = odd && random.chance(5) ? random.pick([0, 2, 65_535, 65_536, 4_294_967_295]) : 1;
    const owners = `${random.pick(OWNERS)} ${random.pick(OWNERS)}`;
    const time = random.pick(this.#times);
    const fields = `${size} ${mode.toString(8)} ${nlink} ${owners} ${rdev} ${time} ${rest}`;
    this.#lines.push(`${escapePath(path)} ${fields}${this.#xattrs(extra)}`);
  }

  #directory(path: string, kind: string): void {
    const mode = 0o040000 | this.#permissions();
    this.#line(path, this.#random.between(0, 5000), mode, 0, '- - -', kind);
    this.#directories.push({ path, names: new Set(), special: kind === 'root' });
  }

  #permissions(): number {
    return this.#random.pick([0o644, 0o755, 0, 0o7777, 0o4755]);
  }

  #symlink(path: string): void {
    const random = this.#random;
    const max = this.#domain.targetMax;
    const near = [3900, 3970, 4000, 4020, 4031, 4032, 4033, 4063, 4064, 4065, 4095].filter(
      (size) => size <= max,
    );
    const length = random.chance(70)
      ? random.between(1, 60)
      : random.pick([...near, max, random.between(1, max)]);
    const target = random.text(length, 1, 255);
    this.#line(path, length, 0o120777, 0, `${escapeField(target)} - -`);
    this.#files.push(path);
  }

  #device(path: string): void {
    const random = this.#random;
    const [type, isDevice] = random.pick([
      [0o020000, true],
      [0o020000, true],
      [0o060000, true],
      [0o010000, false],
      [0o140000, false],
    ] as const);
    const rdev = isDevice ? random.pick([0, 0, 0, 1281, 2049, 66_304, 123, 0xfff_ffff, 0xffff_ffff]) : 0;
    const size = this.#domain.odd && random.chance(10) ? random.pick([1, 5_000_000_000]) : 0;
    this.#line(path, size, type | this.#permissions(), rdev, '- - -');
    this.#files.push(path);
  }

  #regular(path: string): void {
    const random = this.#random;
    const mode = 0o100000 | this.#permissions();
    const kind = random.between(0, 9);
    if (kind < 2) this.#line(path, 0, mode, 0, '- - -');
    else if (kind < 6) this.#content(path, mode);
    else this.#external(path, mode);
    this.#files.push(path);
  }

  #content(path: string, mode: number): void {
    const random = this.#random;
    const max = this.#domain.contentMax;
    const sizes = [
      1,
      63,
      64,
      65,
      511,
      512,
      2047,
      2048,
      2049,
      4095,
      4096,
      4097,
      5000,
      random.between(1, 5000),
    ];
    const size = random.chance(60)
      ? random.between(1, 64)
      : random.pick(sizes.filter((bytes) => bytes <= max));
    this.#line(path, size, mode, 0, `- ${escapeField(random.text(size))} -`);
  }

  #external(path: string, mode: number): void {
    const random = this.#random;
    const digest = random.chance(20) ? 'ab'.repeat(32) : random.hex(64);
    const payload = `${digest.slice(0, 2)}/${digest.slice(2)}`;
    const odd = random.pick([
      `${payload} - -`,
      '- - -',
      `/some/path\\x20here - ${digest}`,
      `abcdefg - -`,
      `- - ${digest}`,
      `${random.hex(2)}/${random.hex(62)} - ${digest}`,
    ]);
    const narrow = random.pick([`${payload} - -`, '- - -']);
    const usual = `${payload} - ${digest}`;
    const rest = random.chance(70) ? usual : this.#domain.odd ? odd : narrow;
    this.#line(path, random.chance(60) ? random.between(65, 1_000_000) : random.pick(SIZES), mode, 0, rest);
  }

  /** A directory of several blocks. */
  #fill(place: Place): void {
    const random = this.#random;
    const count = random.between(100, 900);
    for (let index = 0; index < count; index++) {
      const path = `${place.path === '/' ? '' : place.path}/${this.#name(place)}`;
      this.#line(path, 0, 0o100644, 0, '- - -');
    }
  }

  #addLinks(): void {
    const random = this.#random;
    if (this.#files.length === 0 || random.chance(40)) return;
    const wanted = random.between(1, 12);
    for (let index = 0; index < wanted; index++) {
      const place = random.pick(this.#directories);
      const path = `${place.path === '/' ? '' : place.path}/${this.#name(place)}`;
      const target = random.pick(this.#domain.odd ? [...this.#files, ...this.#links] : this.#files);
      this.#lines.push(`${escapePath(path)} 0 @100644 1 0 0 0 0.0 ${escapePath(target)} - -`);
      this.#links.push(path);
    }
  }

  #manyXattrs(): string {
    const random = this.#random;
    const count = this.#domain.odd ? random.between(100, 200) : random.between(60, 120);
    return Array.from({ length: count }, (_, index) => ` user.many${index}=${random.hex(4)}`).join('');
  }

  #xattrs(kind: string): string {
    const random = this.#random;
    let text = '';
    if (this.#labelled) text += ` security.selinux=${escapeXattr(random.pick(LABELS))}`;
    if (kind === '' && this.#many !== undefined && random.chance(20)) return text + this.#many;
    if (random.chance(60)) return text;
    const names = new Map<string, string>();
    const count = random.between(1, 5);
    for (let index = 0; index < count; index++) {
      const name = this.#xattrName(kind);
      // C subtracts a replaced value from a counter that starts at 0 and then refuses: no longer than the marks.
      const values = MARKS.includes(name) ? [''] : ['', 'x', 'y', '-', random.text(random.between(0, 40))];
      names.set(name, random.pick(values));
    }
    if (random.chance(4)) names.set('user.long', random.text(random.between(200, 3000)));
    for (const [name, value] of names) text += ` ${escapeXattr(name)}=${escapeXattr(value)}`;
    return text;
  }

  #xattrName(kind: string): string {
    const random = this.#random;
    const usual = [
      'user.foo',
      'user.bar',
      'user.',
      'security.capability',
      'security.ima',
      'trusted.foo',
      'system.posix_acl_access',
      'system.posix_acl_default',
      'lustre.lov',
      'plain',
      'trusted.overlay.metacopy',
      'trusted.overlay.redirect',
      'trusted.overlay.origin',
      'trusted.overlay.overlay.origin',
      'trusted.overlay.',
    ];
    const odd = [...MARKS, 'system.posix_acl_accessX'];
    if (random.chance(15))
      return `user.${random.text(random.between(1, 30), 0x21, 0x7e).replaceAll('=', '+')}`;
    if (random.chance(3)) return `user.${random.text(250, 0x61, 0x7a)}`;
    if (this.#domain.odd) return random.pick([...usual, ...odd]);
    return random.pick(kind === '' ? [...usual, 'trusted.overlay.opaque'] : usual);
  }
}

function escapePath(path: string): string {
  return path.split('/').map(escapePart).join('/');
}

/** As a field, but a name that is `-` stays: it follows a slash. */
function escapePart(name: string): string {
  return name === '-' || name === '' ? name : escapeField(name);
}

function escapeXattr(text: string): string {
  return text === '-' || text === '' ? text : escapeField(text);
}

/** A random dumpfile. */
export function randomDump(seed: number, domain: DumpDomain): Buffer {
  return new DumpMaker(new Random(seed), domain).make();
}
