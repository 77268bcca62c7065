/** `planish repo init|ls|cat|fsck|gc|tag|untag|export` */
import { Command, Option } from 'commander';
import type { RepoFsckResult } from '../../ops/repository/repo-fsck.ts';
import type { RepoGcResult } from '../../ops/repository/repo-gc.ts';
import type { RepoListResult } from '../../ops/repository/repo-ls.ts';
import { formatBytes, formatCount, formatTable, shortDigest } from '../format.ts';
import { collect, commonOptions, formatNumber, formatOption } from '../options.ts';
import type { GlobalOptions, Runtime } from '../runtime.ts';

const EXAMPLES = `
Examples:
  $ planish repo ls repo
  $ planish repo fsck repo
  $ planish repo untag repo os:41 && planish repo gc repo
  $ planish repo cat repo oci-layer-sha256:… > layer.tar

planish emit writes into a repository.`;

/** Defines the verb and its own verbs. */
export function addRepo(program: Command, runtime: Runtime): Command {
  const command = new Command('repo')
    .description('look after a composefs repository: check, collect, list, export')
    .addHelpText('after', EXAMPLES);
  for (const add of [addInit, addLs, addCat, addFsck, addGc, addTag, addUntag, addExport])
    add(command, runtime);
  program.addCommand(command);
  return command;
}

function verb(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description).argument('<dir>', 'the repository');
}

function addInit(parent: Command, runtime: Runtime): void {
  verb(parent, 'init', 'make an empty repository')
    .addOption(
      new Option('--algorithm <name>', 'fs-verity algorithm').choices(['sha512', 'sha256']).default('sha512'),
    )
    .addOption(formatOption('EROFS format of its images').default('v1'))
    .addOption(new Option('--insecure', 'without fs-verity'))
    .addOption(new Option('--require-verity', 'fail where the file system has no fs-verity'))
    .addHelpText(
      'after',
      '\nExamples:\n  $ planish repo init repo\n  $ planish repo init repo --require-verity',
    )
    .action(async (dir: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<
        GlobalOptions & {
          algorithm: 'sha512' | 'sha256';
          format: string;
          insecure?: boolean;
          requireVerity?: boolean;
        }
      >();
      const { repoInit } = await import('../../ops/repository/repo-init.ts');
      const result = await repoInit(dir, {
        ...commonOptions(runtime, parsed),
        algorithm: parsed.algorithm,
        format: formatNumber(parsed.format),
        verity: parsed.requireVerity === true ? 'require' : parsed.insecure === true ? 'none' : 'try',
      });
      runtime.output.json(result);
      const { created, secure, algorithm, formats } = result;
      const kind = `${algorithm}, v${formats.join(' and v')}, ${secure ? 'secure' : 'insecure'}`;
      runtime.output.print(`${created ? 'made' : 'was there'}  ${dir} (${kind})`);
    });
}

function addLs(parent: Command, runtime: Runtime): void {
  verb(parent, 'ls', 'list the images of a repository by their tags')
    .addHelpText('after', '\nExamples:\n  $ planish repo ls repo\n  $ planish --json repo ls repo')
    .action(async (dir: string, _: unknown, self: Command) => {
      const options = commonOptions(runtime, self.optsWithGlobals<GlobalOptions>());
      const { repoList } = await import('../../ops/repository/repo-ls.ts');
      const result = await repoList(dir, options);
      runtime.output.json(result);
      runtime.output.print(describeList(result));
    });
}

