/**
 * Platforms: which manifest of a multi-platform image is meant (OCI image specification, image-index.md). Variants
 * that are a machine's baseline equal none at all, as every client has it: arm64 v8, amd64 v1, arm v7.
 */
import { display, fromUtf8 } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { isAttachedEntry } from './attachments.ts';
import { annotation, type Descriptor, type Platform } from './descriptor.ts';
import { documentKind } from './media-types.ts';

const NAME = /^[a-z0-9][a-z0-9._-]*$/;

/** Names that machines and people use, and the names of the specification (those of Go). */
const ARCHITECTURES: ReadonlyMap<string, Pick<Platform, 'architecture' | 'variant'>> = new Map([
  ['x64', { architecture: 'amd64' }],
  ['x86_64', { architecture: 'amd64' }],
  ['x86-64', { architecture: 'amd64' }],
  ['aarch64', { architecture: 'arm64' }],
  ['ia32', { architecture: '386' }],
  ['i386', { architecture: '386' }],
  ['i686', { architecture: '386' }],
  ['armhf', { architecture: 'arm', variant: 'v7' }],
  ['armel', { architecture: 'arm', variant: 'v6' }],
  ['loong64', { architecture: 'loong64' }],
]);

const BASELINE: ReadonlyMap<string, string> = new Map([
  ['arm64', 'v8'],
  ['amd64', 'v1'],
  ['arm', 'v7'],
]);

/** Parses `os/arch[/variant]`; common other names of architectures are understood. Throws `BAD_OPTION`. */
export function parsePlatform(text: string): Platform {
  const [os, arch, variant, ...more] = text.toLowerCase().split('/');
  const parts = [os, arch, ...(variant === undefined ? [] : [variant])];
  if (more.length > 0 || !parts.every((part) => part !== undefined && NAME.test(part))) {
    throw new PlanishError(
      'BAD_OPTION',
      `platform "${display(fromUtf8(text))}" is not os/arch or os/arch/variant`,
    );
  }
  const known = architecture(arch ?? '');
  return { os: os ?? '', ...known, ...(variant === undefined ? {} : { variant }) };
}

/** Linux on an architecture as Node (`process.arch`) or `uname -m` names it. */
export function linuxPlatform(machine: string): Platform {
  return { os: 'linux', ...architecture(machine) };
}

/** `os/arch[/variant]`, control characters escaped. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture: arch, variant } = platform;
  return display(fromUtf8([os, arch, ...(variant ? [variant] : [])].join('/')));
}

/** Whether two platforms are the same, baseline variants left out or not. */
export function samePlatform(a: Platform, b: Platform): boolean {
  return sameMachine(a, b) && normalVariant(a) === normalVariant(b);
}

/**
 * Whether an entry of an index is an image that can be chosen: no attestation (`unknown/unknown`, or so annotated),
 * no artifact, nothing attached to an image, nothing but a manifest or a nested index.
 */
export function isImageEntry(entry: Descriptor): boolean {
  const kind = documentKind(entry.mediaType);
  if (kind !== 'manifest' && kind !== 'index') return false;
  if (entry.artifactType !== undefined && entry.artifactType !== '') return false;
  if (annotation(entry, 'vnd.docker.reference.type') === 'attestation-manifest') return false;
  if (isAttachedEntry(entry)) return false;
  return entry.platform?.os !== 'unknown' || entry.platform.architecture !== 'unknown';
}

/** What to choose by. */
export interface PlatformChoice {
  /** The platform asked for; `undefined` when nobody asked. */
  readonly wanted: Platform | undefined;
  /** What is taken among several when nobody asked: Linux on this machine. */
  readonly fallback: Platform;
}

/**
 * Chooses one manifest of an index (nested ones already unfolded). Nobody asked and there is but one: that one,
 * whatever its platform. Otherwise the first entry of the platform, as the specification has it; without a variant
 * in the wish, the baseline first, then the only variant there is. `where` names the index in errors. Throws
 * `NO_SUCH_IMAGE` and `AMBIGUOUS_IMAGE`, listing what there is.
 */
export function choosePlatform(
  entries: readonly Descriptor[],
  choice: PlatformChoice,
  where: string,
): Descriptor {
  const images = distinct(entries.filter(isImageEntry));
  const [only, ...others] = images;
  if (choice.wanted === undefined && only !== undefined && others.length === 0) return only;
  const wanted = choice.wanted ?? choice.fallback;
  const machines = images.filter(
    (entry) => entry.platform !== undefined && sameMachine(entry.platform, wanted),
  );
  const exact = machines.find(
    (entry) => entry.platform !== undefined && samePlatform(entry.platform, wanted),
  );
  if (exact !== undefined) return exact;
  if (wanted.variant !== undefined || machines.length === 0) throw none(images, wanted, where);
  const variants = new Set(machines.map((entry) => entry.platform?.variant));
  const [first] = machines;
  if (variants.size === 1 && first !== undefined) return first;
  throw new PlanishError('AMBIGUOUS_IMAGE', `${where} holds several variants of ${formatPlatform(wanted)}`, {
    actual: listPlatforms(machines),
    hint: 'name one with --platform os/arch/variant',
  });
}

/** The platforms of entries in a row, for messages; at most sixteen. */
function listPlatforms(entries: readonly Descriptor[]): string {
  const names = entries.map((entry) => (entry.platform ? formatPlatform(entry.platform) : 'no platform'));
  const shown = [...new Set(names)];
  return shown.length > 16 ? `${shown.slice(0, 16).join(', ')} and more` : shown.join(', ');
}

function none(images: readonly Descriptor[], wanted: Platform, where: string): PlanishError {
  return new PlanishError('NO_SUCH_IMAGE', `${where} holds no image for ${formatPlatform(wanted)}`, {
    expected: formatPlatform(wanted),
    actual: listPlatforms(images) || 'no image at all',
    hint: 'name one with --platform',
  });
}

function architecture(name: string): Pick<Platform, 'architecture' | 'variant'> {
  return ARCHITECTURES.get(name) ?? { architecture: name };
}

function sameMachine(a: Platform, b: Platform): boolean {
  return (
    a.os === b.os && architecture(a.architecture).architecture === architecture(b.architecture).architecture
  );
}

function normalVariant(platform: Platform): string {
  const known = architecture(platform.architecture);
  return platform.variant || known.variant || BASELINE.get(known.architecture) || '';
}

/** Entries with different digests; the first of each. */
function distinct(entries: readonly Descriptor[]): readonly Descriptor[] {
  const seen = new Map<string, Descriptor>();
  for (const entry of entries) if (!seen.has(entry.digest)) seen.set(entry.digest, entry);
  return [...seen.values()];
}
