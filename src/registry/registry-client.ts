/**
 * Talks to one repository of a registry: finds out how it is reached, proves who asks, follows redirections, and asks
 * again where that helps.
 */
import { isPlanishError, PlanishError, withDetail } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { refusal, showUrl } from './answers.ts';
import { Authorizer } from './authorizer.ts';
import { ConnectionFailure } from './connection-failure.ts';
import { findInFiles } from './credential-source.ts';
import type { HttpAnswer } from './exchange.ts';
import { HttpClient, type HttpRequest, interrupted } from './http.ts';
import { ATTEMPTS, isPassing, waitBefore } from './retry.ts';
import { type RegistryTiming, USUAL_TIMING } from './timing.ts';

/** How registries are reached. */
export interface RegistryOptions {
  /** Files of credentials, the first that has some counts; those that are not there are passed over. Default: none. */
  readonly authFiles?: readonly string[] | undefined;
  /** Whether certificates must be trusted; default true. Otherwise HTTP without TLS will do as well. */
  readonly tlsVerify?: boolean | undefined;
  /** The proxy by which an address is reached; default: none, whatever the environment says. */
  readonly proxy?: ((url: URL) => URL | undefined) | undefined;
  readonly timing?: Partial<RegistryTiming> | undefined;
}

/** Which repository, and how. */
export interface ClientOptions extends RegistryOptions {
  /** As image names have it. */
  readonly host: string;
  readonly repository: string;
  /** What is asked of the repository: `pull`, or `pull,push`. */
  readonly actions: 'pull' | 'pull,push';
  readonly signal?: AbortSignal | undefined;
}

/** One request to the registry. */
export interface RegistryRequest extends Omit<HttpRequest, 'url' | 'headers'> {
  /** Below the address of the registry, or a whole address that it gave. */
  readonly path: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Further scopes that it needs. */
  readonly scopes?: readonly string[];
  /** Whether it may be made again when it fails; default: whether it is no POST. If not, every answer is given. */
  readonly again?: boolean;
}

/** Host that serves images whose names state none. */
const DOCKER_HOST = 'registry-1.docker.io';

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** See the module. Close it when done. */
export class RegistryClient {
  readonly host: string;
  readonly repository: string;
  readonly timing: RegistryTiming;
  readonly #options: ClientOptions;
  readonly #http: HttpClient;
  readonly #authorizer: Authorizer;
  readonly #scope: string;
  #origin: Promise<URL> | undefined;

