/**
 * The plan as a file: the text of each layer (`plan-annotation.ts`) on a line of its own, in the order of the image.
 *
 * It is read back for what layers themselves do not tell: which components shared one, and the regret. Whether a layer
 * is what it was is found out from the layer, so a file that is old, or lies, costs clients bytes and no more.
 */
import { byteString, fromBytes, toBytes } from '../bytes/byte-string.ts';
import { LIMITS } from '../limits.ts';
import type { NameGroup } from './foreign-plan.ts';
import { MAX_LAYERS } from './plan.ts';
import { formatPlanText, type PlanText, parsePlanText } from './plan-annotation.ts';

/** What a file of a plan remembers. */
export interface FiledPlan {
  /** Keys of the components of each layer. */
  readonly groups: readonly NameGroup[];
  readonly regret: number;
  readonly today: number | undefined;
}

/** The file; layers without a text are empty lines. Bytes of tars are left out: they are not known yet. */
export function formatPlanFile(texts: readonly (PlanText | undefined)[]): Uint8Array {
  const lines = texts.map((text) =>
    text === undefined ? '\n' : `${formatPlanText({ ...text, tarSize: undefined })}\n`,
  );
  return toBytes(byteString(lines.join('')));
}

/** Reads {@link formatPlanFile} back; `undefined` for anything else. */
export function parsePlanFile(bytes: Uint8Array): FiledPlan | undefined {
  if (bytes.length > LIMITS.jsonBytes) return undefined;
  const lines = fromBytes(bytes).split('\n');
  if (lines.pop() !== '' || lines.length === 0 || lines.length > MAX_LAYERS) return undefined;
  const texts: (PlanText | undefined)[] = [];
  for (const line of lines) {
    const text = line === '' ? undefined : parsePlanText(line);
    if (line !== '' && text === undefined) return undefined;
    texts.push(text);
  }
  const last = texts.findLast((text) => text?.regret !== undefined);
  const groups = texts.map((text) => text?.members.map(({ key }) => key) ?? []);
  return { groups, regret: last?.regret ?? 0, today: last?.today };
}
