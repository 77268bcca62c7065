/** What commands share: where they print, how they report progress, and how they are interrupted. */
import type { CommonOptions } from '../ops/session.ts';
import { Output } from './output.ts';
import { ProgressDisplay, type ProgressMode } from './progress-display.ts';

/** Options before or after every verb, as parsed. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly progress?: ProgressMode;
  readonly jobs?: number;
  readonly authfile?: string;
  readonly tlsVerify?: boolean;
}

const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/** See the module. */
export class Runtime {
  /** Status of a run that ends without an error: 0, or 1 when it found something. */
  exitStatus = 0;
  output: Output = new Output({ json: false, quiet: false, verbose: false });
  #display: ProgressDisplay | undefined;
  #signal: keyof typeof SIGNALS | undefined;
  readonly #controller = new AbortController();
  readonly #handlers = new Map<keyof typeof SIGNALS, () => void>();

  /** 128 and the signal's number when one ended the run. */
  get signalStatus(): number | undefined {
    return this.#signal === undefined ? undefined : 128 + SIGNALS[this.#signal];
  }

  /** Takes up the shared options and begins to listen for signals; a second one ends the process at once. */
  begin(options: GlobalOptions): CommonOptions {
    const { json = false, quiet = false, verbose = false, progress = 'auto' } = options;
    this.output = new Output({ json, quiet, verbose });
    this.#display = new ProgressDisplay(this.output, progress);
    for (const signal of Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]) this.#listen(signal);
    return {
      jobs: options.jobs,
      onProgress: this.#display.report,
      onWarning: this.output.warn,
      signal: this.#controller.signal,
    };
  }

  /** Ends the display and lets go of the signals. */
  close(): void {
    this.#display?.clear();
    this.output.summarizeWarnings();
    for (const [signal, handler] of this.#handlers) process.off(signal, handler);
  }

  #listen(signal: keyof typeof SIGNALS): void {
    const handler = (): void => {
      if (this.#signal !== undefined) process.exit(128 + SIGNALS[signal]);
      this.#signal = signal;
      this.#controller.abort();
    };
    this.#handlers.set(signal, handler);
    process.on(signal, handler);
  }
}
