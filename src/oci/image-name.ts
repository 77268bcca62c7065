/**
 * Names of images as registries and Docker archives write them, `[HOST/]PATH[:TAG]`, and their normal form: Docker's
 * default host and `library/` in front where they are left out, `:latest` behind.
 */

/** Host of names that do not state one; part of the grammar of image names. */
const DEFAULT_HOST = 'docker.io';
/** Another spelling of the default host, of the first protocol version. */
const LEGACY_HOST = 'index.docker.io';

const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const PATH = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const HOST = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;

/** The parts of an image name in their normal form. */
export interface ImageName {
  readonly host: string;
  readonly path: string;
  /** `undefined` where the name states none. */
  readonly tag: string | undefined;
}

/** The normal form of an image name, or `undefined` when the text is none. Two names with equal forms are one. */
export function normalizeImageName(text: string): string | undefined {
  const name = parseImageName(text);
  return name === undefined ? undefined : `${name.host}/${name.path}:${name.tag ?? 'latest'}`;
}

/** Host, path and tag of an image name, or `undefined` when the text is none. */
export function parseImageName(text: string): ImageName | undefined {
  const { host, rest } = splitHost(text);
  const colon = rest.lastIndexOf(':');
  const path = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  if (text.length > 512 || !HOST.test(host) || !TAG.test(tag ?? 'latest') || !isPath(path)) return undefined;
  const bare = host === LEGACY_HOST ? DEFAULT_HOST : host;
  const full = bare === DEFAULT_HOST && !path.includes('/') ? `library/${path}` : path;
  return { host: bare, path: full, tag };
}

/** The first component is a host when it holds a dot or a colon, or is `localhost`. */
function splitHost(text: string): { host: string; rest: string } {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(slash, 0));
  const isHost = first === 'localhost' || first.includes('.') || first.includes(':') || /[A-Z]/.test(first);
  return isHost ? { host: first, rest: text.slice(slash + 1) } : { host: DEFAULT_HOST, rest: text };
}

function isPath(path: string): boolean {
  return path.length <= 255 && PATH.test(path);
}
