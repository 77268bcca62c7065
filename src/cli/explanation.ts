/** The result of `explain` for people: what accounts for the difference first, then where it shows. */
import type {
  CountedCause,
  ExplainedChange,
  ExplainedDifference,
  ExplainedPaths,
  ExplainedSide,
  ExplainResult,
} from '../ops/explain/explain-result.ts';
import { differingLines } from './differing-paths.ts';
import { formatCount } from './format.ts';

/** The whole report. */
export function describeExplanation(result: ExplainResult): string {
  const parts = [describeSides(result), describeVerdict(result), describePaths(result)];
  return parts.filter((part) => part !== '').join('\n\n');
}

function describeSides({ a, b, base, uki }: ExplainResult): string {
  const lines = [describeSide('A', a), describeSide('B', b), describeBase(base)];
  if (uki !== undefined) {
    lines.push(`UKI ${uki.path}: ${uki.argument}`);
    const { dump } = uki;
    const agrees = dump?.agrees === true ? 'is' : 'is not';
    if (dump !== undefined) lines.push(`${dump.path} ${agrees} of the tree that the UKI names`);
  }
  return lines.join('\n');
}

function describeSide(name: string, { reference, digest }: ExplainedSide): string {
  return digest === undefined || reference.includes(digest)
    ? `${name}  ${reference}`
    : `${name}  ${reference}\n   ${digest}`;
}

function describeBase({ profile, form, algorithm }: ExplainResult['base']): string {
  const view = profile === undefined ? 'as it is' : `as ${profile} sees it, ${form}`;
  return `   seen ${view}, ${algorithm}`;
}

function describeVerdict(result: ExplainResult): string {
  const { equal, explanations, complete, trials } = result;
  if (equal) return 'They agree.';
  const [first, ...others] = explanations;
  const tried = `${formatCount(trials)} views were compared${complete ? '' : ', and more could be'}`;
  if (first === undefined) {
    return `They disagree, and nothing that was tried gives the digest: ${tried}.\nA dumpfile of the tree that was digested would show which paths differ.`;
  }
  const alternatives = others.map((other) => `or\n${describeExplained(other)}`);
  return [
    `They disagree. ${heading(result, first)}`,
    describeExplained(first),
    ...alternatives,
    ...describeHosts(result),
    `(${tried})`,
  ].join('\n');
}

function describeHosts({ hosts }: ExplainResult): string[] {
  const names = hosts.map(({ profile, form }) => `${profile} (${form})`);
  return names.length === 0 ? [] : [`as computed by ${names.join(', ')}`];
}

function heading({ subject }: ExplainResult, { changes, remaining }: ExplainedDifference): string {
  if (changes.length === 0) return 'No setting accounts for it; the sides differ in';
  const rest = remaining.length === 0 ? '' : ', but for what follows';
  if (subject === 'both') return `They agree${rest}, when both are seen with`;
  return subject === 'a' ? `A gives B${rest}, with` : `B gives A${rest}, with`;
}

function describeExplained({ changes, remaining }: ExplainedDifference): string {
  return [...changes.map(describeChange), ...remaining.map(describeRemaining(changes.length > 0))].join('\n');
}

function describeChange({ title, means, instead }: ExplainedChange): string {
  return `  ${title}: ${means}${instead === undefined ? '' : ` (not: ${instead.means})`}`;
}

function describeRemaining(besides: boolean): (cause: CountedCause) => string {
  return ({ title, paths }) =>
    `  ${besides ? 'besides: ' : ''}${title}${paths === 0 ? '' : ` (${countPaths(paths)})`}`;
}

function countPaths(paths: number): string {
  return `${formatCount(paths)} ${paths === 1 ? 'path' : 'paths'}`;
}

function describePaths({ differences }: ExplainResult): string {
  if (differences === undefined || differences.total === 0) return '';
  return [pathsHeading(differences), ...differences.paths.flatMap(differingLines), more(differences)]
    .filter((line) => line !== '')
    .join('\n');
}

function pathsHeading({ total, causes }: ExplainedPaths): string {
  const kinds = causes.map(({ title, paths }) => `${title} ${formatCount(paths)}`);
  return `${countPaths(total)} ${total === 1 ? 'differs' : 'differ'}: ${kinds.join(', ')}`;
}

function more({ total, paths }: ExplainedPaths): string {
  const left = total - paths.length;
  return left === 0 ? '' : `… and ${countPaths(left)} more; --all prints them`;
}
