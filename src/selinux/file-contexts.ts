/**
 * The lines of `file_contexts` and its companions: an expression, perhaps a type, a label (selabel_file(5)). The two
 * implementations agree on lines as tools write them and differ on others; each has its own reader here, which refuses
 * what the implementation refuses.
 */
import { type ByteString, byteString, fromUtf8 } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { quotePath } from '../tree/path.ts';

/** Who decides: composefs hosts (composefs-rs), or `matchpathcon` and `setfiles`. */
export type LabelMode = 'host' | 'libselinux';

/** File types as rules name them: `-` is a regular file. */
export type TypeLetter = 'b' | 'c' | 'd' | 'p' | 'l' | 's' | '-';

/** The label of a rule that gives none. */
export const NONE: ByteString = byteString('<<none>>');

/** A file of the policy: its path inside the image and its content, one byte a character. */
export interface PolicyText {
  readonly path: ByteString;
  readonly text: ByteString;
}

/** A rule as it stands in a file. */
export interface Rule {
  /** Path of the file inside the image, and one-based line. */
  readonly path: ByteString;
  readonly line: number;
  readonly regex: ByteString;
  /** The only type of file the rule is for. */
  readonly type: TypeLetter | undefined;
  /** The label, or {@link NONE}. */
  readonly context: ByteString;
}

/** One line and where it stands. */
export interface TextLine {
  readonly text: string;
  readonly line: number;
  readonly path: ByteString;
}

const TYPES = 'bcdpls-';

/** What C calls a space in the C locale, and Unicode among ASCII. */
const ASCII_SPACE = /[\t\n\v\f\r ]+/;

/** White_Space of Unicode, at which the host's reader splits. */
const UNICODE_SPACE = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;

// biome-ignore lint/suspicious/noControlCharactersInRegex: bytes outside ASCII are what is asked for.
const NOT_ASCII = /[^\x00-\x7f]/;

/** The decoder of the standard library drops a byte order mark unless told otherwise. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Appends the rules of one file. Throws `SELINUX_BAD_POLICY`, `LIMIT_EXCEEDED`. */
export function readRules(file: PolicyText, mode: LabelMode, rules: Rule[]): void {
  const read = mode === 'host' ? hostRule : libselinuxRule;
  for (const line of linesOf(file)) {
    const rule = read(line);
    if (rule === undefined) continue;
    if (rules.length >= LIMITS.selinuxRules) {
      throw new PlanishError(
        'LIMIT_EXCEEDED',
        `the SELinux policy has more than ${LIMITS.selinuxRules} rules`,
        { path: quotePath(file.path), limit: 'selinuxRules' },
      );
    }
    rules.push(rule);
  }
}

/** The lines of a file, without their ends. */
export function* linesOf({ path, text }: PolicyText): Generator<TextLine, void, undefined> {
  let line = 0;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    line++;
    yield { text: text.slice(start, end), line, path };
    start = end + 1;
  }
}

/** A fault of a line. */
export function badLine({ path, line }: TextLine, message: string): PlanishError {
  return new PlanishError('SELINUX_BAD_POLICY', `a line of the SELinux policy ${message}`, {
    path: quotePath(path),
    line,
  });
}

/** The words of a line as the host sees them, none of a comment. Throws where the line is not UTF-8. */
export function hostWords(line: TextLine): ByteString[] {
  const words = NOT_ASCII.test(line.text) ? unicodeWords(line) : line.text.split(ASCII_SPACE);
  const present = words.filter((word) => word !== '') as ByteString[];
  return present[0]?.startsWith('#') === true ? [] : present;
}

function unicodeWords(line: TextLine): string[] {
  return decodeLine(line).split(UNICODE_SPACE).map(fromUtf8);
}

/** A line as text. Throws `SELINUX_BAD_POLICY` where it is not UTF-8: hosts refuse the whole policy then. */
export function decodeLine(line: TextLine): string {
  try {
    return UTF8.decode(Buffer.from(line.text, 'latin1'));
  } catch {
    throw badLine(line, 'is not UTF-8');
  }
}

function hostRule(line: TextLine): Rule | undefined {
  const [regex, second, third, ...rest] = hostWords(line);
  if (regex === undefined) return undefined;
  if (second === undefined) throw badLine(line, 'has no label');
  if (!second.startsWith('-')) {
    if (third !== undefined) throw badLine(line, 'goes on after its label');
    return { path: line.path, line: line.line, regex, type: undefined, context: second };
  }
  const type = typeLetter(second, line);
  if (third === undefined) throw badLine(line, 'has no label');
  if (rest.length > 0) throw badLine(line, 'goes on after its label');
  return { path: line.path, line: line.line, regex, type, context: third };
}

/** libselinux takes three words, and does not look at what follows. */
function libselinuxRule(line: TextLine): Rule | undefined {
  const nul = line.text.indexOf('\0');
  const text = nul < 0 ? line.text : line.text.slice(0, nul);
  const words = text.split(ASCII_SPACE).filter((word) => word !== '');
  if (words[0] === undefined || words[0].startsWith('#')) return undefined;
  const [regex, second, third] = words.slice(0, 3) as ByteString[];
  if (words.slice(0, 3).some((word) => NOT_ASCII.test(word))) throw badLine(line, 'is not ASCII');
  if (regex === undefined || second === undefined) throw badLine(line, 'has no label');
  const where = { path: line.path, line: line.line, regex };
  if (third === undefined) return { ...where, type: undefined, context: second };
  return { ...where, type: typeLetter(second, line), context: third };
}

function typeLetter(word: string, line: TextLine): TypeLetter {
  const letter = word.slice(1);
  if (word.startsWith('-') && letter.length === 1 && TYPES.includes(letter)) return letter as TypeLetter;
  throw badLine(line, 'names an unknown type of file');
}
