/** What an image says of its plan, layer by layer. */
import { COMPONENTS_ANNOTATION, type PlanText, parsePlanText } from '../../chunk/plan-annotation.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import { configHistory, type ImageConfig } from '../../oci/config.ts';
import type { Annotations } from '../../oci/descriptor.ts';
import type { JsonObject } from '../../oci/json.ts';

/** The text of each layer: from its annotation, else from the comment in the history, which survives more tools. */
export function planTexts(image: OpenedImage): (PlanText | undefined)[] {
  const history = layerHistory(image.config.document);
  return image.layers.map(({ descriptor }, ordinal) =>
    planTextOf(descriptor.annotations ?? {}, history[ordinal]),
  );
}

/** The entries of the history that have a layer. */
export function layerHistory(config: ImageConfig): readonly JsonObject[] {
  return configHistory(config).filter((entry) => entry['empty_layer'] !== true);
}

/** See {@link planTexts}. */
export function planTextOf(annotations: Annotations, history: JsonObject | undefined): PlanText | undefined {
  for (const text of [annotations[COMPONENTS_ANNOTATION], history?.['comment']]) {
    const parsed = typeof text === 'string' ? parsePlanText(text) : undefined;
    if (parsed !== undefined) return parsed;
  }
  return undefined;
}
