// Puts the command line together: `dist/cli/`, a few CommonJS files that each hold what one run needs of them, instead of
// the hundred modules of `src/` that a verb would load one by one. The library stays as tsc makes it.
//
// CommonJS, since Node 20 takes ten milliseconds to start its loader of ES modules. Nothing is shortened or renamed that
// need not be: a stack trace names the functions, and a line "// src/…" stands above what came from each module.
import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const SOURCE = join(ROOT, 'src');
const OUTPUT = join(ROOT, 'dist/cli');

/** Files by name that others look for: the program, what runs a command line in this process, and what a thread runs. */
const ENTRIES = { main: 'cli/main.ts', run: 'cli/run.ts', worker: 'parallel/worker.ts' };

/**
 * Files of their own, and the modules that go there with all that they import and no file above has. What no part takes is split by
 * who imports it. A module in a part that a run does not need costs it more than a file does: parsing is 4 ms for 100 kB.
 */
const PARTS = {
  // Help and version, without a parser.
  quick: ['cli/quick-answer.ts'],
  errors: ['errors.ts'],
  // What any verb needs before it is known what it is about.
  line: ['cli/run.ts', 'cli/options.ts', 'cli/format.ts', 'cli/cache-directory.ts'],
  // Opening a source, whatever it is, and what nearly every run has in common.
  base: [
    'bytes/stat.ts',
    'erofs/format.ts',
    'fsverity/digest.ts',
    'fsverity/verity-hasher.ts',
    'io/durable-file.ts',
    'io/temporary.ts',
    'oci/json.ts',
    'ops/concurrently.ts',
    'ops/load/load-tree.ts',
    'ops/load/loaded-tree.ts',
    'ops/session.ts',
    'tree/dump-facts.ts',
    'tree/path.ts',
    'tree/tree.ts',
    'tree/walk.ts',
  ],
  // What every thread has, whatever it does.
  thread: ['parallel/collect-garbage.ts', 'parallel/tasks.ts'],
  // A tree made into an image.
  measuring: ['erofs/image-digest.ts', 'host/host-digest.ts', 'layer/key.ts'],
  // A layer read.
  layers: [
    'compress/decompress.ts',
    'compress/level.ts',
    'layer/index-codec.ts',
    'layer/ingest.ts',
    'layer/tar-script.ts',
  ],
  // Images read.
  images: ['io/layout.ts', 'io/oci-archive.ts', 'oci/place-image.ts', 'ops/load/load-layered-tree.ts'],
  recognizing: ['io/recognize.ts'],
  referrers: ['io/referrers.ts'],
  // What hosts make of them.
  hosts: ['ops/hosts/tree-digests.ts'],
  differences: ['tree/canonical.ts', 'tree/diff.ts'],
  annotations: ['ops/build/plan-texts.ts'],
  planning: ['ops/build/plan-tree.ts', 'ops/build/needed-contents.ts'],
  writing: ['layer/write.ts'],
  destinations: ['io/open-destination.ts'],
  building: ['ops/build/build.ts'],
  repositories: ['repo/object-writer.ts', 'repo/repository.ts'],
  streams: ['repo/streams.ts'],
  emitting: ['ops/repository/emit.ts'],
};

const groups = Object.entries(PARTS).map(([name, modules], rank) => ({
  name,
  priority: 100 - rank,
  test: (id) => modules.includes(relative(SOURCE, id)),
  includeDependenciesRecursively: true,
}));

/**
 * What a file exports as plain properties instead of getters, which cost a call each time until V8 has optimized the caller. That
 * is right since exported bindings never change, and no file is required by one that it requires; both are looked at.
 */
const plainExports = {
  name: 'plain-exports',
  transform: (code, id) => {
    if (id.startsWith(SOURCE) && /^export (let|var) /m.test(code))
      throw new Error(`bundle: ${id} exports a binding that may change`);
  },
  renderChunk: (code) =>
    code.replace(
      /Object\.defineProperty\(exports, "(\w+)", \{\s*enumerable: true,\s*get: function \(\) \{\s*return ([\w$]+);\s*\}\s*\}\);/g,
      'exports.$1 = $2;',
    ),
};

export async function bundle() {
  const program = await rolldown({
    cwd: ROOT,
    input: Object.fromEntries(Object.entries(ENTRIES).map(([name, file]) => [name, join(SOURCE, file)])),
    platform: 'node',
    external: (id) => !/^[./]/.test(id),
    tsconfig: join(ROOT, 'tsconfig.json'),
    preserveEntrySignatures: 'allow-extension',
    // Imports that are lazy here and not elsewhere are no mistake.
    checks: { ineffectiveDynamicImport: false },
    plugins: [plainExports],
  });
  rmSync(OUTPUT, { recursive: true, force: true });
  const { output } = await program.write({
    dir: OUTPUT,
    format: 'cjs',
    strict: true,
    comments: false,
    minify: false,
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    codeSplitting: { groups },
  });
  await program.close();
  refuseUnknown(output.flatMap(({ moduleIds }) => moduleIds.map((id) => relative(SOURCE, id))));
  refuseCycles(new Map(output.map(({ fileName, imports }) => [fileName, imports])));
  writeFileSync(join(OUTPUT, 'package.json'), '{ "type": "commonjs" }\n');
  writeFileSync(join(OUTPUT, 'modules.json'), `${JSON.stringify(modulesOf(output), undefined, 1)}\n`);
}

/** The modules of `src/` in each file, for the tests of what a run loads, and for whoever looks for one. */
function modulesOf(output) {
  const rows = output.map(({ fileName, moduleIds }) => [
    fileName,
    moduleIds.filter((id) => id.startsWith(SOURCE)).map((id) => relative(SOURCE, id)),
  ]);
  return Object.fromEntries(rows.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function refuseUnknown(modules) {
  const unknown = Object.values(PARTS)
    .flat()
    .filter((module) => !modules.includes(module));
  if (unknown.length > 0) throw new Error(`bundle: no module ${unknown.join(', ')} for a part`);
}

function refuseCycles(files, path = [], done = new Set()) {
  for (const file of path.length === 0 ? files.keys() : files.get(path.at(-1))) {
    if (path.includes(file)) throw new Error(`bundle: ${[...path, file].join(' requires ')}`);
    if (done.has(file) || !files.has(file)) continue;
    refuseCycles(files, [...path, file], done);
    done.add(file);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle();
