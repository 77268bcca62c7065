/** Checks of layers one by one, and of how they go together. */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import { type ErrorCode, isPlanishError, type PlanishError } from '../errors.ts';
import type { LayerIndex } from '../layer/layer-index.ts';
import type { LayerEntry } from '../tree/entry.ts';
import { sameMetadata } from '../tree/metadata.ts';
import { baseName, MARKER_PREFIX, normalizePath, quotePath } from '../tree/path.ts';
import type { Warning, WarningCode } from '../warnings.ts';
import type { Finding, LintContext, LintLayer, LintProfile, Reading } from './rule.ts';
import { finding, type RuleId } from './rules.ts';

/** Findings about layers. */
export function checkLayers(context: LintContext): Finding[] {
  const single = context.layers.flatMap((layer) => checkLayer(context.profile, layer));
  return [...single, ...checkReadings(context, single)];
}

function checkLayer(profile: LintProfile, layer: LintLayer): Finding[] {
  const { ordinal, index, failure, warnings } = layer;
  const odd = warnings.flatMap((warning) => fromWarning(READ_WARNINGS, warning, ordinal));
  if (failure !== undefined) return [...odd, fromFailure(READ_FAILURES, failure, ordinal)];
  if (index === undefined) return odd;
  return [
    ...odd,
    ...checkIdentity(layer, index),
    ...checkForm(profile, ordinal, index),
    ...checkEntries(ordinal, index),
  ];
}

function checkIdentity({ ordinal, descriptor, diffId }: LintLayer, index: LayerIndex): Finding[] {
  const found: Finding[] = [];
  if (descriptor !== undefined && (descriptor.digest !== index.digest || descriptor.size !== index.size)) {
    const [expected, actual] =
      descriptor.digest === index.digest
        ? [`${descriptor.size} bytes`, `${index.size} bytes`]
        : [descriptor.digest, index.digest];
    const message = `layer ${ordinal} is not the blob that the manifest names`;
    found.push(finding('blob-digest-mismatch', message, { layer: ordinal, expected, actual }));
  }
  if (diffId !== undefined && diffId !== index.diffId) {
    const message = `layer ${ordinal} uncompressed is not what the config names`;
    const place = { layer: ordinal, expected: diffId, actual: index.diffId };
    found.push(finding('diffid-mismatch', message, place));
  }
  return found;
}

function checkForm(profile: LintProfile, layer: number, index: LayerIndex): Finding[] {
  const { members, compression, endOfArchive, tarSize } = index;
  const found: Finding[] = [];
  if (members > 1 && !profile.severalFrames) {
    const [rule, parts] =
      compression === 'zstd'
        ? (['several-frames', 'zstd frames'] as const)
        : (['several-members', 'gzip members'] as const);
    const message = `layer ${layer} is ${members} ${parts}, of which hosts read the first`;
    found.push(finding(rule, message, { layer, count: members }));
  }
  if (!endOfArchive) {
    const message = `layer ${layer} ends at offset ${tarSize} without two zero blocks`;
    found.push(finding('end-of-archive-missing', message, { layer, offset: tarSize }));
  }
  return found;
}

/** Entries that have the same fault, as one finding: the first of them and how many there are. */
class Tally {
  readonly #rule: RuleId;
  readonly #what: string;
  #first: LayerEntry | undefined;
  #detail = '';
  #count = 0;

  constructor(rule: RuleId, what: string) {
    this.#rule = rule;
    this.#what = what;
  }

