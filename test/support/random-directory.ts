/**
 * Random directories on disk from a seed: what an ordinary user can make, and as root owners, devices and xattrs of
 * every name space as well. Names are any bytes.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, lchownSync, linkSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { Random } from './random-dump.ts';

const isRoot = process.getuid?.() === 0;

/** Fills an empty directory. */
export function fillRandomDirectory(path: string, seed: number): void {
  new DirectoryMaker(new Random(seed)).fill(path);
}

function bytes(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

class DirectoryMaker {
  readonly #random: Random;
  readonly #directories: string[] = [];
  readonly #leaves: string[] = [];
  readonly #taken = new Set<string>();
  readonly #xattrs: string[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  fill(root: string): void {
    this.#directories.push(root);
    const count = this.#random.pick([1, 5, 20, 60]);
    for (let index = 0; index < count; index++) this.#add();
    if (this.#random.chance(20)) for (let index = 0; index < 200; index++) this.#regular(this.#path());
    this.#setXattrs();
    for (const path of [...this.#leaves, ...this.#directories].reverse()) this.#settle(path);
  }

  #path(): string {
    const random = this.#random;
    for (;;) {
      const name = random
        .pick([
          () => random.text(random.between(1, 10), 0x61, 0x7a),
          () => random.text(random.between(1, 20), 1, 255),
          () => random.text(255, 0x61, 0x7a),
          () => random.hex(2),
          () => random.pick(['!x', '-', '\xff', '+']),
        ])()
        .replaceAll('/', '_');
      const path = `${random.pick(this.#directories)}/${name}`;
      if (name === '.' || name === '..' || this.#taken.has(path)) continue;
      this.#taken.add(path);
      return path;
    }
  }

  #add(): void {
    const random = this.#random;
    const path = this.#path();
    const kind = random.between(0, 9);
    if (kind < 2) this.#directory(path);
    else if (kind === 2) this.#symlink(path);
    else if (kind === 3 && this.#leaves.length > 0) this.#link(path);
    else if (kind === 4) this.#node(path);
    else this.#regular(path);
  }

  #directory(path: string): void {
    mkdirSync(bytes(path));
    this.#directories.push(path);
  }

  #symlink(path: string): void {
    const length = this.#random.pick([1, 10, 60, 500, 1024, 3000, 4031, 4032, 4095]);
    symlinkSync(bytes(this.#random.text(length, 1, 255)), bytes(path));
    this.#leaves.push(path);
  }

  /** A further name of any leaf; whiteouts keep one, composefs-rs refuses more. */
  #link(path: string): void {
    const target = this.#random.pick(this.#leaves);
    if (target.endsWith('.whiteout')) return;
    linkSync(bytes(target), bytes(path));
  }

  /** A fifo, and as root a device. `mknod` takes its path as bytes only through a shell's escapes. */
  #node(path: string): void {
    const random = this.#random;
    const kind = isRoot ? random.pick(['p', 'c 5 1', 'b 259 70000', 'c 0 0']) : 'p';
    const target =
      kind === 'c 0 0' ? `${path.slice(0, path.lastIndexOf('/'))}/${random.hex(6)}.whiteout` : path;
    const escaped = [...bytes(target)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
    const made = spawnSync('bash', ['-c', `mknod $'${escaped}' ${kind}`]);
    if (made.status === 0) this.#leaves.push(target);
  }

  #regular(path: string): void {
    const random = this.#random;
    const size = random.pick([0, 0, 1, 5, 64, 65, 4096, 5000]);
    writeFileSync(bytes(path), bytes(random.text(size)));
    this.#leaves.push(path);
    if (random.chance(40)) this.#addXattrs(path);
  }

  #addXattrs(path: string): void {
    const random = this.#random;
    const names = ['user.foo', 'user.bar', 'user.overlay.opaque'];
    const rootNames = [
      'trusted.foo',
      'trusted.overlay.opaque',
      'security.thing',
      'trusted.overlay.overlay.x',
    ];
    const chosen = new Set(
      Array.from({ length: 3 }, () => random.pick(isRoot ? [...names, ...rootNames] : names)),
    );
    const file = [...bytes(path)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
    const values = [...chosen].map((name) => `${name}=0x${random.pick(['79', '', random.hex(20)])}`);
    this.#xattrs.push(`# file: ${file}`, ...values, '');
  }

  #setXattrs(): void {
    // Where the file system keeps none, there are none: what is compared is read back from the directory.
    spawnSync('setfattr', ['--restore=-'], { input: `${this.#xattrs.join('\n')}\n` });
  }

  /** Owners, permissions and times, children before parents. */
  #settle(path: string): void {
    const random = this.#random;
    if (isRoot) lchownSync(bytes(path), random.pick([0, 1000, 65_536]), random.pick([0, 65_535, 65_536]));
    if (this.#directories.includes(path)) {
      chmodSync(bytes(path), random.pick([0o755, 0o700, 0o1777]));
      const time = random.pick([0, 1_700_000_000, 1_600_000_000.5]);
      utimesSync(bytes(path), time, time);
    }
  }
}
