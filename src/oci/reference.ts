/**
 * References: how a source or destination is written on the command line.
 *
 * Colons. After a transport's prefix the path ends at the **first** colon, and all that follows is the name, which
 * may hold slashes and further colons (`oci:dir:localhost:5000/app:1`). A path that itself holds a colon can
 * therefore only be given bare (`./a:b`), without a name. `@sha256:…` behind the path names a manifest by digest.
 * A bare path is never split; one that looks like a prefix needs `./` in front.
 *
 * `docker://[HOST[:PORT]/]REPOSITORY[:TAG|@DIGEST]` names an image in a registry, in the normal form of image names:
 * without a host that of Docker, without a tag `latest`.
 */

import { display, fromUtf8 } from '../bytes/byte-string.ts';
import { type BlobDigest, isBlobDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { normalizeImageName, parseImageName } from './image-name.ts';

/** Which image of a layout or archive: by name, by digest of its manifest or index, or the only one. */
export interface ImageSelector {
  readonly name: string | undefined;
  readonly digest: BlobDigest | undefined;
}

/** An image in a registry. */
export interface RegistryReference {
  readonly kind: 'docker';
  /** Host as the name has it, with its port where it states one: `docker.io`, `localhost:5000`. */
  readonly host: string;
  /** Path of the repository there, as `library/debian`. */
  readonly repository: string;
  /** The tag; `undefined` only where a digest is named instead. */
  readonly name: string | undefined;
  readonly digest: BlobDigest | undefined;
}

/** A source on this machine, parsed. */
export type FileSource =
  | ({ readonly kind: 'oci' | 'oci-archive'; readonly path: string } & ImageSelector)
  | { readonly kind: 'docker-archive'; readonly path: string; readonly name: string | undefined }
  | { readonly kind: 'tar' | 'rootfs' | 'path'; readonly path: string }
  /** `-` is standard input. */
  | { readonly kind: 'dump'; readonly path: string };

/** A parsed source. */
export type Source = FileSource | RegistryReference;

/** A layout or archive as a destination. */
export interface FileDestination {
  readonly kind: 'oci' | 'oci-archive';
  readonly path: string;
  readonly name: string | undefined;
}

/** A parsed destination. */
export type Destination = FileDestination | RegistryReference;

/** Tag of images whose reference gives none. */
const DEFAULT_TAG = 'latest';

/** Transports of other tools: named so that the answer is not "no such file". */
const FOREIGN = /^(?:dir|containers-storage|docker-daemon|docker|ostree|sif|ocidir|oci-dir|registry|rafs):/;
const REGISTRY_PREFIX = 'docker://';
const DIGEST_SUFFIX = /^([^:]*)@((?:sha256|sha512):[^:]*)$/;
const LAYOUT_NAME = /^[A-Za-z0-9_][A-Za-z0-9._:@+/-]{0,254}$/;

/** Parses a source. Throws `BAD_REFERENCE`. */
export function parseSource(text: string): Source {
  if (text.startsWith(REGISTRY_PREFIX)) return parseRegistry(text);
  const { transport, rest } = splitTransport(text);
  switch (transport) {
    case 'oci':
    case 'oci-archive':
      return { kind: transport, ...parseSelected(text, rest) };
    case 'docker-archive':
      return { kind: transport, ...parseDockerArchive(text, rest) };
    case 'tar':
    case 'rootfs':
    case 'dump':
      return { kind: transport, path: checkPath(text, rest) };
    default:
      return { kind: 'path', path: checkPath(text, rest) };
  }
}

/** Parses a destination; a bare path is an OCI layout. Throws `BAD_REFERENCE`. */
export function parseDestination(text: string): Destination {
  if (!text.startsWith(REGISTRY_PREFIX)) return parseFileDestination(text);
  const parsed = parseRegistry(text);
  if (parsed.digest === undefined) return parsed;
  throw bad(text, 'names a digest, which a destination cannot choose');
}

/** As {@link parseDestination}, for what is written on this machine alone. */
export function parseFileDestination(text: string): FileDestination {
  if (text.startsWith(REGISTRY_PREFIX)) {
    const hint = 'write to oci:DIR[:TAG] or oci-archive:FILE[:TAG], and copy that to the registry';
    throw bad(text, 'names a registry, which this does not write to', hint);
  }
  const { transport, rest } = splitTransport(text);
  if (transport === undefined) return { kind: 'oci', path: checkPath(text, rest), name: undefined };
  if (transport !== 'oci' && transport !== 'oci-archive') {
    throw bad(
      text,
      `cannot be written to as ${transport}:`,
      'write to oci:DIR[:TAG], oci-archive:FILE[:TAG] or docker://HOST/REPOSITORY[:TAG]',
    );
  }
  const { path, name, digest } = parseSelected(text, rest);
  if (digest !== undefined) throw bad(text, 'names a digest, which a destination cannot choose');
  return { kind: transport, path, name };
}

/** A source as it would be written. */
export function formatSource(source: Source): string {
  if (source.kind === 'docker') return formatRegistry(source);
  if (source.kind === 'path') return source.path;
  const base = `${source.kind}:${source.path}`;
  if ('digest' in source && source.digest !== undefined) return `${base}@${source.digest}`;
  return 'name' in source && source.name !== undefined ? `${base}:${source.name}` : base;
}

type Transport = 'oci' | 'oci-archive' | 'docker-archive' | 'tar' | 'rootfs' | 'dump';
const TRANSPORT = /^(oci|oci-archive|docker-archive|tar|rootfs|dump):/;

function splitTransport(text: string): { transport: Transport | undefined; rest: string } {
  const match = TRANSPORT.exec(text);
  if (match !== null) return { transport: match[1] as Transport, rest: text.slice(match[0].length) };
  if (/^(?:(?:https?|oci\+https?|registry):\/\/|docker:)/.test(text)) {
    throw bad(text, 'has a transport that is not supported', 'a registry is docker://HOST/REPOSITORY[:TAG]');
  }
  if (FOREIGN.test(text)) {
    throw bad(text, 'has a transport that is not supported', 'for a file of that name, put ./ in front');
  }
  return { transport: undefined, rest: text };
}

/** `docker://NAME[:TAG|@DIGEST]`. */
function parseRegistry(text: string): RegistryReference {
  const rest = text.slice(REGISTRY_PREFIX.length);
  const at = rest.indexOf('@');
  const name = parseImageName(at < 0 ? rest : rest.slice(0, at));
  if (name === undefined) {
    throw bad(text, 'holds a malformed image name', 'a name is [HOST/]PATH[:TAG] in lower case');
  }
  const { host, path: repository, tag } = name;
  if (at < 0) return { kind: 'docker', host, repository, name: tag ?? DEFAULT_TAG, digest: undefined };
  const digest = rest.slice(at + 1);
  if (!isBlobDigest(digest)) throw bad(text, 'holds a malformed digest');
  if (tag !== undefined) throw bad(text, 'holds both a name and a digest; give one');
  return { kind: 'docker', host, repository, name: undefined, digest };
}

function formatRegistry({ host, repository, name, digest }: RegistryReference): string {
  const base = `${REGISTRY_PREFIX}${host}/${repository}`;
  return digest === undefined ? `${base}:${name ?? DEFAULT_TAG}` : `${base}@${digest}`;
}

/** `PATH`, `PATH:NAME` or `PATH@DIGEST` of a layout or OCI archive. */
function parseSelected(text: string, rest: string): { path: string } & ImageSelector {
  const match = DIGEST_SUFFIX.exec(rest);
  if (match !== null) {
    const digest = match[2] ?? '';
    if (!isBlobDigest(digest)) throw bad(text, 'holds a malformed digest');
    return { path: checkPath(text, match[1] ?? ''), name: undefined, digest };
  }
  const { path, name } = splitFirstColon(text, rest);
  if (name === undefined) return { path, name, digest: undefined };
  if (/@(?:sha256|sha512):/.test(name)) throw bad(text, 'holds both a name and a digest; give one');
  if (!LAYOUT_NAME.test(name)) throw bad(text, 'holds a malformed image name');
  return { path, name, digest: undefined };
}

function parseDockerArchive(text: string, rest: string): { path: string; name: string | undefined } {
  const { path, name } = splitFirstColon(text, rest);
  if (name !== undefined && normalizeImageName(name) === undefined) {
    throw bad(text, 'holds a malformed image name', 'a name is [HOST/]PATH[:TAG] in lower case');
  }
  return { path, name };
}

function splitFirstColon(text: string, rest: string): { path: string; name: string | undefined } {
  const colon = rest.indexOf(':');
  if (colon < 0) return { path: checkPath(text, rest), name: undefined };
  if (colon === rest.length - 1) throw bad(text, 'ends in a colon without a name');
  return { path: checkPath(text, rest.slice(0, colon)), name: rest.slice(colon + 1) };
}

function checkPath(text: string, path: string): string {
  if (path === '') throw bad(text, 'holds no path');
  if (path.includes('\0')) throw bad(text, 'holds a NUL');
  return path;
}

function bad(text: string, complaint: string, hint?: string): PlanishError {
  return new PlanishError(
    'BAD_REFERENCE',
    `reference "${display(fromUtf8(text)).slice(0, 300)}" ${complaint}`,
    {
      hint,
    },
  );
}
