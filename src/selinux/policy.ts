/** A policy ready to decide: rules in their order, compiled, and the keys that paths are looked up by. */
import type { ByteString } from '../bytes/byte-string.ts';
import { quotePath } from '../tree/path.ts';
import type { Directory, FileType } from '../tree/tree.ts';
import {
  type LabelMode,
  NONE,
  type PolicyText,
  type Rule,
  readRules,
  type TypeLetter,
} from './file-contexts.ts';
import { type FileReader, findPolicy, type PolicyFiles } from './policy-files.ts';
import { type CompiledRegex, compileForHost, compileForLibselinux, regexError } from './regex.ts';
import { type MatchState, RuleIndex } from './rule-index.ts';
import { HostKeys, LibselinuxKeys, type PathKeys, readSubstitutions } from './substitutions.ts';

/** The letter that rules know a type by. */
export const TYPE_LETTERS: Readonly<Record<FileType, TypeLetter>> = {
  directory: 'd',
  regular: '-',
  symlink: 'l',
  character: 'c',
  block: 'b',
  fifo: 'p',
  socket: 's',
};

/** Characters that make libselinux take an expression for more than a plain path; a backslash hides the next one. */
const META_CHARACTERS = '.^$?*+|[({';

/** See the module. */
export class Policy {
  readonly name: ByteString;
  readonly mode: LabelMode;
  /** All rules, the one that decides last when several match. */
  readonly rules: readonly Rule[];
  readonly keys: PathKeys;
  readonly #index: RuleIndex;
  /** What a key must begin with for a rule to be looked at, in libselinux, with the slash that follows. */
  readonly #stems: readonly (string | undefined)[];

  /** Throws `SELINUX_BAD_POLICY` with file and line, `LIMIT_EXCEEDED`. */
  constructor(files: PolicyFiles, mode: LabelMode) {
    this.name = files.name;
    this.mode = mode;
    this.rules = mode === 'host' ? hostOrder(files) : libselinuxOrder(files);
    this.#stems = this.rules.map(({ regex }) => (mode === 'host' ? undefined : stemOf(regex)));
    this.#index = new RuleIndex(this.rules.map((rule) => compileRule(rule, mode)));
    const subs = readSubstitutions(files.subs, mode);
    const dist = readSubstitutions(files.subsDist, mode);
    this.keys = mode === 'host' ? new HostKeys(subs, dist) : new LibselinuxKeys(subs, dist);
  }

  /** What is known before the first byte of a key. */
  get start(): MatchState {
    return this.#index.start;
  }

  /** What is known after more of a key. Throws `LIMIT_EXCEEDED`. */
  advance(from: MatchState, text: string): MatchState {
    return this.#index.advance(from, text);
  }

  /** The rule that decides on a key of a type, `undefined` when none matches; `state` is what `key` led to. */
  decide(state: MatchState, key: ByteString, type: TypeLetter): Rule | undefined {
    const [end, text] = this.#subject(state, key, type);
    const found = this.#index.best(end, text, (rule) => this.#accepts(rule, key, type));
    return found < 0 ? undefined : this.rules[found];
  }

  /** All rules that match a key of a type, the deciding one first. */
  matching(key: ByteString, type: TypeLetter): Rule[] {
    const [end, text] = this.#subject(this.advance(this.start, key), key, type);
    const found = this.#index.all(end, text, (rule) => this.#accepts(rule, key, type));
    return found.map((rule) => this.rules[rule] as Rule);
  }

  /** What is matched: composefs-rs puts the letter of the type behind the path. */
  #subject(state: MatchState, key: ByteString, type: TypeLetter): [MatchState, string] {
    return this.mode === 'host' ? [this.advance(state, type), `${key}${type}`] : [state, key];
  }

  #accepts(rule: number, key: ByteString, type: TypeLetter): boolean {
    if (this.mode === 'host') return true;
    const wanted = this.rules[rule]?.type;
    const stem = this.#stems[rule];
    return (wanted === undefined || wanted === type) && (stem === undefined || key.startsWith(stem));
  }
}

/** The policy inside a tree, `undefined` when it has none. Throws `SELINUX_BAD_POLICY`, `LIMIT_EXCEEDED`. */
export function loadPolicy(root: Directory, reader: FileReader, mode: LabelMode): Policy | undefined {
  const files = findPolicy(root, reader);
  return files === undefined ? undefined : new Policy(files, mode);
}

/** The label that a rule gives. */
export function labelOf(rule: Rule | undefined): ByteString | undefined {
  return rule === undefined || rule.context === NONE ? undefined : rule.context;
}

/** composefs hosts: as the files stand, one after the other. */
function hostOrder({ contexts, local, homedirs }: PolicyFiles): Rule[] {
  return readAll([contexts, local, homedirs], 'host');
}

/** libselinux: local rules after those for homes, and plain paths after all that are more than that. */
function libselinuxOrder({ contexts, homedirs, local }: PolicyFiles): Rule[] {
  const rules = readAll([contexts, homedirs, local], 'libselinux');
  const [plain, others] = [[] as Rule[], [] as Rule[]];
  for (const rule of rules) (hasMetaCharacters(rule.regex) ? others : plain).push(rule);
  return [...others, ...plain];
}

function readAll(files: readonly (PolicyText | undefined)[], mode: LabelMode): Rule[] {
  const rules: Rule[] = [];
  for (const file of files) if (file !== undefined) readRules(file, mode, rules);
  return rules;
}

function hasMetaCharacters(regex: ByteString): boolean {
  for (let index = 0; index < regex.length; index++) {
    const character = regex.charAt(index);
    if (character === '\\') index++;
    else if (META_CHARACTERS.includes(character)) return true;
  }
  return false;
}

/**
 * libselinux looks at a rule whose expression begins with a plain directory only for paths below a directory of that
 * very spelling: `/usr/?` does not match `/usr` there.
 */
function stemOf(regex: ByteString): string | undefined {
  const slash = regex.indexOf('/', 1);
  if (slash < 0) return undefined;
  const stem = regex.slice(0, slash);
  return [...stem].some((character) => META_CHARACTERS.includes(character)) ? undefined : `${stem}/`;
}

function compileRule(rule: Rule, mode: LabelMode): CompiledRegex {
  try {
    if (mode === 'libselinux') return compileForLibselinux(rule.regex);
    return compileForHost(rule.regex, rule.type ?? '.');
  } catch (error) {
    throw regexError(error, rule.regex, { path: quotePath(rule.path), line: rule.line });
  }
}