function describeList({ tags, imageRefs }: RepoListResult): string {
  const columns = [
    { title: 'TAG' },
    { title: 'KIND' },
    { title: 'MANIFEST' },
    { title: 'PLATFORM' },
    { title: 'LAYERS', align: 'right' },
    { title: 'REFERRERS', align: 'right' },
    { title: 'IMAGES' },
  ] as const;
  const rows = tags.map((image) => [
    image.tag,
    image.kind,
    image.manifest === undefined ? '' : shortDigest(image.manifest),
    image.platform ?? '',
    String(image.layers.length),
    String(image.referrers.length),
    Object.entries(image.images)
      .map(([name, digest]) => `${name.slice('composefs.'.length)}=${digest.slice(0, 12)}`)
      .join(' ') ||
      (image.error ?? ''),
  ]);
  const others = imageRefs.map(({ name, digest }) => [name, 'erofs', '', '', '', '', digest.slice(0, 12)]);
  return formatTable(columns, [...rows, ...others]);
}

function addCat(parent: Command, runtime: Runtime): void {
  verb(parent, 'cat', 'print a layer, document or object, byte for byte')
    .argument('<name>', 'a tag, a digest, the name of a stream, or the fs-verity digest of an object')
    .addHelpText(
      'after',
      '\nExamples:\n  $ planish repo cat repo os:42\n  $ planish repo cat repo oci-layer-sha256:… > layer.tar\n\nA layer is given by its diffID and comes out as the uncompressed tar. Exit status 4 when what was printed is not\nwhat its name says.',
    )
    .action(async (dir: string, name: string, _: unknown, self: Command) => {
      const options = commonOptions(runtime, self.optsWithGlobals<GlobalOptions>());
      const { repoCat } = await import('../../ops/repository/repo-cat.ts');
      await repoCat(dir, name, (piece) => runtime.output.write(piece), options);
    });
}

const FSCK_EXAMPLES = `
Examples:
  $ planish repo fsck repo
  $ planish --json repo fsck repo --metadata-only
  $ planish repo fsck repo --remove-damaged; planish emit oci:os:42 --repo repo

Exit status 1 when anything is wrong, also where it was removed.`;

function addFsck(parent: Command, runtime: Runtime): void {
  verb(parent, 'fsck', 'measure everything again and name what is wrong')
    .addOption(new Option('--metadata-only', 'do not read contents'))
    .addOption(
      new Option('--remove-damaged', 'take away what is wrong, so that the next emit writes it anew'),
    )
    .addHelpText('after', FSCK_EXAMPLES)
    .action(async (dir: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<
        GlobalOptions & { metadataOnly?: boolean; removeDamaged?: boolean }
      >();
      const { repoFsck } = await import('../../ops/repository/repo-fsck.ts');
      const { metadataOnly, removeDamaged } = parsed;
      const result = await repoFsck(dir, { ...commonOptions(runtime, parsed), metadataOnly, removeDamaged });
      runtime.output.json(result);
      runtime.output.print(describeFsck(result));
      if (result.findings.length > 0) runtime.exitStatus = 1;
    });
}

function describeFsck({ counts, findings, removed, repository, secure }: RepoFsckResult): string {
  const lines = findings.map(({ problem, path, message, affects }) => {
    const tags = affects.length === 0 ? '' : ` (affects ${affects.join(', ')})`;
    return `${problem}: ${path}: ${message}${tags}`;
  });
  const { objects, bytes, streams, images, refs } = counts;
  const sum = `${formatCount(objects)} objects (${formatBytes(bytes)}), ${streams} streams, ${images} images, ${refs} references`;
  const security = secure ? 'secure' : 'insecure';
  const verdict = findings.length === 0 ? 'sound' : `${formatCount(findings.length)} findings`;
  const gone = removed.map((path) => `removed: ${path}`);
  return [...lines, ...gone, `${verdict}: ${repository} (${security}): ${sum}`].join('\n');
}

