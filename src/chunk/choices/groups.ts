/**
 * Optional groups: components that a client of the image may do without, named by a small file. Each group has
 * layers of its own, so that leaving it out is leaving out these layers.
 */
import { type ByteString, byteString, display, fromUtf8 } from '../../bytes/byte-string.ts';
import { PlanishError } from '../../errors.ts';
import type { OnWarning } from '../../warnings.ts';
import type { Component } from '../component.ts';
import type { Partition } from '../partition.ts';
import { matchesPattern, type PathPattern } from './path-pattern.ts';

/** One group as the file names it. */
export interface OptionalGroup {
  readonly name: string;
  /** Match keys of components, with a slash before them. */
  readonly patterns: readonly PathPattern[];
  /** Layers that it may have. */
  readonly layers: number;
}

/** A group and the components that are in it. */
export interface GroupMembers extends Partition {
  readonly name: string;
}

/**
 * Finds the components of each group, in byte order of the groups' names. Throws `GROUPS_BAD` for a component of two
 * groups, and for a database, which no image can do without; a pattern that fits nothing is a `COMPONENT_SETTING`.
 */
export function groupMembers(
  groups: readonly OptionalGroup[],
  components: readonly Component[],
  onWarning: OnWarning,
): GroupMembers[] {
  const owner = new Map<ByteString, string>();
  const sorted = [...groups].sort((a, b) => (a.name < b.name ? -1 : 1));
  const found = sorted.map(({ name, patterns, layers }) => {
    const keys = new Set<ByteString>();
    for (const pattern of patterns) {
      const fitting = components.filter(({ key }) => matchesPattern(pattern, byteString(`/${key}`)));
      if (fitting.length === 0) {
        onWarning({ code: 'COMPONENT_SETTING', message: `a pattern of the group ${name} fits no component` });
      }
      for (const component of fitting) keys.add(claim(owner, component, name));
    }
    return { name, keys, layers: Math.min(layers, Math.max(keys.size, 1)) };
  });
  return found.filter(({ keys }) => keys.size > 0);
}

function claim(owner: Map<ByteString, string>, { key, kind }: Component, name: string): ByteString {
  const other = owner.get(key);
  if (kind === 'database')
    throw badGroups(`${display(key)} is needed by everything, and cannot be in ${name}`);
  if (other !== undefined && other !== name) throw badGroups(`${display(key)} is in ${other} and in ${name}`);
  owner.set(key, name);
  return key;
}

/** The error `GROUPS_BAD`. */
export function badGroups(message: string): PlanishError {
  return new PlanishError('GROUPS_BAD', `groups: ${display(fromUtf8(message))}`);
}
