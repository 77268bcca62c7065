/**
 * The file that names optional groups, in JSON or YAML. Apart from what groups do, so that the reader of YAML is loaded
 * only where there is such a file.
 */
import { CORE_SCHEMA, load, YAMLException } from 'js-yaml';
import { display, fromUtf8 } from '../../bytes/byte-string.ts';
import { PlanishError } from '../../errors.ts';
import { badGroups, type OptionalGroup } from './groups.ts';
import { type PathPattern, parsePattern } from './path-pattern.ts';

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
    kind = text.trimStart().startsWith('{') ? 'JSON document' : 'YAML document';
    return kind === 'JSON document' ? JSON.parse(text) : load(text, { schema: CORE_SCHEMA });
  } catch (error) {
    const message = `the file of groups is no ${kind}${reasonOf(error)}`;
    throw new PlanishError('GROUPS_BAD', display(fromUtf8(message)), {}, error);
  }
}

/** What the reader of YAML says, and where; some errors of it have no place, against its types. */
function reasonOf(error: unknown): string {
  if (!(error instanceof YAMLException)) return '';
  const mark = error.mark as YAMLException['mark'] | undefined;
  return `: ${error.reason}${mark === undefined ? '' : `, line ${mark.line + 1}`}`;
}

function parseGroup(name: string, value: unknown): OptionalGroup {
  if (!NAME.test(name)) throw badGroups(`${name} cannot name a group`);
  const fields = Array.isArray(value)
    ? { components: value }
    : fieldsOf(value, name, ['components', 'layers']);
  const { components, layers = 1 } = fields as { components?: unknown; layers?: unknown };
  if (!Array.isArray(components)) throw badGroups(`${name} has no list of components`);
  if (typeof layers !== 'number' || !Number.isInteger(layers) || layers < 1)
    throw badGroups(`the layers of ${name} are no whole number from 1`);
  return { name, patterns: components.map((item) => patternOf(name, item)), layers };
}

function patternOf(name: string, item: unknown): PathPattern {
  const pattern = typeof item === 'string' && item !== '' ? parsePattern(fromUtf8(`/${item}`)) : undefined;
  if (pattern === undefined) throw badGroups(`${name} has a component that is no pattern`);
  return pattern;
}

function fieldsOf(value: unknown, where: string, allowed?: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badGroups(`${where} is no object`);
  const unknown = Object.keys(value).find((field) => allowed !== undefined && !allowed.includes(field));
  if (unknown !== undefined) throw badGroups(`${where} has the unknown field ${unknown}`);
  return value as Record<string, unknown>;
}
