/**
 * Files of credentials, as `podman login`, `skopeo login` and `docker login` write them: `auth.json` of containers and
 * `config.json` of Docker. Both have `auths`, by host; the former also by host and path. What a helper keeps is not in the
 * file: the file names the helper.
 */
import { PlanishError } from '../errors.ts';
import { asObject, asString, asStrings, isAbsent, type JsonObject, parseJsonObject } from '../oci/json.ts';

/** What proves to a registry who asks. */
export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** A token by which others are asked for. */
  | { readonly kind: 'identity'; readonly token: string }
  /** A token for the registry itself. */
  | { readonly kind: 'bearer'; readonly token: string };

/** A file of credentials, parsed. */
export interface AuthFile {
  /** By host, or host and path, or address of the first protocol version. */
  readonly auths: ReadonlyMap<string, Credentials>;
  /** Helpers by host. */
  readonly helpers: ReadonlyMap<string, string>;
  /** The helper for all other hosts. */
  readonly store: string | undefined;
}

/** Where credentials are: in the file, or with a helper that is asked for a name. */
export type FoundCredentials =
  | { readonly kind: 'here'; readonly credentials: Credentials }
  | { readonly kind: 'helper'; readonly helper: string; readonly server: string };

/** Names under which credentials of Docker's own registry are found. */
const DOCKER_NAMES = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];
/** Name by which Docker asks helpers for them. */
const DOCKER_SERVER = 'https://index.docker.io/v1/';
/** A name of a helper becomes part of a program's name. */
const HELPER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Parses a file of credentials; `where` names it in errors, which never quote it. Throws `CREDENTIALS_BAD`. */
export function parseAuthFile(bytes: Uint8Array, where: string): AuthFile {
  try {
    const document = parseJsonObject(bytes, 'the file');
    const auths = objectAt(document, 'auths');
    const helpers = isAbsent(document['credHelpers'])
      ? {}
      : asStrings(document['credHelpers'], 'credHelpers');
    const store = isAbsent(document['credsStore']) ? '' : asString(document['credsStore'], 'credsStore');
    return {
      auths: new Map(Object.entries(auths).flatMap(([key, value]) => parseEntry(key, value))),
      helpers: new Map(Object.entries(helpers).map(([host, name]) => [host, checkHelper(name)])),
      store: store === '' ? undefined : checkHelper(store),
    };
  } catch (error) {
    const reason = error instanceof PlanishError ? error.code : 'INVARIANT';
    throw new PlanishError('CREDENTIALS_BAD', `a file of credentials is malformed: ${reason}`, {
      file: where,
    });
  }
}

function objectAt(document: JsonObject, field: string): JsonObject {
  return isAbsent(document[field]) ? {} : asObject(document[field], field);
}

/** An entry without any secret says that a helper has it. */
function parseEntry(key: string, value: unknown): [string, Credentials][] {
  const entry = asObject(value, 'an entry');
  const said = (field: string): string => (isAbsent(entry[field]) ? '' : asString(entry[field], 'a field'));
  const [identity, bearer] = [said('identitytoken'), said('registrytoken')];
  if (identity !== '') return [[key, { kind: 'identity', token: identity }]];
  if (bearer !== '') return [[key, { kind: 'bearer', token: bearer }]];
  const pair = said('auth') === '' ? [said('username'), said('password')] : splitPair(said('auth'));
  const [username = '', password = ''] = pair;
  return username === '' ? [] : [[key, { kind: 'password', username, password }]];
}

/** `USER:PASSWORD` in base64; NULs behind it are an old mistake of Docker. */
function splitPair(encoded: string): [string, string] {
  const text = Buffer.from(encoded, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = text.indexOf(':');
  if (colon < 1) throw new PlanishError('JSON_BAD_DOCUMENT', 'an entry is no USER:PASSWORD in base64');
  return [text.slice(0, colon), text.slice(colon + 1)];
}

function checkHelper(name: string): string {
  if (HELPER_NAME.test(name)) return name;
  throw new PlanishError('JSON_BAD_DOCUMENT', 'a helper has a name that no program has');
}

/**
 * What a file has for a repository: the entry of the longest path, then that of the host in any spelling, then the helpers.
 * `host` is in the normal form of image names.
 */
export function findCredentials(
  { auths, helpers, store }: AuthFile,
  host: string,
  repository: string,
): FoundCredentials | undefined {
  const names = DOCKER_NAMES.includes(host) ? DOCKER_NAMES : [host];
  const server = names.length > 1 ? DOCKER_SERVER : host;
  for (const name of [...names, server]) {
    const helper = helpers.get(name);
    if (helper !== undefined) return { kind: 'helper', helper, server: name };
  }
  const steps = repository.split('/');
  const paths = steps.map((_, count) => steps.slice(0, steps.length - count).join('/'));
  const keys = names.flatMap((name) => [...paths.map((path) => `${name}/${path}`), name]);
  for (const key of keys) {
    const credentials = auths.get(key);
    if (credentials !== undefined) return { kind: 'here', credentials };
  }
  for (const [key, credentials] of auths) {
    if (names.includes(hostOf(key))) return { kind: 'here', credentials };
  }
  return store === undefined ? undefined : { kind: 'helper', helper: store, server };
}

/** The host of an address (`https://index.docker.io/v1/`); of names with a path of their own nothing. */
function hostOf(key: string): string {
  const address = /^https?:\/\/([^/]+)(?:\/(?:v[12]\/?)?)?$/.exec(key) ?? /^([^/]+)\/v[12]\/?$/.exec(key);
  return address?.[1] ?? '';
}

/** Parses what a helper answered. Throws `CREDENTIALS_BAD`, without what it holds. */
export function parseHelperAnswer(bytes: Uint8Array, helper: string): Credentials {
  try {
    const answer = parseJsonObject(bytes, 'the answer');
    const username = asString(answer['Username'], 'Username');
    const password = asString(answer['Secret'], 'Secret');
    // By this name helpers tell a token from a password.
    return username === '<token>'
      ? { kind: 'identity', token: password }
      : { kind: 'password', username, password };
  } catch {
    throw new PlanishError(
      'CREDENTIALS_BAD',
      `the credential helper ${helper} answers nothing that is known`,
    );
  }
}
