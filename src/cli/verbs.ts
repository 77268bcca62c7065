/**
 * The table of verbs. Help and version need no more than what stands here; the code that defines a verb's options, and
 * what it runs, is loaded when the command line names it. A test holds names, usage and summaries to that code.
 */
import type { Command } from 'commander';
import type { Runtime } from './runtime.ts';

/** One verb. */
export interface Verb {
  readonly name: string;
  /** What follows the name, as help shows it. */
  readonly usage: string;
  /** What it does, in half a sentence. */
  readonly summary: string;
  /** Gives the function that adds the whole verb to the program. */
  readonly load: () => Promise<(program: Command, runtime: Runtime) => Command>;
}

/** All verbs in the order of help. */
export const VERBS: readonly Verb[] = [
  {
    name: 'build',
    usage: '[options] <source>',
    summary: 'flatten an image, digest it, and write it as layers that last',
    load: async () => (await import('./commands/build.ts')).addBuild,
  },
  {
    name: 'merge',
    usage: '[options] <base> <others...>',
    summary: 'lay sources over each other and build one image of them',
    load: async () => (await import('./commands/merge.ts')).addMerge,
  },
  {
    name: 'digest',
    usage: '[options] <source>',
    summary: 'print the composefs digests, computed from the tars as a host would',
    load: async () => (await import('./commands/digest.ts')).addDigest,
  },
  {
    name: 'dump',
    usage: '[options] <source>',
    summary: 'print the composefs dumpfile',
    load: async () => (await import('./commands/dump.ts')).addDump,
  },
  {
    name: 'mkfs',
    usage: '[options] <source>',
    summary: 'write the composefs EROFS image and print its fs-verity digest',
    load: async () => (await import('./commands/mkfs.ts')).addMkfs,
  },
  {
    name: 'ls',
    usage: '[options] <source> [path]',
    summary: 'list what an image or EROFS file holds',
    load: async () => (await import('./commands/ls.ts')).addLs,
  },
  {
    name: 'cat',
    usage: '[options] <source> <path>',
    summary: 'print the content of a file of an image',
    load: async () => (await import('./commands/cat.ts')).addCat,
  },
  {
    name: 'inspect',
    usage: '[options] <image>',
    summary: 'show layers, components, digests, labels and annotations of an image',
    load: async () => (await import('./commands/inspect.ts')).addInspect,
  },
  {
    name: 'plan',
    usage: '[options] <source> [others...]',
    summary: 'show how an image would be split, without writing it',
    load: async () => (await import('./commands/plan.ts')).addPlan,
  },
  {
    name: 'simulate',
    usage: '[options] <image...>',
    summary: 'what updates along a series of images cost, by way of splitting them',
    load: async () => (await import('./commands/simulate.ts')).addSimulate,
  },
  {
    name: 'seal',
    usage: '[options] <source>',
    summary: 'make an image that boots as it is or not at all: a signed UKI with its digest',
    load: async () => (await import('./commands/seal.ts')).addSeal,
  },
  {
    name: 'pe',
    usage: '[options] [command]',
    summary: 'look at, sign and verify EFI programs: UKIs, addons, boot loaders',
    load: async () => (await import('./commands/pe.ts')).addPe,
  },
  {
    name: 'enroll',
    usage: '[options]',
    summary: 'write the files by which a machine takes up Secure Boot keys: PK, KEK and db',
    load: async () => (await import('./commands/enroll.ts')).addEnroll,
  },
  {
    name: 'sign',
    usage: '[options] <image>',
    summary: 'sign an image or a file, for cosign, podman, skopeo, bootc and the kernel',
    load: async () => (await import('./commands/sign.ts')).addSign,
  },
  {
    name: 'verify',
    usage: '[options] <image>',
    summary: 'recompute every digest that an image claims, and check who signed it',
    load: async () => (await import('./commands/verify.ts')).addVerify,
  },
  {
    name: 'copy',
    usage: '[options] <source> <dest>',
    summary: 'copy an image between layouts, archives and registries, bytes unchanged',
    load: async () => (await import('./commands/copy.ts')).addCopy,
  },
  {
    name: 'lint',
    usage: '[options] [image]',
    summary: 'tell what hosts will refuse of an image, and how to mend it',
    load: async () => (await import('./commands/lint.ts')).addLint,
  },
  {
    name: 'explain',
    usage: '[options] <a> [b]',
    summary: 'find out why two views of an image disagree',
    load: async () => (await import('./commands/explain.ts')).addExplain,
  },
  {
    name: 'diff',
    usage: '[options] <a> <b>',
    summary: 'print what differs between two trees',
    load: async () => (await import('./commands/diff.ts')).addDiff,
  },
  {
    name: 'selabel',
    usage: '[options] <image> <path...>',
    summary: 'show which SELinux label the policy inside an image gives a path, and why',
    load: async () => (await import('./commands/selabel.ts')).addSelabel,
  },
  {
    name: 'emit',
    usage: '[options] <source>',
    summary: 'write an image into a composefs repository, as bootc hosts and cfsctl store it',
    load: async () => (await import('./commands/emit.ts')).addEmit,
  },
  {
    name: 'repo',
    usage: '[options] [command]',
    summary: 'look after a composefs repository: check, collect, list, export',
    load: async () => (await import('./commands/repo.ts')).addRepo,
  },
  {
    name: 'mount',
    usage: '[options] <image> <mountpoint>',
    summary: 'mount a composefs image over its objects, by digest or not at all',
    load: async () => (await import('./commands/mount.ts')).addMount,
  },
  {
    name: 'umount',
    usage: '[options] <mountpoint>',
    summary: 'take a mount of a composefs image away',
    load: async () => (await import('./commands/mount.ts')).addUmount,
  },
  {
    name: 'cache',
    usage: '[options] [command]',
    summary: 'look after the cache of layers that were read before',
    load: async () => (await import('./commands/cache.ts')).addCache,
  },
];
