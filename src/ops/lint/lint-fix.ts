/** `lint --fix`: builds the image anew, which mends what is wrong with its layers, and lints the result. */
import { formatSource, parseDestination } from '../../oci/reference.ts';
import { build } from '../build/build.ts';
import type { BuildResult } from '../build/build-result.ts';
import { type LintOptions, type LintResult, lint } from './lint.ts';

/** Result of {@link lintAndFix}: what is left, and what there was. */
export interface LintFixResult extends LintResult {
  readonly before: Pick<LintResult, 'reference' | 'findings' | 'summary'>;
  readonly built: BuildResult;
}

/**
 * Lints, builds to `destination`, and lints what was built. Throws what `build` throws: an image whose layers cannot be
 * read cannot be mended either.
 */
export async function lintAndFix(
  source: string,
  destination: string,
  options: LintOptions = {},
): Promise<LintFixResult> {
  const parsed = parseDestination(destination);
  const { reference, findings, summary, bootable } = await lint(source, options);
  const { platform } = options;
  const built = await build(source, { ...options, platform, destination });
  const written = formatSource({ digest: undefined, ...parsed, name: parsed.name ?? 'latest' });
  // What the source was meant for, the result is meant for as well.
  const after = await lint(written, { ...options, platform: undefined, bootable });
  return { ...after, before: { reference, findings, summary }, built };
}
