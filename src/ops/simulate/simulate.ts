/** `simulate`: what updates along a series of images cost, by planner. */
import { PlanishError } from '../../errors.ts';
import { writeFileAside } from '../../io/write-file.ts';
import {
  type ClientModel,
  DEFAULT_CLIENT,
  type LayoutMetrics,
  measureLayouts,
  measurePlanner,
  type PlannerMetrics,
} from '../../simulate/metrics.ts';
import { OUR_PLANNERS, PEER_PLANNERS } from '../../simulate/planners.ts';
import { formatPlotTable } from '../../simulate/plot-table.ts';
import { readComponentMap } from '../build/component-map-file.ts';
import { checkLayerCount } from '../build/make-plan.ts';
import type { SourceOptions } from '../load/load-tree.ts';
import { Session } from '../session.ts';
import { type MeasuredBuild, measureBuilds } from './simulate-builds.ts';
import { type MeasuredImage, measureImage, type SizeKind } from './simulated-image.ts';

/** Options of {@link simulate}. */
export interface SimulateOptions extends SourceOptions {
  /** Layer budgets, each 1 to 500; default 64 alone. */
  readonly maxLayers?: readonly number[] | undefined;
  /** What a component weighs: compressed by itself (default), or its tar, which is faster and says less. */
  readonly sizes?: SizeKind | undefined;
  /** Whether other tools' ways are followed as well; default true. */
  readonly peers?: boolean | undefined;
  /** File that assigns paths to components (docs/component-sources.md). */
  readonly componentMap?: string | undefined;
  /** How clients fetch; default: 50 ms to a registry, 100 Mbit/s. */
  readonly client?: ClientModel | undefined;
  /** Whether the images are really built as well, with the first of the budgets; default false. */
  readonly build?: boolean | undefined;
  /** File to write the updates to, a line each, with tabs between the fields. */
  readonly tsv?: string | undefined;
}

/** One image of the series. */
export interface SimulateImage {
  readonly source: string;
  readonly components: number;
  /** Bytes of all components, each by itself. */
  readonly size: number;
}

/** Result of {@link simulate}: bytes, layers, seconds. */
export interface SimulateResult {
  readonly sizes: SizeKind;
  readonly client: ClientModel;
  readonly images: readonly SimulateImage[];
  readonly planners: readonly PlannerMetrics[];
  /** The images with the layers that they came with; only where all are images. Spurious layers are unknown. */
  readonly published: LayoutMetrics | undefined;
  /** M9 and M10; none unless asked for. These times and peaks are the machine's, all other figures the same everywhere. */
  readonly builds: readonly MeasuredBuild[];
}

/** Follows a series, the oldest image first. Throws `BAD_OPTION` for a budget that cannot be or no image. */
export async function simulate(
  sources: readonly string[],
  options: SimulateOptions = {},
): Promise<SimulateResult> {
  if (sources.length === 0) throw new PlanishError('BAD_OPTION', 'a series needs at least one image');
  const budgets = (options.maxLayers ?? [undefined]).map(checkLayerCount);
  const sizes = options.sizes ?? 'compressed';
  const client = options.client ?? DEFAULT_CLIENT;
  const measured = await measureSeries(sources, options, sizes);
  const images = measured.map(({ image }) => image);
  const planners = [...OUR_PLANNERS, ...(options.peers === false ? [] : PEER_PLANNERS)];
  const result = {
    sizes,
    client,
    images: images.map(({ name, components }) => ({
      source: name,
      components: components.length,
      size: components.reduce((sum, { size }) => sum + size, 0),
    })),
    planners: budgets.flatMap((budget) =>
      planners.map((planner) => measurePlanner(planner, images, budget, client)),
    ),
    published: published(measured, client),
    builds: options.build === true ? await buildSeries(sources, options, budgets[0]) : [],
  };
  if (options.tsv !== undefined) writeFileAside(options.tsv, Buffer.from(plotTable(result)));
  return result;
}

function plotTable({ planners, published }: SimulateResult): string {
  const last = published === undefined ? [] : [{ planner: 'published', maxLayers: 0, ...published }];
  return formatPlotTable([...planners, ...last]);
}

async function buildSeries(
  sources: readonly string[],
  options: SimulateOptions,
  maxLayers: number | undefined,
): Promise<MeasuredBuild[]> {
  const { maxLayers: _, sizes: __, peers: ___, client: ____, build: _____, tsv: ______, ...common } = options;
  return await measureBuilds(sources, { ...common, maxLayers });
}

async function measureSeries(
  sources: readonly string[],
  options: SimulateOptions,
  sizes: SizeKind,
): Promise<MeasuredImage[]> {
  const componentMap = readComponentMap(options.componentMap);
  const settings = { source: options, sizes, componentMap, contents: new Map<string, number>() };
  const measured: MeasuredImage[] = [];
  for (const source of sources) {
    // A session each, so that what was unpacked of one image is gone before the next.
    measured.push(await Session.use(options, (session) => measureImage(session, source, settings)));
  }
  return measured;
}

function published(measured: readonly MeasuredImage[], client: ClientModel): LayoutMetrics | undefined {
  const laid = measured.flatMap(({ published: layers }) => (layers === undefined ? [] : [layers]));
  if (laid.length < measured.length) return undefined;
  return measureLayouts(
    measured.map(({ image }) => image),
    laid,
    client,
  );
}
