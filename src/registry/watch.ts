/** Notices that nothing comes any more. */
import { LEAST_BYTES } from './timing.ts';

/** Calls back once when for some time fewer bytes went by than {@link LEAST_BYTES}. */
export class Watch {
  readonly #timer: NodeJS.Timeout;
  readonly #stalled: () => void;
  #bytes = 0;
  #ended = false;

  constructor(ms: number, stalled: () => void) {
    this.#stalled = stalled;
    this.#timer = setTimeout(() => this.#check(), ms);
  }

  /** Bytes went by. */
  note(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < LEAST_BYTES || this.#ended) return;
    this.#bytes = 0;
    this.#timer.refresh();
  }

  /** Begins anew, whatever went by. */
  restart(): void {
    this.note(LEAST_BYTES);
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  /** After long work on this thread, timers come before what has arrived meanwhile: that is looked at first. */
  #check(): void {
    const before = this.#bytes;
    setImmediate(() =>
      setImmediate(() => {
        if (this.#ended) return;
        if (this.#bytes > before) this.restart();
        else this.#stalled();
      }),
    );
  }
}
