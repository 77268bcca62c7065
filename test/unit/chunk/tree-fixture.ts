/** Reads `fixtures/chunk/*.tree.gz` (see `make-tree.py` there) and builds small trees by hand. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type ByteString, byteString, fromUtf8, toBytes } from '../../../src/bytes/byte-string.ts';
import { NO_XATTRS } from '../../../src/bytes/stat.ts';
import type { FileReader } from '../../../src/chunk/component.ts';
import {
  DEFAULT_DIRECTORY_METADATA,
  type Directory,
  type ExternalContent,
  type Leaf,
  type Metadata,
  type Node,
  newDirectory,
} from '../../../src/tree/tree.ts';
import { lookup } from '../../../src/tree/walk.ts';

export interface TreeFixture {
  readonly root: Directory;
  readonly contents: Map<ByteString, Uint8Array>;
  readonly reader: FileReader;
}

export function emptyFixture(): TreeFixture {
  const contents = new Map<ByteString, Uint8Array>();
  const root = newDirectory(DEFAULT_DIRECTORY_METADATA);
  const reader: FileReader = {
    read: (path) => contents.get(path),
    readPart: (path, offset, length) => contents.get(path)?.subarray(offset, offset + length),
  };
  return { root, contents, reader };
}

export function metadataAt(sec: number): Metadata {
  return { mode: 0o644, uid: 0, gid: 0, mtime: { sec, nsec: 0 }, xattrs: NO_XATTRS };
}

/** Puts a node at a path, making parents. */
export function put(fixture: TreeFixture, path: string, node: Node): void {
  const names = path.split('/').slice(1);
  let here = fixture.root;
  for (const name of names.slice(0, -1)) {
    const child = here.children.get(byteString(name)) ?? newDirectory(DEFAULT_DIRECTORY_METADATA);
    if (child.type !== 'directory') throw new Error(`${path}: parent is no directory`);
    here.children.set(byteString(name), child);
    here = child;
  }
  here.children.set(byteString(names.at(-1) ?? ''), node);
}

/** A content of which nothing but its size is known. */
export function contentOf(size: number): ExternalContent {
  return { kind: 'external', size, verity: undefined, payload: undefined, location: undefined };
}

export function putFile(fixture: TreeFixture, path: string, size: number, sec = 0): Leaf {
  const node: Leaf = { type: 'regular', metadata: metadataAt(sec), content: contentOf(size) };
  put(fixture, path, node);
  return node;
}

/** A file whose content can be read. */
export function putText(fixture: TreeFixture, path: string, text: string | Uint8Array, sec = 0): void {
  const bytes = typeof text === 'string' ? toBytes(fromUtf8(text)) : text;
  putFile(fixture, path, bytes.length, sec);
  fixture.contents.set(byteString(path), bytes);
}

export function putLink(fixture: TreeFixture, path: string, target: string): void {
  put(fixture, path, { type: 'symlink', metadata: metadataAt(0), target: byteString(target) });
}

export function putDirectory(fixture: TreeFixture, path: string): void {
  put(fixture, path, newDirectory(DEFAULT_DIRECTORY_METADATA));
}

function unescapeName(text: string): string {
  return text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

export function readTreeFixture(file: string | URL): TreeFixture {
  const fixture = emptyFixture();
  const links: [string, string][] = [];
  for (const line of gunzipSync(readFileSync(file)).toString('latin1').trimEnd().split('\n')) {
    const [type = '', mode = '', uid, gid, mtime, size, escaped = '', last = ''] = line.split('\t');
    const path = unescapeName(escaped);
    const metadata: Metadata = {
      mode: parseInt(mode, 8),
      uid: Number(uid),
      gid: Number(gid),
      mtime: { sec: Number(mtime), nsec: 0 },
      xattrs: NO_XATTRS,
    };
    if (type === 'd') {
      const known = lookup(fixture.root, byteString(path));
      if (known?.type === 'directory') known.metadata = metadata;
      else put(fixture, path, newDirectory(metadata));
    } else if (type === 'l')
      put(fixture, path, { type: 'symlink', metadata, target: byteString(unescapeName(last)) });
    else if (type === 'h') links.push([path, unescapeName(last)]);
    else if (type === 'f') {
      putFile(fixture, path, Number(size)).metadata = metadata;
      if (last !== '') fixture.contents.set(byteString(path), Buffer.from(last, 'base64'));
    } else put(fixture, path, { type: type === 'b' ? 'block' : 'character', metadata, major: 0, minor: 1 });
  }
  for (const [path, target] of links) {
    const node = lookup(fixture.root, byteString(target));
    if (node === undefined) throw new Error(`${path}: no ${target}`);
    put(fixture, path, node);
  }
  return fixture;
}
