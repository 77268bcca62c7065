/**
 * Contents of files that have not changed, out of the previous image.
 *
 * Of a layer that the layer cache knows nothing was read. A component that has not changed, and shares its layer with
 * one that has, is written again, and its contents lie in such a layer: the base of the image, perhaps, which is most
 * of it. The previous image holds the same contents in the few layers that are not carried over. Those are read
 * instead where they are smaller, so that time follows what has changed. A content is the one that is wanted when its
 * fs-verity digest is, computed while the layer is read, so nothing is taken on trust.
 */
import type { ByteString } from '../../bytes/byte-string.ts';
import { PlanishError } from '../../errors.ts';
import { selectMembers } from '../../layer/members.ts';
import { type ContentFile, holdsContent } from '../../parallel/content-file.ts';
import type { ContentLocation, Directory, ExternalContent, RegularFile } from '../../tree/tree.ts';
import { type LoadedLayers, loadLayers } from '../load/load-layers.ts';
import type { LoadedTree } from '../load/load-tree.ts';
import type { Session } from '../session.ts';
import type { ArrangedLayer } from './arrange-layers.ts';
import { type PlannedTree, pathsOfLayer } from './make-plan.ts';
import { writtenContents } from './needed-contents.ts';
import { inputOf, type PreviousImage, type PreviousLayer } from './previous-image.ts';

/** What is written, and where its contents may lie. */
export interface WrittenTree {
  readonly tree: LoadedTree;
  /** The table that locations in `shipped` name. */
  readonly contents: readonly ContentFile[];
  /** Rows behind those, of what was added to the tree. */
  readonly added: readonly ContentFile[];
  readonly shipped: Directory;
  readonly planned: PlannedTree;
  readonly arranged: readonly ArrangedLayer[];
  readonly previous: PreviousImage | undefined;
}

/**
 * Makes what the written layers hold readable, and gives the table of contents to read it by. Files whose contents
 * come from the previous image are told their new place.
 */
export async function readyContents(session: Session, written: WrittenTree): Promise<readonly ContentFile[]> {
  const { tree, contents, added, shipped, arranged } = written;
  const more = await contentsOfPrevious(session, written);
  await tree.makeReady(writtenContents(shipped, arranged));
  // Only now: rows of the source are replaced as they come to hand.
  return [...contents, ...added, ...more];
}

/** Rows behind those of the table; none where reading the source is as cheap, or there is nothing to be read. */
async function contentsOfPrevious(
  session: Session,
  { tree, contents, added, shipped, planned, arranged, previous }: WrittenTree,
): Promise<readonly ContentFile[]> {
  const missing = missingFiles(shipped, contents, planned, arranged);
  if (previous === undefined || missing.size === 0) return [];
  const wanted = previous.layers.filter(({ text }) => text?.members.some(({ key }) => missing.has(key)));
  const files = [...missing.values()].flat();
  const sources = new Set(files.map(({ content }) => sourceOf(content as ExternalContent)));
  const price = [...sources].reduce((sum, source) => sum + (tree.inputs[source]?.blob.size ?? 0), 0);
  const cost = wanted.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  if (wanted.length === 0 || cost >= price) return [];
  const read = await readPrevious(session, wanted, files, tree);
  const first = contents.length + added.length;
  for (const [file, { source, extents }] of read.places) {
    const content = file.content as ExternalContent;
    file.content = { ...content, location: { source: first + source, extents } };
  }
  return read.rows;
}

/** Files of written layers whose contents are not at hand, by their components. */
function missingFiles(
  shipped: Directory,
  contents: readonly ContentFile[],
  planned: PlannedTree,
  arranged: readonly ArrangedLayer[],
): Map<ByteString, RegularFile[]> {
  const components = new Map(planned.components.map((component) => [component.key, component]));
  const isMissing = ({ content }: RegularFile): boolean => {
    if (content.kind === 'inline' || content.location === undefined) return false;
    const row = contents[content.location.source];
    return row !== undefined && !holdsContent(row, content);
  };
  const missing = new Map<ByteString, RegularFile[]>();
  for (const { planned: layer, carried } of arranged) {
    for (const member of carried === undefined ? layer.members : []) {
      const paths = pathsOfLayer({ ...layer, members: [member] }, components);
      const files = selectMembers(shipped, paths).flatMap(({ node }) =>
        node.type === 'regular' && isMissing(node) ? [node] : [],
      );
      if (files.length > 0) missing.set(member.key, files);
    }
  }
  return missing;
}

function sourceOf({ location }: ExternalContent): number {
  return location?.source ?? -1;
}

/** Where files have their contents, by rows that were read. */
interface ReadContents {
  readonly rows: readonly ContentFile[];
  readonly places: readonly (readonly [RegularFile, ContentLocation])[];
}

/** Reads layers of the previous image; nothing where one is not what it should be, for the source has it all. */
async function readPrevious(
  session: Session,
  layers: readonly PreviousLayer[],
  files: readonly RegularFile[],
  { algorithm }: LoadedTree,
): Promise<ReadContents> {
  try {
    const loaded = await loadLayers(session, layers.map(inputOf), { algorithm, contents: 'lazily' });
    const pairs = pairContents(files, loaded);
    await loaded.makeReady(pairs.map(([, content]) => content));
    const places = pairs.map(([file, { location }]) => [file, location as ContentLocation] as const);
    return { rows: loaded.contents, places };
  } catch (error) {
    if (!(error instanceof PlanishError) || !IGNORED.has(error.kind)) throw error;
    const message = `a layer of the previous image is not read, but the source: ${error.message}`;
    session.onWarning({ code: 'PREVIOUS_IGNORED', message });
    return { rows: [], places: [] };
  }
}

/** What is wrong with the previous image rather than with this machine. */
const IGNORED: ReadonlySet<string> = new Set(['input', 'integrity']);

/** Files, and the same contents in the layers that were read. */
function pairContents(
  files: readonly RegularFile[],
  { layers }: LoadedLayers,
): (readonly [RegularFile, ExternalContent])[] {
  const found = new Map<string, ExternalContent>();
  for (const { content } of layers.flatMap(({ entries }) => entries)) {
    if (content?.kind === 'external') found.set(nameOf(content), content);
  }
  return files.flatMap((file) => {
    const content = file.content as ExternalContent;
    const same = content.verity === undefined ? undefined : found.get(nameOf(content));
    return same?.location === undefined ? [] : [[file, same] as const];
  });
}

function nameOf({ verity, size }: ExternalContent): string {
  return `${verity}:${size}`;
}
