/**
 * Proves to one registry who asks (OCI distribution specification and its token authentication): by tokens from where the
 * registry's challenge says, or by a password with every request.
 *
 * Where tokens come from is the registry's word. What is sent there are the credentials for this registry, never those
 * for another host, and never without TLS unless the registry itself has none.
 */
import { PlanishError } from '../errors.ts';
import { asString, isAbsent, type JsonObject, parseJsonObject } from '../oci/json.ts';
import { readBody, refusal, showUrl } from './answers.ts';
import type { Credentials } from './auth-file.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { HttpAnswer } from './exchange.ts';
import type { HttpRequest } from './http.ts';

/** Tokens live so long when nothing is said of it; the specification has it. */
const TOKEN_SECONDS = 60;
/** What may stand in a header. */
const TOKEN = /^[\x21-\x7e]+$/;

/** What an authorizer needs. */
export interface AuthorizerOptions {
  /** As messages name it. */
  readonly host: string;
  readonly credentials: () => Promise<Credentials | undefined>;
  /** Sends a request as it is, again where that helps. */
  readonly send: (request: HttpRequest) => Promise<HttpAnswer>;
  readonly now: () => number;
}

interface Token {
  readonly header: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** See the module. */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #tokens = new Map<string, Promise<Token>>();
  #challenge: Challenge | undefined;
  /** Whether the registry itself is reached without TLS. */
  #plain = false;
  #credentials: Promise<Credentials | undefined> | undefined;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** Whether there are any credentials for the registry. */
  async hasCredentials(): Promise<boolean> {
    return (await this.#own()) !== undefined;
  }

  /**
   * Takes up the challenge of an answer of status 401; gives the scopes that it names. Throws `REGISTRY_DENIED` where it has
   * none that can be met.
   */
  challenge(answer: HttpAnswer): readonly string[] {
    const challenges = parseChallenges(answer.header('www-authenticate') ?? '');
    const named = (scheme: string): Challenge | undefined =>
      challenges.find((challenge) => challenge.scheme === scheme);
    const challenge = named('bearer') ?? named('basic');
    if (challenge === undefined) {
      throw new PlanishError(
        'REGISTRY_DENIED',
        'the registry wants credentials of a kind that is not known',
        {
          file: showUrl(answer.url),
        },
      );
    }
    this.#challenge = challenge;
    this.#plain = answer.url.protocol === 'http:';
    const scope = challenge.parameters.get('scope') ?? '';
    return scope.split(' ').filter((one) => one !== '');
  }

  /** The header `Authorization` for these scopes; `undefined` as long as nobody asked for one. */
  async header(scopes: readonly string[]): Promise<string | undefined> {
    if (this.#challenge === undefined) return undefined;
    const credentials = await this.#own();
    if (credentials?.kind === 'bearer') return `Bearer ${checkToken(credentials.token)}`;
    if (this.#challenge.scheme === 'basic')
      return credentials?.kind === 'password' ? basic(credentials) : undefined;
    const key = scopes.join(' ');
    // Those who ask at once share one.
    const asked = this.#tokens.get(key);
    const known = asked === undefined ? undefined : await asked;
    if (known !== undefined && known.until > this.#options.now()) return known.header;
    const fetched = this.#fetch(this.#challenge, scopes, credentials);
    this.#tokens.set(key, fetched);
    fetched.catch(() => this.#tokens.delete(key));
    return (await fetched).header;
  }

  /** A token for these scopes was of no use. */
  forget(scopes: readonly string[]): void {
    this.#tokens.delete(scopes.join(' '));
  }

  #own(): Promise<Credentials | undefined> {
    this.#credentials ??= this.#options.credentials();
    return this.#credentials;
  }

  async #fetch(
    { parameters }: Challenge,
    scopes: readonly string[],
    credentials: Credentials | undefined,
  ): Promise<Token> {
    const realm = this.#realm(parameters.get('realm') ?? '');
    const service = parameters.get('service');
    const request =
      credentials?.kind === 'identity'
        ? exchangeRequest(realm, service, scopes, credentials.token)
        : tokenRequest(realm, service, scopes, credentials);
    const asked = this.#options.now();
    const answer = await this.#options.send(request);
    if (answer.status === 401 || answer.status === 403)
      throw await refusal(
        answer,
        'REGISTRY_DENIED',
        `no token for the registry ${this.#options.host} is given`,
      );
    if (answer.status !== 200)
      throw await refusal(
        answer,
        'REGISTRY_REFUSED',
        `no token for the registry ${this.#options.host} is given`,
      );
    return parseToken(await readBody(answer, 'registryAnswerBytes'), realm, asked);
  }

  /** Throws `REGISTRY_BAD_ANSWER` for what is no address, or one where secrets would be seen by everybody. */
  #realm(text: string): URL {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const allowed = this.#plain ? ['https:', 'http:'] : ['https:'];
    if (url !== undefined && allowed.includes(url.protocol) && url.username === '' && url.password === '')
      return url;
    throw new PlanishError(
      'REGISTRY_BAD_ANSWER',
      `the registry ${this.#options.host} says that tokens are at no address that can be used`,
      { actual: url === undefined ? undefined : showUrl(url) },
    );
  }
}

function tokenRequest(
  realm: URL,
  service: string | undefined,
  scopes: readonly string[],
  credentials: Credentials | undefined,
): HttpRequest {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  if (credentials?.kind !== 'password') return { method: 'GET', url, headers: {} };
  url.searchParams.set('account', credentials.username);
  return { method: 'GET', url, headers: { authorization: basic(credentials) } };
}

/** A token by which others are asked for is sent in the body (OAuth 2). */
function exchangeRequest(
  url: URL,
  service: string | undefined,
  scopes: readonly string[],
  token: string,
): HttpRequest {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    service: service ?? '',
    client_id: 'planish',
    scope: scopes.join(' '),
    refresh_token: token,
  });
  const bytes = Buffer.from(form.toString());
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: { size: bytes.length, pieces: () => [bytes] },
  };
}

function parseToken(bytes: Uint8Array, realm: URL, asked: number): Token {
  try {
    const answer = parseJsonObject(bytes, 'the answer');
    const token = textAt(answer, 'token') ?? textAt(answer, 'access_token') ?? '';
    const seconds = Number(answer['expires_in'] ?? TOKEN_SECONDS);
    const lives = Number.isFinite(seconds) ? Math.max(seconds, TOKEN_SECONDS) : TOKEN_SECONDS;
    return { header: `Bearer ${checkToken(token)}`, until: asked + lives * 1000 };
  } catch {
    // Nothing of it is quoted: it may hold a secret.
    throw new PlanishError('REGISTRY_BAD_ANSWER', 'an answer that should hold a token holds none', {
      file: showUrl(realm),
    });
  }
}

function textAt(answer: JsonObject, field: string): string | undefined {
  const value = answer[field];
  return isAbsent(value) || value === '' ? undefined : asString(value, field);
}

function checkToken(token: string): string {
  if (TOKEN.test(token)) return token;
  throw new PlanishError('CREDENTIALS_BAD', 'a token holds what cannot stand in a header');
}

function basic({ username, password }: Extract<Credentials, { readonly kind: 'password' }>): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
