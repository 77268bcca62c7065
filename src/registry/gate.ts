/** Lets so many through at once, in the order in which they came. */

/** See the module. */
export class Gate {
  readonly #width: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(width: number) {
    this.#width = Math.max(1, width);
  }

  /** Runs work as soon as there is room for it. */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#inside >= this.#width) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#inside++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // Who waits takes the place of who leaves.
      if (next === undefined) this.#inside--;
      else next();
    }
  }
}
