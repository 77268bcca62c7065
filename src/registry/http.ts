/**
 * The one place that opens sockets: one request, one answer. No redirection is followed here, no credentials are known,
 * nothing is tried twice.
 */
import {
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  Agent as PlainAgent,
  request as plainRequest,
} from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { ConnectionFailure } from './connection-failure.ts';
import { Exchange, type HttpAnswer, type HttpBody } from './exchange.ts';
import type { RegistryTiming } from './timing.ts';

/** One request. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: HttpBody | undefined;
}

/** How connections are made. */
export interface HttpOptions {
  /** Whether certificates must be trusted. */
  readonly verify: boolean;
  readonly timing: RegistryTiming;
  /** The proxy by which an address is reached; default: none. */
  readonly proxy?: ((url: URL) => URL | undefined) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** See the module. Close it when done: servers would keep connections open. */
export class HttpClient {
  readonly #options: HttpOptions;
  readonly #plain = new PlainAgent({ keepAlive: true });
  readonly #secure = new SecureAgent({ keepAlive: true });
  /** By scheme of what is reached, and proxy. */
  readonly #proxied = new Map<string, Promise<Agent>>();
  readonly #open = new Set<Exchange>();
  #closed = false;

  constructor(options: HttpOptions) {
    this.#options = options;
    options.signal?.addEventListener('abort', this.#close, { once: true });
  }

  /** Sends a request. Throws `ConnectionFailure`, `INTERRUPTED`, `LIMIT_EXCEEDED`, and what the body's source throws. */
  async send({ method, url, headers, body }: HttpRequest): Promise<HttpAnswer> {
    if (this.#closed || this.#options.signal?.aborted === true) throw interrupted();
    const length = body === undefined ? {} : { 'content-length': String(body.size) };
    const options = {
      method,
      headers: { 'user-agent': 'planish', 'accept-encoding': 'identity', ...headers, ...length },
      maxHeaderSize: LIMITS.registryHeaderBytes,
      rejectUnauthorized: this.#options.verify,
    };
    const agent = await this.#agentFor(url);
    if (this.#closed) throw interrupted();
    const begin = url.protocol === 'https:' ? secureRequest : plainRequest;
    const request = begin(url, { ...options, agent });
    const exchange = new Exchange(request, { url, body, timing: this.#options.timing }, () =>
      this.#open.delete(exchange),
    );
    this.#open.add(exchange);
    if (url.protocol === 'https:') refuseProxyAnswers(request, exchange);
    return await exchange.answer;
  }

  async #agentFor(url: URL): Promise<Agent> {
    const isSecure = url.protocol === 'https:';
    const proxy = this.#options.proxy?.(url);
    if (proxy === undefined) return isSecure ? this.#secure : this.#plain;
    const key = `${url.protocol} ${proxy.href}`;
    const known = this.#proxied.get(key);
    const agent = known ?? openProxy(proxy, isSecure);
    this.#proxied.set(key, agent);
    return await agent;
  }

  /** Ends all that is under way, by `INTERRUPTED`. */
  close(): void {
    this.#close();
  }

  readonly #close = (): void => {
    this.#closed = true;
    this.#options.signal?.removeEventListener('abort', this.#close);
    for (const exchange of this.#open) exchange.fail(interrupted());
    this.#plain.destroy();
    this.#secure.destroy();
    for (const agent of this.#proxied.values()) void agent.then((each) => each.destroy());
  };
}

/** What a proxy says instead of leading on is no answer of the registry, and must not be taken for one. */
function refuseProxyAnswers(request: ClientRequest, exchange: Exchange): void {
  request.on('proxyConnect', ({ statusCode }: IncomingMessage) => {
    if (statusCode !== 200) exchange.fail(new ConnectionFailure(`the proxy refuses: status ${statusCode}`));
  });
}

/** The libraries are loaded where there is a proxy alone. The certificate of the proxy itself is always looked at. */
async function openProxy(proxy: URL, isSecure: boolean): Promise<Agent> {
  return isSecure
    ? new (await import('https-proxy-agent')).HttpsProxyAgent(proxy, { keepAlive: true })
    : new (await import('http-proxy-agent')).HttpProxyAgent(proxy, { keepAlive: true });
}

/** The run was asked to stop. */
export function interrupted(): PlanishError {
  return new PlanishError('INTERRUPTED', 'the run was interrupted');
}
