/**
 * The only file that writes to a terminal. Results go to standard output; progress, warnings and errors to standard
 * error.
 */
import { type ErrorDetail, PlanishError } from '../errors.ts';
import type { Warning, WarningCode } from '../warnings.ts';
import { oneLine, printable, truncate } from './format.ts';
import { writeFully } from './write-fully.ts';

/** Warnings of one code that are printed before the rest is only counted. */
const WARNINGS_SHOWN = 5;

/** How much is said. */
export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

/** See the module. */
export class Output {
  readonly options: OutputOptions;
  readonly warnings: Warning[] = [];
  readonly #counts = new Map<WarningCode, number>();
  /** Removes a progress line before something else is printed; set by the progress display. */
  beforePrint: () => void = () => undefined;

  constructor(options: OutputOptions) {
    this.options = options;
  }

  /** Text for a person on standard output; nothing with `--json` or `--quiet`. */
  print(text: string): void {
    if (this.options.json || this.options.quiet) return;
    this.beforePrint();
    writeOrFail(1, Buffer.from(`${printable(text)}\n`));
  }

  /** Bytes that are the result itself (a dumpfile, a file's content). */
  write(bytes: Uint8Array): void {
    this.beforePrint();
    writeOrFail(1, bytes);
  }

  /** The one document of `--json`; warnings travel inside. */
  json(result: object): void {
    if (!this.options.json) return;
    this.beforePrint();
    const document = { ...result, warnings: this.warnings };
    writeOrFail(1, Buffer.from(`${JSON.stringify(document, jsonValue, 2)}\n`));
  }

  /** A line on standard error. */
  note(text: string): void {
    this.beforePrint();
    writeOrFail(2, Buffer.from(`${printable(text)}\n`));
  }

  /** Collects a warning and prints it, unless many of its kind went before. */
  readonly warn = (warning: Warning): void => {
    this.warnings.push(warning);
    const count = (this.#counts.get(warning.code) ?? 0) + 1;
    this.#counts.set(warning.code, count);
    if (this.options.quiet || (count > WARNINGS_SHOWN && !this.options.verbose)) return;
    this.note(oneLine(`planish: warning: ${warning.code}: ${warning.message}${place(warning)}`));
  };

  /** Says how many warnings were only counted. */
  summarizeWarnings(): void {
    if (this.options.quiet || this.options.verbose) return;
    for (const [code, count] of this.#counts) {
      if (count > WARNINGS_SHOWN) {
        this.note(`planish: warning: ${code}: ${count - WARNINGS_SHOWN} more; --verbose shows them`);
      }
    }
  }

  /** One line for an error, its cause and stack only with `--verbose`. */
  error(error: PlanishError): void {
    this.note(oneLine(`planish: ${error.code}: ${error.message}${describe(error.detail)}`));
    if (error.detail.hint !== undefined) this.note(oneLine(`planish: hint: ${error.detail.hint}`));
    if (!this.options.verbose) return;
    if (error.cause !== undefined) this.note(`caused by: ${String(error.cause)}`);
    if (error.stack !== undefined) this.note(error.stack);
  }
}

function writeOrFail(fd: number, bytes: Uint8Array): void {
  try {
    writeFully(fd, bytes);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new PlanishError('SYSCALL_FAILED', `writing output: ${code}`, {}, error);
  }
}

function jsonValue(_key: string, value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}

function place(warning: Warning): string {
  const parts = [];
  if (warning.path !== undefined) parts.push(warning.path);
  if (warning.layer !== undefined) parts.push(`layer ${warning.layer}`);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

/** Enough for every digest; what an input claims can be of any length. */
const VALUE_WIDTH = 1024;

const DETAIL_WORDS: readonly [keyof ErrorDetail, string][] = [
  ['path', ''],
  ['file', ''],
  ['layer', 'layer '],
  ['offset', 'offset '],
  ['line', 'line '],
  ['expected', 'expected '],
  ['actual', 'found '],
  ['limit', 'limit '],
];

function describe(detail: ErrorDetail): string {
  const parts = DETAIL_WORDS.flatMap(([field, word]) => {
    const value = detail[field];
    return value === undefined || value === '' ? [] : [`${word}${truncate(String(value), VALUE_WIDTH)}`];
  });
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}
