/** How long a registry is waited for. Tests wait less, and look at how long they would have waited. */
import { setTimeout } from 'node:timers/promises';

/** See the module. Times in milliseconds. */
export interface RegistryTiming {
  /** Without {@link LEAST_BYTES} of a body within this time, or the begin of an answer, a request has failed. */
  readonly idleMs: number;
  /** The same of the answer to a blob that was sent whole: some registries copy it then. */
  readonly commitMs: number;
  /** Waits before the next attempt; ends early, by an error, when the signal is given. */
  readonly wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  /** Milliseconds since 1970: decides when a token is asked for again. */
  readonly now: () => number;
}

/** Fewer bytes of a body within {@link RegistryTiming.idleMs} are none. */
export const LEAST_BYTES = 1024;

/** What holds outside of tests. */
export const USUAL_TIMING: RegistryTiming = {
  idleMs: 60_000,
  commitMs: 600_000,
  wait: (ms, signal) => setTimeout(ms, undefined, { signal }),
  now: () => Date.now(),
};
