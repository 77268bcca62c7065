/** What benches read: the real server image of the interop tests, and what is made of it once. */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './measure.mjs';

/** The built command line. */
export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** A command of ours. */
export const planish = (...args) => [process.execPath, MAIN, '--quiet', ...args];

/** A module of the built library. */
export const library = (path) => import(new URL(`../../dist/${path}`, import.meta.url));

const NO_DEVICES = ['--exclude=./dev/*', '--exclude=dev/*'];

const MAKER = fileURLToPath(new URL('../support/make-server-fixtures.sh', import.meta.url));

/** Finds the server and makes what `names` are of it, in `scratch`. */
export class Inputs {
  #scratch;
  #layout;
  #root;

  constructor(scratch) {
    this.#scratch = scratch;
    const made = join(process.env.PLANISH_TOOLS ?? join(tmpdir(), 'planish-fixtures'), 'server-image');
    this.#layout = process.env.PLANISH_SERVER_LAYOUT ?? join(made, 'server');
    this.#root = process.env.PLANISH_SERVER_ROOT ?? join(made, 'server.tar');
    if (existsSync(this.#layout) && existsSync(this.#root)) return;
    throw new Error(
      `benches need a server image: as root, run ${MAKER} ${made}; or set PLANISH_SERVER_LAYOUT (an OCI layout, tag ` +
        '"server") and PLANISH_SERVER_ROOT (its first layer as one plain tar)',
    );
  }

  /** A path for output. */
  output(name) {
    return join(this.#scratch, name);
  }

  /** The root file system as one plain tar. */
  get tar() {
    return this.#root;
  }

  /** The image as it comes, of gzip layers. */
  get gzipImage() {
    return `oci:${this.#layout}:server`;
  }

  /**
   * Images of gzip layers, by what they are: the server, and one with a layer of made-up files besides, of 60,000 files and
   * 2 GB, where PLANISH_LARGE_LAYOUT names what `test/support/make-large-image.py` made.
   */
  get gzipImages() {
    const large = process.env.PLANISH_LARGE_LAYOUT;
    const described = (name, layout, tag) => ({
      name,
      image: `oci:${layout}:${tag}`,
      layers: layersOf(layout),
    });
    return [
      described('server', this.#layout, 'server'),
      ...(large === undefined ? [] : [described('large', large, 'large')]),
    ];
  }

  /** The server as planish built it, of zstd layers. */
  get zstdImage() {
    return this.zstdImageOf(this.gzipImages[0]);
  }

  /** One of `gzipImages` as planish built it, of zstd layers. */
  zstdImageOf({ name, image }) {
    const directory = `zstd-${name}`;
    const built = `oci:${this.output(directory)}:${name}`;
    return this.#once(directory, () => run(...split(planish('build', image, '-o', built))), built);
  }

  /** A dumpfile of 64,000 lines, of the large image; of the server, which has fewer, where there is none. */
  get longDump() {
    const { image } = this.gzipImages.at(-1);
    const dump = '"$@" | head -n 64000 > "$0"';
    const path = this.output('long.dump');
    const make = () => run('sh', ['-c', dump, path, ...planish('dump', image, '--algorithm', 'sha256')]);
    return this.#once('long.dump', make, path);
  }

  /** Its EROFS image. */
  get erofs() {
    const path = this.output('long.erofs');
    return this.#once(
      'long.erofs',
      () => run(...split(planish('mkfs', `dump:${this.longDump}`, '-o', path))),
      path,
    );
  }

  /** Directories on disk, and as plain tars, by what they are: the server, and all layers of the large image. */
  get roots() {
    const server = { name: 'server', directory: this.directory, tar: this.tar };
    return this.gzipImages.length < 2
      ? [server]
      : [server, { name: 'large', directory: this.#largeDirectory, tar: this.#largeTar }];
  }

  get #largeDirectory() {
    const path = this.output('large-root');
    const unpack = () => {
      // Each by itself: one has a link where another has a directory.
      for (const [index, layer] of this.gzipImages[1].layers.entries()) {
        const directory = join(path, String(index));
        mkdirSync(directory, { recursive: true });
        run('tar', ['-C', directory, ...NO_DEVICES, '--exclude=*/.wh.*', '-xzf', layer]);
      }
    };
    return this.#once('large-root', unpack, path);
  }

  get #largeTar() {
    const path = this.output('large.tar');
    const pack = () => run('tar', ['-C', this.#largeDirectory, '--sort=name', '-cf', path, '.']);
    return this.#once('large.tar', pack, path);
  }

  /** The next version of it, built after it: what PLANISH_SERVER_AFTER (one plain tar) holds, else a few new files more. */
  get updatedImage() {
    const image = `oci:${this.output('updated-image')}:server`;
    return this.#once('updated-image', () => this.#buildUpdate(image), image);
  }

  #buildUpdate(image) {
    const after = process.env.PLANISH_SERVER_AFTER ?? this.#updatedTar();
    run(...split(planish('build', `tar:${after}`, '--previous', this.zstdImage, '-o', image)));
  }

  /** The first layer of it alone, built by itself. */
  get rootImage() {
    const image = `oci:${this.output('root-image')}:server`;
    const build = () => run(...split(planish('build', `tar:${this.tar}`, '-o', image)));
    return this.#once('root-image', build, image);
  }

  /** The next version of that, in which one small package is another: its program and its paragraph of the database. */
  get smallUpdateImage() {
    const image = `oci:${this.output('small-update-image')}:server`;
    const build = () => {
      const tar = `tar:${this.#smallUpdateTar()}`;
      run(...split(planish('build', tar, '--previous', this.rootImage, '-o', image)));
    };
    return this.#once('small-update-image', build, image);
  }

  #smallUpdateTar() {
    const [tar, changed] = [this.output('small-update.tar'), this.output('changed')];
    const files = ['./usr/bin/hostname', './var/lib/dpkg/status'];
    copyFileSync(this.tar, tar);
    mkdirSync(changed);
    run('tar', ['-C', changed, '-xf', tar, ...files]);
    appendFileSync(join(changed, files[0]), 'another version');
    const status = readFileSync(join(changed, files[1]), 'latin1');
    const paragraph = /(?<=^Package: hostname\n(?:.+\n)*Version: ).*$/m;
    writeFileSync(join(changed, files[1]), status.replace(paragraph, '$&+1'), 'latin1');
    run('tar', ['-C', changed, '-rf', tar, ...files]);
    return tar;
  }

  #updatedTar() {
    const [tar, added] = [this.output('updated.tar'), this.output('added')];
    copyFileSync(this.tar, tar);
    mkdirSync(join(added, 'usr/lib'), { recursive: true });
    for (let index = 0; index < 100; index++)
      writeFileSync(join(added, `usr/lib/update-${index}`), `${index}\n`.repeat(20_000));
    run('tar', [
      '-C',
      added,
      '-rf',
      tar,
      ...readdirSync(join(added, 'usr/lib')).map((name) => `usr/lib/${name}`),
    ]);
    return tar;
  }

  /** Its composefs dumpfile, of the tree as it is, with the one algorithm that the C tools know. */
  get dump() {
    const path = this.output('server.dump');
    return this.#once(
      'server.dump',
      () =>
        run('sh', ['-c', '"$@" > "$0"', path, ...planish('dump', this.gzipImage, '--algorithm', 'sha256')]),
      path,
    );
  }

  /** The root unpacked into a directory, without devices so that any user can. */
  get directory() {
    const path = this.output('root');
    const unpack = () => {
      mkdirSync(path);
      run('tar', ['-C', path, '--exclude=./dev/*', '-xf', this.tar]);
    };
    return this.#once('root', unpack, path);
  }

  #once(name, make, result) {
    if (!existsSync(this.output(name))) make();
    return result;
  }
}

/** The blobs of the layers of the first image of a layout. */
function layersOf(layout) {
  const blob = (digest) => join(layout, 'blobs', ...digest.split(':'));
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
  const manifest = JSON.parse(readFileSync(blob(index.manifests[0].digest), 'utf8'));
  return manifest.layers.map(({ digest }) => blob(digest));
}

function split([program, ...args]) {
  return [program, args];
}
