/** Shows progress on standard error: one line that is rewritten on a terminal, or plain lines in a log. */
import type { OnProgress, ProgressEvent } from '../progress.ts';
import { formatBytes, formatCount, formatSeconds, truncate } from './format.ts';
import type { Output } from './output.ts';

/** `auto`: rewritten line on a terminal, nothing elsewhere. `plain`: a line a stage and every few seconds. */
export type ProgressMode = 'auto' | 'plain' | 'none';

const REFRESH_MS = 100;
const PLAIN_REFRESH_MS = 5000;

const STAGE_WORDS: Readonly<Record<ProgressEvent['stage'], string>> = {
  fetch: 'fetching',
  read: 'reading',
  flatten: 'flattening',
  digest: 'digesting',
  plan: 'planning',
  write: 'writing',
  verify: 'verifying',
  push: 'pushing',
  finish: 'finishing',
};

/** See the module. */
export class ProgressDisplay {
  readonly #output: Output;
  readonly #mode: 'line' | 'plain' | 'none';
  /** When each stage began: fetching and reading, say, go on at once. */
  readonly #starts = new Map<ProgressEvent['stage'], number>();
  #lastPrint = 0;
  #lineShown = false;

  constructor(output: Output, mode: ProgressMode) {
    this.#output = output;
    const line = mode === 'auto' && process.stderr.isTTY === true && !output.options.quiet;
    this.#mode = mode === 'plain' ? 'plain' : line ? 'line' : 'none';
    output.beforePrint = () => this.clear();
  }

  readonly report: OnProgress = (event) => {
    if (this.#mode === 'none') return;
    const now = performance.now();
    const start = this.#starts.get(event.stage);
    const isNewStage = start === undefined;
    if (isNewStage) this.#starts.set(event.stage, now);
    const refresh = this.#mode === 'line' ? REFRESH_MS : PLAIN_REFRESH_MS;
    if (!isNewStage && now - this.#lastPrint < refresh) return;
    this.#lastPrint = now;
    this.#show(describe(event, (now - (start ?? now)) / 1000));
  };

  /** Removes the line, so that other output starts clean. */
  clear(): void {
    if (!this.#lineShown) return;
    this.#lineShown = false;
    process.stderr.write('\r\u001b[K');
  }

  #show(text: string): void {
    if (this.#mode === 'plain') {
      this.#output.note(`planish: ${text}`);
      return;
    }
    this.#lineShown = true;
    process.stderr.write(`\r\u001b[K${truncate(text, (process.stderr.columns ?? 80) - 1)}`);
  }
}

function describe(event: ProgressEvent, seconds: number): string {
  const show = event.unit === 'bytes' ? formatBytes : formatCount;
  const parts = [STAGE_WORDS[event.stage]];
  if (event.total !== undefined && event.total > 0) {
    parts.push(
      `${Math.floor((100 * event.done) / event.total)} %`,
      `${show(event.done)} of ${show(event.total)}`,
    );
  } else if (event.done > 0) {
    parts.push(`${show(event.done)} ${event.unit === 'bytes' ? '' : event.unit}`.trimEnd());
  }
  if (event.unit === 'bytes' && seconds > 0.5) parts.push(`${formatBytes(event.done / seconds)}/s`);
  if (seconds >= 10) parts.push(formatSeconds(seconds));
  if (event.subject !== undefined) parts.push(event.subject);
  return parts.join(' · ');
}
