/** One request on its way and its answer, watched: what stalls is ended. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { ConnectionFailure, connectionFailure } from './connection-failure.ts';
import type { RegistryTiming } from './timing.ts';
import { Watch } from './watch.ts';

/** A body of known size, which can be read again for another attempt. */
export interface HttpBody {
  readonly size: number;
  readonly pieces: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** Begin of an answer. Its body is read, or dropped. */
export interface HttpAnswer {
  readonly status: number;
  /** What was asked for. */
  readonly url: URL;
  /** The header of that name in lower case; several are joined by commas. */
  readonly header: (name: string) => string | undefined;
  /** To be read once. Throws {@link ConnectionFailure}, also where fewer bytes come than were announced; `INTERRUPTED`. */
  readonly body: AsyncIterable<Uint8Array>;
  readonly drop: () => void;
}

/** What is sent, and for how long an answer is waited for. */
export interface Sent {
  readonly url: URL;
  readonly body: HttpBody | undefined;
  readonly timing: RegistryTiming;
}

/** See the module. */
export class Exchange {
  /** Throws {@link ConnectionFailure}, and what {@link fail} was called with. */
  readonly answer: Promise<HttpAnswer>;
  readonly #request: ClientRequest;
  readonly #url: URL;
  readonly #ended: () => void;
  #watch: Watch;
  #answered = false;
  /** Why it was ended from here. */
  #failure: Error | undefined;

  /** Begins to send; `ended` is called when no more will come. */
  constructor(request: ClientRequest, { url, body, timing }: Sent, ended: () => void) {
    this.#request = request;
    this.#url = url;
    this.#ended = ended;
    this.#watch = this.#watchFor(timing.idleMs);
    this.answer = new Promise((resolve, reject) => {
      const lose = (error: unknown): void => {
        this.#end();
        reject(this.#reason(error));
      };
      request.on('error', lose);
      request.on('close', () => lose(new ConnectionFailure('the connection was cut', { passing: true })));
      request.on('response', (message) => {
        this.#answered = true;
        this.#watch.end();
        this.#watch = this.#watchFor(timing.idleMs);
        resolve(this.#begin(message));
      });
    });
    if (body === undefined) request.end();
    else void this.#write(body, timing.commitMs);
  }

  /** Ends it; who waits for it gets the error. */
  readonly fail = (error: Error): void => {
    this.#failure ??= error;
    this.#request.destroy(error);
  };

  async #write(body: HttpBody, commitMs: number): Promise<void> {
    const request = this.#request;
    try {
      for await (const piece of body.pieces()) {
        // Whoever has answered already does not want the rest.
        if (request.destroyed || this.#answered) return;
        if (!request.write(piece)) await drained(request);
        this.#watch.note(piece.length);
      }
      if (request.destroyed || this.#answered) return;
      this.#watch.end();
      this.#watch = this.#watchFor(commitMs);
      request.end();
    } catch (error) {
      this.fail(error as Error);
    }
  }

  #begin(message: IncomingMessage): HttpAnswer {
    return {
      status: message.statusCode ?? 0,
      url: this.#url,
      header: (name) => {
        const value = message.headers[name];
        return Array.isArray(value) ? value.join(', ') : value;
      },
      body: this.#pieces(message),
      drop: () => this.#drop(message),
    };
  }

  async *#pieces(message: IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const piece of message as AsyncIterable<Uint8Array>) {
        this.#watch.note(piece.length);
        yield piece;
      }
      if (!message.complete) throw new ConnectionFailure('the answer was cut', { passing: true });
    } catch (error) {
      throw this.#reason(error);
    } finally {
      this.#drop(message);
    }
  }

  /** A connection on which nothing is left to come is kept. */
  #drop(message: IncomingMessage): void {
    const isEmpty = this.#request.method === 'HEAD' || message.headers['content-length'] === '0';
    if (isEmpty && this.#request.writableFinished) message.resume();
    else if (!message.complete || !this.#request.writableFinished) this.#request.destroy();
    this.#end();
  }

  #end(): void {
    this.#watch.end();
    this.#ended();
  }

  #reason(error: unknown): Error {
    return this.#failure ?? connectionFailure(error);
  }

  #watchFor(ms: number): Watch {
    return new Watch(ms, () => this.fail(new ConnectionFailure('nothing came any more', { passing: true })));
  }
}

/** Waits until more can be written, or never again. */
function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const events = ['drain', 'close', 'error', 'response'] as const;
    const done = (): void => {
      for (const event of events) request.off(event, done);
      resolve();
    };
    for (const event of events) request.on(event, done);
  });
}
