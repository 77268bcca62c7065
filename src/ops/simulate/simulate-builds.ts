/** The images of a series, really built: whether they are what they were made from (M9), and what that cost (M10). */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError } from '../../errors.ts';
import { createTemporaryDirectory } from '../../io/temporary.ts';
import { build } from '../build/build.ts';
import type { BuildResult } from '../build/build-result.ts';
import type { SourceOptions } from '../load/load-tree.ts';
import { diff } from '../look/diff.ts';
import { measureRun, type RunCost } from './measure-run.ts';

/** `whole`: without a previous image; `update`: after the image before; `again`: after itself, with nothing changed. */
export type BuildKind = 'whole' | 'update' | 'again';

/** One build. Layers, bytes and seconds. */
export interface MeasuredBuild extends RunCost {
  readonly source: string;
  readonly kind: BuildKind;
  /** M9: paths that are otherwise in what was built, fractions of seconds aside. */
  readonly differences: number;
  readonly layers: number;
  readonly size: number;
  /** Layers that were written, the others being carried over, and their bytes. */
  readonly writtenLayers: number;
  readonly writtenSize: number;
}

/** How to build. */
export interface MeasureBuildsOptions extends SourceOptions {
  readonly maxLayers?: number | undefined;
  readonly componentMap?: string | undefined;
}

/**
 * Builds every image whole and, but for the first, as an update of the one before, then the last once more. What is built
 * is removed. The layer cache has no part in it.
 */
export async function measureBuilds(
  sources: readonly string[],
  options: MeasureBuildsOptions,
): Promise<MeasuredBuild[]> {
  const directory = createTemporaryDirectory(options.temporaryDirectory);
  try {
    return await new Builds(directory.path, { ...options, cache: undefined }).run(sources);
  } finally {
    directory.close();
  }
}

class Builds {
  readonly #directory: string;
  readonly #options: MeasureBuildsOptions;
  readonly #measured: MeasuredBuild[] = [];
  #serial = 0;

  constructor(directory: string, options: MeasureBuildsOptions) {
    this.#directory = directory;
    this.#options = options;
  }

  async run(sources: readonly string[]): Promise<MeasuredBuild[]> {
    let previous: string | undefined;
    for (const source of sources) {
      const whole = await this.#build(source, 'whole', undefined);
      const updated = previous === undefined ? whole : await this.#build(source, 'update', previous);
      for (const done of [whole, previous]) if (done !== undefined && done !== updated) this.#remove(done);
      previous = updated;
    }
    const last = sources.at(-1);
    if (last !== undefined) await this.#build(last, 'again', previous);
    return this.#measured;
  }

  /** Gives the layout, which stays as long as others are built after it. */
  async #build(source: string, kind: BuildKind, previous: string | undefined): Promise<string> {
    const place = join(this.#directory, String(this.#serial++));
    const destination = `oci:${join(place, 'image')}:built`;
    const { onProgress = () => undefined } = this.#options;
    const { result, cost } = await measureRun(place, onProgress, (progress) => {
      const { maxLayers, componentMap } = this.#options;
      makePlace(place);
      const how = { destination, maxLayers, componentMap, temporaryDirectory: place, onProgress: progress };
      return build(source, { ...this.#options, ...how, ...(previous === undefined ? {} : { previous }) });
    });
    const { differences } = await diff(source, destination, { ...this.#options, nanoseconds: false });
    this.#measured.push({ source, kind, differences: differences.length, ...sizesOf(result), ...cost });
    return destination;
  }

  #remove(destination: string): void {
    const layout = destination.slice('oci:'.length, -':built'.length);
    rmSync(join(layout, '..'), { recursive: true, force: true });
  }
}

function makePlace(place: string): void {
  try {
    mkdirSync(place);
  } catch (error) {
    throw fromSystemError(error, 'creating a temporary directory', { file: place });
  }
}

function sizesOf({
  layers,
}: BuildResult): Pick<MeasuredBuild, 'layers' | 'size' | 'writtenLayers' | 'writtenSize'> {
  const written = layers.filter(({ carried }) => !carried);
  const bytes = (some: typeof layers): number => some.reduce((sum, { size }) => sum + size, 0);
  return {
    layers: layers.length,
    size: bytes(layers),
    writtenLayers: written.length,
    writtenSize: bytes(written),
  };
}