  add(entry: LayerEntry, detail = ''): void {
    if (this.#first === undefined) this.#detail = detail;
    this.#first ??= entry;
    this.#count += 1;
  }

  findings(layer: number): Finding[] {
    if (this.#first === undefined) return [];
    const path = quotePath(this.#first.path);
    const more = this.#count === 1 ? '' : ` (and ${this.#count - 1} more)`;
    const message = `${path} ${this.#what}${this.#detail}${more}`;
    return [finding(this.#rule, message, { layer, path, offset: this.#first.offset, count: this.#count })];
  }
}

function checkEntries(layer: number, { entries }: LayerIndex): Finding[] {
  const fractions = new Tally('fractional-time', 'has a time with a fraction of a second');
  const negative = new Tally('negative-time', 'has a time before 1970');
  const sparse = new Tally('sparse-entry', 'is stored sparsely');
  const duplicates = new Tally('duplicate-entry', 'occurs twice in the layer');
  const invalid = new Tally('path-invalid', '');
  const seen = new Map<ByteString, LayerEntry>();
  for (const entry of entries) {
    if (entry.mtime.sec < 0) negative.add(entry);
    else if (entry.mtime.nsec !== 0) fractions.add(entry);
    if (entry.sparse) sparse.add(entry);
    const path = normalized(entry, invalid);
    if (path === undefined) continue;
    const before = seen.get(path);
    if (before !== undefined && !isSameDirectory(before, entry)) duplicates.add(entry);
    seen.set(path, entry);
  }
  return [sparse, fractions, negative, invalid, duplicates].flatMap((tally) => tally.findings(layer));
}

function normalized(entry: LayerEntry, invalid: Tally): ByteString | undefined {
  try {
    return normalizePath(entry.path);
  } catch (error) {
    if (!isPlanishError(error)) throw error;
    invalid.add(entry, `cannot be a path: ${error.message}`);
    return undefined;
  }
}

/** Tools that append to a tar repeat directories as they were: that says nothing twice. */
function isSameDirectory(a: LayerEntry, b: LayerEntry): boolean {
  return a.type === 'directory' && b.type === 'directory' && a.mode === b.mode && sameMetadata(a, b);
}

type RuleOfCode<Code extends string> = Readonly<Partial<Record<Code, RuleId>>>;

const READ_FAILURES: RuleOfCode<ErrorCode> = {
  DIGEST_MISMATCH: 'blob-digest-mismatch',
  BLOB_MISSING: 'blob-digest-mismatch',
  DIFFID_MISMATCH: 'diffid-mismatch',
  PATH_INVALID: 'path-invalid',
};

const READ_WARNINGS: RuleOfCode<WarningCode> = {
  MEDIA_TYPE_WRONG: 'media-type-wrong',
  SIZE_WITHOUT_CONTENT: 'size-without-content',
  GLOBAL_HEADER: 'pax-global-header',
  XATTR_ENCODING: 'xattr-encoding',
  RECORD_DROPPED: 'record-dropped',
};

const FLATTEN_FAILURES: RuleOfCode<ErrorCode> = {
  PATH_INVALID: 'path-invalid',
  PATH_ESCAPES_ROOT: 'path-invalid',
  PARENT_MISSING: 'parent-missing',
  PARENT_NOT_DIRECTORY: 'parent-not-directory',
  LINK_TARGET_MISSING: 'link-target-missing',
  LINK_TARGET_INVALID: 'link-target-missing',
};

const FLATTEN_WARNINGS: RuleOfCode<WarningCode> = {
  WHITEOUT_ORDER: 'whiteout-order',
  WHITEOUT_WITHOUT_TARGET: 'whiteout-without-target',
  RECORD_DROPPED: 'aufs-bookkeeping',
};

/** A failure as a finding; what has no rule of its own makes the layer unreadable. */
function fromFailure(rules: RuleOfCode<ErrorCode>, failure: PlanishError, ordinal?: number): Finding {
  const { code, message, detail } = failure;
  const layer = ordinal ?? (detail.layer === undefined ? undefined : Number(detail.layer));
  const text = (value: string | number | undefined): string | undefined =>
    value === undefined ? undefined : String(value);
  const place = { expected: text(detail.expected), actual: text(detail.actual) };
  return finding(rules[code] ?? 'layer-unreadable', `${code}: ${message}`, {
    layer,
    path: detail.path,
    offset: detail.offset,
    ...(place.expected === undefined && place.actual === undefined ? {} : place),
  });
}

function fromWarning(rules: RuleOfCode<WarningCode>, warning: Warning, layer?: number): Finding[] {
  const rule = rules[warning.code];
  if (rule === undefined) return [];
  return [finding(rule, warning.message, { layer: layer ?? warning.layer, path: warning.path })];
}

/** What shows when layers are applied one after the other, in either reading. */
function checkReadings({ oci, host, refusal }: LintContext, known: readonly Finding[]): Finding[] {
  const failures = [
    ...(oci.failure === undefined ? [] : [fromFailure(FLATTEN_FAILURES, oci.failure)]),
    ...(host.failure === undefined ? [] : [fromHostFailure(host.failure, oci)]),
  ];
  const parents = host.warnings.filter(({ code }) => code === 'PARENT_CREATED');
  const refused = refusal === undefined || parents.length > 0 ? [] : [fromFailure(FLATTEN_FAILURES, refusal)];
  const found = [...failures, ...refused, ...parents.map(missingParent), ...oddities(oci)];
  return unique(found.filter((one) => !isKnown(one, known)));
}

/** Engines pass over a whiteout below a link, which umoci writes where a directory became one; hosts refuse it. */
function fromHostFailure(failure: PlanishError, oci: Reading): Finding {
  const isMarker = baseName(byteString(failure.detail.path ?? '')).startsWith(MARKER_PREFIX);
  const isHostsOwn = failure.code === 'PARENT_NOT_DIRECTORY' && isMarker && oci.failure === undefined;
  return fromFailure(
    isHostsOwn ? { PARENT_NOT_DIRECTORY: 'whiteout-below-link' } : FLATTEN_FAILURES,
    failure,
  );
}

function missingParent({ layer, path = '' }: Warning): Finding {
  return finding('parent-missing', `${path} has no entry, though something lies in it`, { layer, path });
}

function oddities(oci: Reading): Finding[] {
  return oci.warnings.flatMap((warning) => fromWarning(FLATTEN_WARNINGS, warning));
}

/** Entries were looked at one by one before; the first of a kind then shows again here. */
function isKnown(found: Finding, known: readonly Finding[]): boolean {
  return known.some(({ rule, layer }) => rule === found.rule && layer === found.layer);
}

function unique(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ rule, layer, path, offset }) => {
    const key = JSON.stringify([rule, layer, path, offset]);
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
}