  constructor(options: ClientOptions) {
    const { host, repository, actions, authFiles = [], tlsVerify: verify = true, signal, proxy } = options;
    this.host = host;
    this.repository = repository;
    this.timing = { ...USUAL_TIMING, ...options.timing };
    this.#options = options;
    this.#scope = `repository:${repository}:${actions}`;
    this.#http = new HttpClient({ verify, timing: this.timing, proxy, signal });
    this.#authorizer = new Authorizer({
      host,
      credentials: () => findInFiles(authFiles, host, repository),
      send: (request) => this.#again(() => this.#http.send(request), true),
      now: this.timing.now,
    });
  }

  /** Ends what is under way. */
  close(): void {
    this.#http.close();
  }

  /** Path of something of the repository. */
  path(kind: 'blobs' | 'manifests' | 'referrers' | 'tags', name: string): string {
    return `/v2/${this.repository}/${kind}/${name}`;
  }

  /**
   * Gives the answer, whatever its status, but 401 and 403. Throws `REGISTRY_UNREACHABLE`, `REGISTRY_DENIED`,
   * `REGISTRY_BAD_ANSWER`, `CREDENTIALS_BAD`, `INTERRUPTED`.
   */
  async send(request: RegistryRequest): Promise<HttpAnswer> {
    const origin = await this.#reach();
    const url = this.#locate(request.path, origin);
    const again = request.again ?? request.method !== 'POST';
    const answer = await this.#again(() => this.#authorized(url, origin, request), again);
    if (answer.status === 401 || answer.status === 403) throw await this.#denied(answer);
    return answer;
  }

  /** Behind what ends TLS, a registry may think that it is reached without. */
  #locate(path: string | URL, origin: URL): URL {
    const url = new URL(path, origin);
    if (url.host === origin.host) url.protocol = origin.protocol;
    if (url.protocol === origin.protocol || url.protocol === 'https:') return url;
    throw badRedirect(url, 'names an address that cannot be used');
  }

  /** Makes an error of ours of a failed connection, and adds the address. */
  explain(error: unknown, url: URL | string): unknown {
    const file = typeof url === 'string' ? url : showUrl(url);
    if (!(error instanceof ConnectionFailure)) return withDetail(error, { file });
    const { code, message, hint } = error;
    const verb = code === 'REGISTRY_UNREACHABLE' ? 'cannot be reached' : 'does not keep to the protocol';
    return new PlanishError(code, `the registry ${this.host} ${verb}: ${message}`, { file, hint }, error);
  }

  async wait(failures: number, retryAfter?: string): Promise<void> {
    const ms = waitBefore(failures, retryAfter, this.timing.now());
    try {
      await this.timing.wait(ms, this.#options.signal);
    } catch (error) {
      throw this.#options.signal?.aborted === true ? interrupted() : error;
    }
  }

  /** Where the registry is, asked once: without demands on certificates, HTTP without TLS is tried as well. */
  #reach(): Promise<URL> {
    this.#origin ??= this.#findOrigin();
    return this.#origin;
  }

  async #findOrigin(): Promise<URL> {
    const authority = this.host === 'docker.io' ? DOCKER_HOST : this.host;
    const secure = new URL(`https://${authority}/v2/`);
    if (this.#options.tlsVerify !== false) return await this.#ping(secure, true);
    try {
      return await this.#ping(secure, false);
    } catch (error) {
      if (!isPlanishError(error, 'REGISTRY_UNREACHABLE') && !isPlanishError(error, 'REGISTRY_BAD_ANSWER'))
        throw error;
      return await this.#ping(new URL(`http://${authority}/v2/`), true);
    }
  }

  /** Learns by the way what is wanted of who asks. */
  async #ping(url: URL, again: boolean): Promise<URL> {
    const answer = await this.#again(() => this.#http.send({ method: 'GET', url, headers: {} }), again, url);
    if (answer.status === 401) this.#authorizer.challenge(answer);
    answer.drop();
    return url;
  }

  /** Redirections are followed where nothing is sent; credentials go to the registry alone. */
  async #authorized(first: URL, origin: URL, request: RegistryRequest): Promise<HttpAnswer> {
    let url = first;
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#asked(url, origin, request);
      const target = REDIRECTS.has(answer.status) ? answer.header('location') : undefined;
      if (target === undefined || request.body !== undefined || request.method === 'POST') return answer;
      answer.drop();
      if (redirects === LIMITS.registryRedirects)
        throw badRedirect(url, 'leads from one address to the next');
      url = this.#redirected(url, target);
    }
  }

  #redirected(from: URL, target: string): URL {
    const url = URL.canParse(target, from.href) ? new URL(target, from) : undefined;
    const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && from.protocol === 'http:');
    if (url !== undefined && isSafe) return url;
    throw badRedirect(from, 'leads to an address that cannot be used');
  }

  async #asked(url: URL, origin: URL, request: RegistryRequest): Promise<HttpAnswer> {
    const scopes = [this.#scope, ...(request.scopes ?? [])];
    if (url.origin !== origin.origin) return await this.#sendOnce(url, request, undefined);
    const answer = await this.#sendOnce(url, request, await this.#authorizer.header(scopes));
    if (answer.status !== 401) return answer;
    // The token is too old, or is for less than is wanted.
    const wanted = this.#authorizer.challenge(answer);
    answer.drop();
    this.#authorizer.forget(scopes);
    const header = await this.#authorizer.header([...new Set([...scopes, ...wanted])]);
    return await this.#sendOnce(url, request, header);
  }

  async #sendOnce(
    url: URL,
    request: RegistryRequest,
    authorization: string | undefined,
  ): Promise<HttpAnswer> {
    const headers = authorization === undefined ? {} : { authorization };
    const { method, body } = request;
    try {
      return await this.#http.send({ method, url, body, headers: { ...request.headers, ...headers } });
    } catch (error) {
      throw error instanceof ConnectionFailure ? error : this.explain(error, url);
    }
  }

  /** Asks until an answer is not of the passing kind, or the attempts are used up. */
  async #again(ask: () => Promise<HttpAnswer>, again: boolean, url?: URL): Promise<HttpAnswer> {
    const where = url ?? this.host;
    for (let failures = 1; ; failures++) {
      const isLast = !again || failures === ATTEMPTS;
      try {
        const answer = await ask();
        if (!again || !isPassing(answer.status)) return answer;
        if (isLast)
          throw await refusal(
            answer,
            'REGISTRY_UNREACHABLE',
            `the registry ${this.host} is not able to answer`,
          );
        answer.drop();
        await this.wait(failures, answer.header('retry-after'));
      } catch (error) {
        if (!(error instanceof ConnectionFailure) || !error.passing || isLast)
          throw this.explain(error, where);
        await this.wait(failures);
      }
    }
  }

  async #denied(answer: HttpAnswer): Promise<PlanishError> {
    const error = await refusal(answer, 'REGISTRY_DENIED', `the registry ${this.host} denies access`);
    const known = await this.#authorizer.hasCredentials();
    const hint = known
      ? 'there are credentials for it, but they do not suffice'
      : `there are no credentials for it: podman login ${this.host}, or --authfile FILE`;
    return new PlanishError(error.code, error.message, { ...error.detail, hint });
  }
}

function badRedirect(url: URL, how: string): PlanishError {
  return new PlanishError('REGISTRY_BAD_ANSWER', `the registry ${how}`, { file: showUrl(url) });
}
