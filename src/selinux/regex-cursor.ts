/** A reading position in an expression, one byte a character. */

/** See the module. */
export class RegexCursor {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  get done(): boolean {
    return this.at >= this.text.length;
  }

  /** The character here or `ahead` of here, empty past the end. */
  peek(ahead = 0): string {
    return this.text.charAt(this.at + ahead);
  }

  /** The byte here, and on; NaN past the end. */
  take(): number {
    return this.text.charCodeAt(this.at++);
  }

  /** Whether `expected` stands here; if so, goes past it. */
  accept(expected: string): boolean {
    if (!this.text.startsWith(expected, this.at)) return false;
    this.at += expected.length;
    return true;
  }

  /** The match of a sticky expression here, gone past; `undefined` when there is none. */
  match(sticky: RegExp): RegExpExecArray | undefined {
    sticky.lastIndex = this.at;
    const found = sticky.exec(this.text);
    if (found === null) return undefined;
    this.at += found[0].length;
    return found;
  }
}
