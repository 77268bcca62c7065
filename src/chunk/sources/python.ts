/**
 * Python distributions that no distribution package owns: by the lists that installers leave (`*.dist-info/RECORD`,
 * "Recording installed projects" of the Python packaging specifications).
 */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';

import type { Directory } from '../../tree/tree.ts';
import { joinPath } from '../../tree/walk.ts';
import type { ClaimContext, ComponentSource, SourceClaims } from '../component.ts';
import { claimUnowned } from './application-claims.ts';
import { readDatabaseText } from './database-file.ts';

/** `SITE/NAME-VERSION.dist-info/METADATA`. */
const METADATA = /^(.*)\/([^/]+)-[^/-]+\.dist-info\/METADATA$/;
const RECORD = byteString('RECORD');

/** The source of Python distributions: `python/NAME`. */
export const pythonSource: ComponentSource = {
  name: 'python',
  priority: 20,
  strength: 'weak',
  wantedPaths,
  claim,
};

/** Only directories are gone into, for each of which there are ten files. */
function wantedPaths(root: Directory): ByteString[] {
  const wanted: ByteString[] = [];
  const pending: [ByteString, Directory][] = [[byteString('/'), root]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [path, { children }] = next;
    if (path.endsWith('.dist-info') && children.has(RECORD)) wanted.push(joinPath(path, RECORD));
    for (const [name, node] of children) {
      if (node.type === 'directory') pending.push([joinPath(path, name), node]);
    }
  }
  return wanted;
}

interface Distribution {
  readonly key: ByteString;
  /** The directory that it is installed into. */
  readonly site: string;
  /** Its own directory, with a slash at the end. */
  readonly info: string;
}

/** Name in its normal form: lower case, runs of `-_.` as one dash. */
function pythonKey(name: string): ByteString {
  return byteString(`python/${name.toLowerCase().replace(/[-_.]+/g, '-')}`);
}

function claim(context: ClaimContext): SourceClaims {
  const keys = new Map<ByteString, ByteString>();
  const infos = new Map<string, ByteString>();
  for (const distribution of findDistributions(context)) {
    const { key, site, info } = distribution;
    // One inside another, by the other's list, is vendored and belongs to it.
    if (keys.has(byteString(`${info}METADATA`))) continue;
    infos.set(info, key);
    for (const path of readRecord(context, site, info)) if (!keys.has(path)) keys.set(path, key);
  }
  if (infos.size === 0) return { components: new Map(), claims: [] };
  return claimUnowned(context, ({ path }) => {
    return keys.get(path) ?? infos.get(path.slice(0, path.lastIndexOf('/') + 1));
  });
}

/** Unowned ones, outer directories first. */
function findDistributions(context: ClaimContext): Distribution[] {
  const found: (Distribution & { readonly depth: number })[] = [];
  for (const { path, node } of context.unowned()) {
    const match = node.type === 'regular' ? METADATA.exec(path) : null;
    if (match === null) continue;
    const [, site = '', name = ''] = match;
    const info = path.slice(0, -'METADATA'.length);
    found.push({ key: pythonKey(name), site, info, depth: site.split('/').length });
  }
  // Sorting is stable: those of one depth stay in the order of their paths.
  return found.sort((a, b) => a.depth - b.depth);
}

/** Absolute paths of a RECORD: CSV whose first field is a path relative to the site, quoted where it must be. */
function readRecord(context: ClaimContext, site: string, info: string): ByteString[] {
  const path = byteString(`${info}RECORD`);
  const text = readDatabaseText(context, path);
  return text === undefined ? [] : parseRecord(text).flatMap((listed) => resolveListed(site, listed));
}

/** Paths of a RECORD, as they stand there. Paths with line breaks are not found. */
function parseRecord(text: ByteString): string[] {
  const paths: string[] = [];
  for (const line of text.split('\n')) {
    const quoted = /^"((?:[^"]|"")*)"/.exec(line)?.[1];
    const path = quoted?.replaceAll('""', '"') ?? line.slice(0, Math.max(line.indexOf(','), 0));
    if (path !== '') paths.push(path);
  }
  return paths;
}

function resolveListed(site: string, listed: string): ByteString[] {
  const parts = listed.startsWith('/') ? [] : site.split('/').slice(1);
  for (const part of listed.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.length === 0 ? [] : [byteString(`/${parts.join('/')}`)];
}
