/**
 * Brings an expression into a form that an automaton can run: a tree without assertions that has to match the whole
 * text. Anchors at the ends of branches become the absence of "anything" there; what else stands between bytes has no
 * such form.
 */
import { ANY_BYTE } from './byte-set.ts';
import { byteNode, type RegexTree, sequence, setNode } from './regex-tree.ts';

const ANYTHING: RegexTree = {
  kind: 'repeat',
  body: setNode(ANY_BYTE),
  min: 0,
  max: Number.POSITIVE_INFINITY,
  lazy: false,
};

const FINAL_NEWLINE: RegexTree = { kind: 'repeat', body: byteNode(0x0a), min: 0, max: 1, lazy: false };

/**
 * The tree that matches a whole text exactly where `tree` matches somewhere in it (at its front when `anchored`), or
 * `undefined` where there is none.
 */
export function wholeTextTree(tree: RegexTree, anchored: boolean): RegexTree | undefined {
  const branches = tree.kind === 'choice' ? tree.branches : [tree];
  const whole: RegexTree[] = [];
  for (const branch of branches) {
    const converted = wholeBranch(branch, anchored);
    if (converted === undefined) return undefined;
    whole.push(converted);
  }
  return whole.length === 1 ? whole[0] : { kind: 'choice', branches: whole };
}

function wholeBranch(branch: RegexTree, anchored: boolean): RegexTree | undefined {
  const items = branch.kind === 'sequence' ? branch.items : [branch];
  let from = 0;
  while (isAssertion(items[from], 'begin')) from++;
  let to = items.length;
  while (to > from && isEnd(items[to - 1])) to--;
  const body = items.slice(from, to);
  if (!body.every(isRegular)) return undefined;
  const ends = items.slice(to);
  const before = anchored || from > 0 ? [] : [ANYTHING];
  return sequence([...before, ...body, ...rest(ends)]);
}

/** What may follow the body: nothing where it ends the text strictly, a newline where that may be left over. */
function rest(ends: readonly RegexTree[]): readonly RegexTree[] {
  if (ends.length === 0) return [ANYTHING];
  return ends.some((item) => isAssertion(item, 'end')) ? [] : [FINAL_NEWLINE];
}

function isEnd(item: RegexTree | undefined): boolean {
  return isAssertion(item, 'end') || isAssertion(item, 'end-or-newline');
}

function isAssertion(item: RegexTree | undefined, assertion: string): boolean {
  return item?.kind === 'assertion' && item.assertion === assertion;
}

/** Whether a tree has nothing but bytes, choices and repetitions. */
function isRegular(tree: RegexTree): boolean {
  switch (tree.kind) {
    case 'byte':
    case 'set':
      return true;
    case 'sequence':
      return tree.items.every(isRegular);
    case 'choice':
      return tree.branches.every(isRegular);
    case 'repeat':
      return isRegular(tree.body);
    default:
      return false;
  }
}
