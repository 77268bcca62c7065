/** `build`: flatten, digest, plan, write. The main job. */
import { checkLevel, DEFAULT_LEVEL } from '../../compress/level.ts';
import { PlanishError } from '../../errors.ts';
import type { ImageWriter } from '../../io/image-writer.ts';
import { type Destination, parseDestination } from '../../oci/reference.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import { withTree } from '../load/load-tree.ts';
import { besideDestination, openTarget } from '../load/open-target.ts';
import { Session } from '../session.ts';
import type { BuildOptions } from './build-options.ts';
import type { BuildResult } from './build-result.ts';
import type { BuildExtras } from './extended-tree.ts';
import { planningContents } from './needed-contents.ts';
import { fillPlanFile } from './plan-file.ts';
import { type ArrangedTree, arrangeTree, type PlanRequest, readLayerRules, withImages } from './plan-tree.ts';
import { checkOrder } from './previous-order.ts';
import { writeImage } from './write-image.ts';

/**
 * Builds an image: one tree out of the source's layers, split again into layers keyed by content. The destination is
 * written aside and put in place at the end; a run that fails or is interrupted leaves it as it was.
 */
export async function build(source: string, options: BuildOptions): Promise<BuildResult> {
  return await buildWith(source, options, {});
}

/** {@link build} for verbs that do more. */
export async function buildWith(
  source: string,
  options: BuildOptions,
  extras: BuildExtras,
): Promise<BuildResult> {
  const destination = parseDestination(options.destination);
  checkOrder(options);
  if (options.planFile !== undefined && extras.extend !== undefined) {
    throw new PlanishError('BAD_OPTION', 'what is sealed cannot hold its own plan');
  }
  const rules = await readLayerRules(options);
  const { compression } = rules;
  checkLevel(compression, options.level ?? DEFAULT_LEVEL[compression]);
  // Beside the destination there must be room anyway; the system's temporary directory may be memory.
  const temporaryDirectory = options.temporaryDirectory ?? besideDestination(destination);
  const settings = { ...options, temporaryDirectory, maxLayers: rules.rules.maxLayers };
  return await Session.use(settings, async (session) => {
    if (compression === 'zstd') await session.announceZstd();
    // First of all, so that a destination that cannot be is not found out after minutes of reading.
    const writer = await openTarget(destination, settings);
    try {
      return await withImages(settings, async (images) => {
        const known = { source, writer, destination, extras, measured: true };
        return await buildTree(session, { ...rules, ...known, ...images }, settings);
      });
    } catch (error) {
      writer.abort();
      throw error;
    }
  });
}

/** What is known before the source is read. */
interface BuildRequest extends PlanRequest {
  readonly source: string;
  readonly writer: ImageWriter;
  readonly destination: Destination;
}

async function buildTree(
  session: Session,
  request: BuildRequest,
  options: BuildOptions,
): Promise<BuildResult> {
  // Whoever loads or extends the tree may read any of it.
  const { extend, load = withTree } = request.extras;
  const everything =
    extend !== undefined || request.extras.load !== undefined || request.rules.contentmeta !== undefined;
  const needs = { contents: everything ? true : ('lazily' as const), digests: true };
  return await load(session, request.source, options, needs, async (tree) => {
    // Threads that have read layers hold on to what they needed for it; writing starts with new ones.
    await session.pool.rest();
    await tree.makeReadyAndKeep(planningContents(tree.root, request.componentMap));
    const arranged = await arrangeTree(session, request, tree, options);
    const added = addPlanFile(request, arranged, options);
    return await writeImage(session, { ...request, ...arranged, added }, options);
  });
}

/** Fills the plan file, if there is to be one. Gives the rows of its content. */
function addPlanFile(
  { planPath, rules }: BuildRequest,
  { shipped, tree, contents, arranged }: ArrangedTree,
  options: BuildOptions,
): readonly ContentFile[] {
  if (planPath === undefined) return [];
  const created = options.created ?? rules.contentmeta?.created;
  return fillPlanFile({ shipped, path: planPath, arranged, tree, contents, created });
}
