/** The updates of a series as lines of a table, for programs that draw. */
import { display, fromUtf8 } from '../bytes/byte-string.ts';
import type { Update } from './metrics.ts';

/** A way of splitting, and what each update cost with it. */
export interface PlottedSeries {
  readonly planner: string;
  /** 0 where there was no budget. */
  readonly maxLayers: number;
  readonly updates: readonly Update[];
}

const COLUMNS = [
  'planner',
  'max_layers',
  'update',
  'image',
  'bytes',
  'bound',
  'layers',
  'changed_layers',
  'spurious_layers',
  'kept_prefix',
];

/** A line of names, then one for each update of each series, with tabs between; updates are counted from 1. */
export function formatPlotTable(series: readonly PlottedSeries[]): string {
  const rows = series.flatMap(({ planner, maxLayers, updates }) =>
    updates.map((update, at) => [
      planner,
      maxLayers,
      at + 1,
      // Control characters, tabs among them, are escaped.
      display(fromUtf8(update.image)),
      update.bytes,
      update.bound,
      update.layers,
      update.changedLayers,
      update.spuriousLayers,
      update.keptPrefix,
    ]),
  );
  return [COLUMNS, ...rows].map((cells) => `${cells.join('\t')}\n`).join('');
}
