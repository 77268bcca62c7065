/** Progress of long work, reported as plain data; only the command line prints it. */

/** One report. A stage that is named again replaces its earlier report. */
export interface ProgressEvent {
  /** Stage of the work, in the order in which they are done. */
  readonly stage: 'fetch' | 'read' | 'flatten' | 'digest' | 'plan' | 'write' | 'verify' | 'push' | 'finish';
  /** Units done, out of `total` where that is known. */
  readonly done: number;
  readonly total: number | undefined;
  readonly unit: 'bytes' | 'files' | 'layers' | 'steps';
  /** What is being worked on: a layer digest, a path. */
  readonly subject?: string | undefined;
}

/** Receives reports; called at most a few hundred times a second. */
export type OnProgress = (event: ProgressEvent) => void;
