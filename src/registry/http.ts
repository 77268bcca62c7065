/**
 * The one place that opens sockets: one request, one answer. No redirection is followed here, no credentials are known,
 * nothing is tried twice.
 */
import { Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
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
  readonly signal?: AbortSignal | undefined;
}

/** See the module. Close it when done: servers would keep connections open. */
export class HttpClient {
  readonly #options: HttpOptions;
  readonly #plain = new PlainAgent({ keepAlive: true });
  readonly #secure: SecureAgent;
  readonly #open = new Set<Exchange>();
  #closed = false;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#secure = new SecureAgent({ keepAlive: true, rejectUnauthorized: options.verify });
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
    };
    const request =
      url.protocol === 'https:'
        ? secureRequest(url, { ...options, agent: this.#secure })
        : plainRequest(url, { ...options, agent: this.#plain });
    const exchange = new Exchange(request, { url, body, timing: this.#options.timing }, () =>
      this.#open.delete(exchange),
    );
    this.#open.add(exchange);
    return await exchange.answer;
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
  };
}

/** The run was asked to stop. */
export function interrupted(): PlanishError {
  return new PlanishError('INTERRUPTED', 'the run was interrupted');
}
