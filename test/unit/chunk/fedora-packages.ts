/** Ten packages of a Fedora 43 as rpm listed them (`fedora.query.gz`), and headers made of them. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type Field, headerOf, numbers, text, texts } from './rpm-maker.ts';

export interface ListedFile {
  readonly path: string;
  readonly size: number;
  readonly mode: number;
  readonly mtime: number;
  readonly digest: string;
  readonly flags: number;
  readonly linkTarget: string;
}

export interface ListedPackage {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly epoch: number | undefined;
  readonly architecture: string;
  readonly buildTime: number | undefined;
  readonly sourceRpm: string;
  readonly changes: readonly number[];
  readonly files: readonly ListedFile[];
}

/** The format in which the list was asked for. */
export const LIST_FORMAT = [
  '@@PKG@@\\t%{NAME}\\t%{VERSION}\\t%{RELEASE}\\t%{EPOCH}\\t%{ARCH}\\t%{BUILDTIME}\\t%{SOURCERPM}\\n',
  '[@@CL@@\\t%{CHANGELOGTIME}\\n]',
  '[@@FILE@@\\t%{FILENAMES}\\t%{FILESIZES}\\t%{FILEMODES}\\t%{FILEMTIMES}\\t%{FILEDIGESTS}\\t%{FILEFLAGS}',
  '\\t%{FILELINKTOS}\\n]',
].join('');

const fixture = new URL('../../../fixtures/chunk/fedora.query.gz', import.meta.url);

export function listedPackages(): ListedPackage[] {
  const parts = gunzipSync(readFileSync(fixture)).toString('latin1').split('@@PKG@@\t').slice(1);
  return parts.map((part) => {
    const lines = part
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    const [name = '', version = '', release = '', epoch, architecture = '', , , built, , sourceRpm = ''] =
      lines[0] ?? [];
    const rows = (tag: string): string[][] => lines.filter(([first]) => first === tag);
    return {
      ...{ name, version, release, architecture, sourceRpm },
      epoch: epoch === '(none)' ? undefined : Number(epoch),
      buildTime: Number(built),
      changes: rows('@@CL@@').map(([, time]) => Number(time)),
      files: rows('@@FILE@@').map(
        ([, path = '', size, mode, mtime, digest = '', flags, , , linkTarget = '']) => ({
          ...{ path, digest, linkTarget },
          ...{ size: Number(size), mode: Number(mode), mtime: Number(mtime), flags: Number(flags) },
        }),
      ),
    };
  });
}

/** The package in the words of {@link LIST_FORMAT}. */
export function formatListed(pkg: ListedPackage): string {
  const { name, version, release, epoch, architecture, buildTime, sourceRpm, changes, files } = pkg;
  const lines = [
    ['@@PKG@@', name, version, release, epoch ?? '(none)', architecture, buildTime, sourceRpm],
    ...changes.map((time) => ['@@CL@@', time]),
    ...files.map(({ path, size, mode, mtime, digest, flags, linkTarget }) => [
      ...['@@FILE@@', path, size, mode, mtime, digest, flags, linkTarget],
    ]),
  ];
  return lines.map((fields) => `${fields.join('\t')}\n`).join('');
}

function shorts(tag: number, values: readonly number[]): Field {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [ordinal, value] of values.entries()) bytes.writeUInt16BE(value, ordinal * 2);
  return [tag, 3, values.length, bytes];
}

const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1);

/** A header with all that the list says; numbers on even offsets, which rpm demands, by their coming first. */
export function listedHeader(pkg: ListedPackage): Buffer {
  const { files, changes } = pkg;
  const directories = [...new Set(files.map(({ path }) => directoryOf(path)))];
  const column = <K extends keyof ListedFile>(name: K): ListedFile[K][] => files.map((file) => file[name]);
  const fields: Field[] = [
    numbers(1006, [pkg.buildTime ?? 0]),
    ...(pkg.epoch === undefined ? [] : [numbers(1003, [pkg.epoch])]),
    ...(changes.length === 0 ? [] : [numbers(1080, changes)]),
    numbers(1028, column('size')),
    numbers(1034, column('mtime')),
    numbers(1037, column('flags')),
    numbers(
      1116,
      files.map(({ path }) => directories.indexOf(directoryOf(path))),
    ),
    shorts(1030, column('mode')),
    text(1000, pkg.name),
    text(1001, pkg.version),
    text(1002, pkg.release),
    text(1022, pkg.architecture),
    text(1044, pkg.sourceRpm),
    texts(1035, column('digest')),
    texts(1036, column('linkTarget')),
    texts(
      1117,
      files.map(({ path }) => path.slice(path.lastIndexOf('/') + 1)),
    ),
    texts(1118, directories),
  ];
  return headerOf(files.length === 0 ? fields.filter(([, , count]) => count > 0) : fields);
}
