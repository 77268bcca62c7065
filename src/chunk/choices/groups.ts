/**
 * Optional groups: components that a client of the image may do without, named by a small file. Each group has
 * layers of its own, so that leaving it out is leaving out these layers.
 */
import { type ByteString, byteString, display, fromUtf8 } from '../../bytes/byte-string.ts';
import { PlanishError } from '../../errors.ts';
import type { OnWarning } from '../../warnings.ts';
import type { Component } from '../component.ts';
import type { Partition } from '../partition.ts';
import { matchesPattern, type PathPattern, parsePattern } from './path-pattern.ts';
import { parseYaml } from './yaml-subset.ts';

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

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/**
 * Reads `{"groups": {"NAME": ["PATTERN" …] | {"components": […], "layers": N}}}`, JSON where it begins with a brace, else
 * YAML. Throws `GROUPS_BAD`.
 */
export function parseGroups(bytes: Uint8Array): OptionalGroup[] {
  const document = fieldsOf(parseText(bytes), 'the file', ['groups']);
  const groups = fieldsOf(document['groups'], 'groups');
  return Object.entries(groups).map(([name, value]) => parseGroup(name, value));
}

function parseText(bytes: Uint8Array): unknown {
  let kind = 'text in UTF-8';
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    kind = text.trimStart().startsWith('{') ? 'JSON document' : 'YAML document that is read';
    return kind === 'JSON document' ? JSON.parse(text) : parseYaml(text);
  } catch (error) {
    const why = error instanceof Error && kind.startsWith('YAML') ? `: ${error.message}` : '';
    const message = `the file of groups is no ${kind}${why}`;
    throw new PlanishError('GROUPS_BAD', display(fromUtf8(message)), {}, error);
  }
}

function parseGroup(name: string, value: unknown): OptionalGroup {
  if (!NAME.test(name)) throw bad(`${name} cannot name a group`);
  const fields = Array.isArray(value)
    ? { components: value }
    : fieldsOf(value, name, ['components', 'layers']);
  const { components, layers = 1 } = fields as { components?: unknown; layers?: unknown };
  if (!Array.isArray(components)) throw bad(`${name} has no list of components`);
  if (typeof layers !== 'number' || !Number.isInteger(layers) || layers < 1)
    throw bad(`the layers of ${name} are no whole number from 1`);
  return { name, patterns: components.map((item) => patternOf(name, item)), layers };
}

function patternOf(name: string, item: unknown): PathPattern {
  const pattern = typeof item === 'string' && item !== '' ? parsePattern(fromUtf8(`/${item}`)) : undefined;
  if (pattern === undefined) throw bad(`${name} has a component that is no pattern`);
  return pattern;
}

function fieldsOf(value: unknown, where: string, allowed?: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(`${where} is no object`);
  const unknown = Object.keys(value).find((field) => allowed !== undefined && !allowed.includes(field));
  if (unknown !== undefined) throw bad(`${where} has the unknown field ${unknown}`);
  return value as Record<string, unknown>;
}

function bad(message: string): PlanishError {
  return new PlanishError('GROUPS_BAD', `groups: ${display(fromUtf8(message))}`);
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
  if (kind === 'database') throw bad(`${display(key)} is needed by everything, and cannot be in ${name}`);
  if (other !== undefined && other !== name) throw bad(`${display(key)} is in ${other} and in ${name}`);
  owner.set(key, name);
  return key;
}
