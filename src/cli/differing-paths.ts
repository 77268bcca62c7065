/** Differing paths for people: `diff` and `explain` print them alike. */
import { truncate } from './format.ts';

/** Digests and attributes can be long; both ends of a line matter less than both values in view. */
const VALUE_WIDTH = 100;

interface PrintedPath {
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly fields: readonly {
    readonly field: string;
    readonly name?: string;
    readonly a: string | undefined;
    readonly b: string | undefined;
  }[];
}

const MARKS = { added: '+', removed: '-', changed: '~' } as const;

/** Lines of one path: `+` only in B, `-` only in A, `~` in both with other values. */
export function differingLines({ path, kind, fields }: PrintedPath): string[] {
  return [
    `${MARKS[kind]} ${path}`,
    ...fields.map(({ field, name, a, b }) => {
      const what = name === undefined ? field : `${field} ${name}`;
      return `    ${what}: ${shown(a)} | ${shown(b)}`;
    }),
  ];
}

function shown(value: string | undefined): string {
  return value === undefined ? 'none' : truncate(value, VALUE_WIDTH);
}