function addGc(parent: Command, runtime: Runtime): void {
  verb(parent, 'gc', 'remove what no tag or reference leads to')
    .addOption(new Option('-n, --dry-run', 'only tell'))
    .addOption(
      new Option('-r, --root <name>', 'a stream or image to keep as well; repeatable')
        .argParser(collect)
        .default([], 'none'),
    )
    .addHelpText('after', '\nExamples:\n  $ planish repo gc repo --dry-run\n  $ planish repo gc repo')
    .action(async (dir: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<GlobalOptions & { dryRun?: boolean; root: string[] }>();
      const { repoGc } = await import('../../ops/repository/repo-gc.ts');
      const options = { ...commonOptions(runtime, parsed), dryRun: parsed.dryRun, roots: parsed.root };
      const result = await repoGc(dir, options);
      runtime.output.json(result);
      runtime.output.print(describeGc(result));
    });
}

function describeGc({ dryRun, objects, bytes, links, kept, leftovers }: RepoGcResult): string {
  const removed = dryRun ? 'would remove' : 'removed';
  return [
    ...(dryRun ? links : []),
    `${removed} ${formatCount(objects)} objects (${formatBytes(bytes)}), ${links.length} links, ${leftovers} leftovers; kept ${formatCount(kept)} objects`,
  ].join('\n');
}

function addTag(parent: Command, runtime: Runtime): void {
  verb(parent, 'tag', 'give an image a tag')
    .argument('<image>', 'a tag, or @DIGEST of a manifest')
    .argument('<tag>', 'the new tag; one that is there is moved')
    .addHelpText('after', '\nExamples:\n  $ planish repo tag repo os:42 os:stable')
    .action(async (dir: string, image: string, tag: string, _: unknown, self: Command) => {
      const options = commonOptions(runtime, self.optsWithGlobals<GlobalOptions>());
      const { repoTag } = await import('../../ops/repository/repo-tag.ts');
      const result = await repoTag(dir, image, tag, options);
      runtime.output.json(result);
      runtime.output.print(`${result.changed ? 'tagged' : 'unchanged'}  ${tag} ${result.manifest}`);
    });
}

function addUntag(parent: Command, runtime: Runtime): void {
  verb(parent, 'untag', 'remove a tag; gc removes what was kept for it')
    .argument('<tag>', 'the tag')
    .addHelpText('after', '\nExamples:\n  $ planish repo untag repo os:41')
    .action(async (dir: string, tag: string, _: unknown, self: Command) => {
      const options = commonOptions(runtime, self.optsWithGlobals<GlobalOptions>());
      const { repoUntag } = await import('../../ops/repository/repo-tag.ts');
      const result = await repoUntag(dir, tag, options);
      runtime.output.json(result);
      runtime.output.print(`untagged  ${tag}`);
    });
}

function addExport(parent: Command, runtime: Runtime): void {
  verb(parent, 'export', 'write an image of a repository as an image layout or archive')
    .argument('<image>', 'a tag, or @DIGEST of a manifest')
    .addOption(
      new Option('-o, --output <dest>', 'oci:DIR[:TAG] or oci-archive:FILE[:TAG]').makeOptionMandatory(),
    )
    .addOption(
      new Option('--compression <kind>', 'of the layers (default: as the manifest says)').choices([
        'zstd',
        'gzip',
        'none',
      ]),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ planish repo export repo os:42 -o oci:os:42\n\nThe config, and so every diffID, is the original one.',
    )
    .action(async (dir: string, image: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<
        GlobalOptions & { output: string; compression?: 'zstd' | 'gzip' | 'none' }
      >();
      const { repoExport } = await import('../../ops/repository/repo-export.ts');
      const result = await repoExport(dir, image, {
        ...commonOptions(runtime, parsed),
        destination: parsed.output,
        compression: parsed.compression,
      });
      runtime.output.json(result);
      const manifest = `${result.manifest} (${result.original ? 'the original' : 'a new one'})`;
      runtime.output.print(
        `manifest   ${manifest}\nwrote      ${result.destination}, ${result.layers.length} layers${describeReferrers(result.referrers.length)}`,
      );
    });
}

function describeReferrers(count: number): string {
  return count === 0 ? '' : `, ${count} referrers`;
}
