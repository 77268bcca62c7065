/**
 * What a Linux kernel can do for composefs mounts, by its version. Distributions carry features back to older versions,
 * so this decides how something is asked for, and explains a refusal; it never refuses by itself.
 */
import { PlanishError } from '../errors.ts';

/** The first two numbers of a release such as `6.12.117+deb12-cloud-amd64`. */
export type KernelVersion = readonly [major: number, minor: number];

/** Each feature, the first version that has it, and its name in messages. */
export const KERNEL_FEATURES = {
  erofsChunks: [5, 15, 'EROFS images of this kind'],
  idmappedLayers: [5, 19, 'idmapped mounts of EROFS below an overlay'],
  dataOnlyLayers: [6, 5, 'data-only layers of overlayfs'],
  overlayVerity: [6, 6, 'the overlayfs option verity='],
  layersOneByOne: [6, 8, 'layers of overlayfs given one by one'],
  erofsFromFile: [6, 12, 'EROFS from a file without a loop device'],
} as const satisfies Readonly<Record<string, readonly [number, number, string]>>;

/** The closed union of features. */
export type KernelFeature = keyof typeof KERNEL_FEATURES;

/** Parses a release or a version. Throws `BAD_OPTION`. */
export function parseKernelVersion(release: string): KernelVersion {
  const numbers = /^([0-9]{1,4})\.([0-9]{1,4})(?![0-9])/.exec(release);
  if (numbers !== null) return [Number(numbers[1]), Number(numbers[2])];
  throw new PlanishError('BAD_OPTION', 'a kernel version is written as 6.12 or longer', { actual: release });
}

/** Whether a kernel of that version has a feature. */
export function kernelHas([major, minor]: KernelVersion, feature: KernelFeature): boolean {
  const [wantedMajor, wantedMinor] = KERNEL_FEATURES[feature];
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** What a refusal may be due to: the features in question that came later than this kernel, in words. */
export function explainMissing(
  version: KernelVersion,
  features: readonly KernelFeature[],
): string | undefined {
  const missing = features.filter((feature) => !kernelHas(version, feature));
  if (missing.length === 0) return undefined;
  const needs = missing.map((feature) => {
    const [major, minor, name] = KERNEL_FEATURES[feature];
    return `${name} came with Linux ${major}.${minor}`;
  });
  return `this is Linux ${version.join('.')}, and ${needs.join(', ')}`;
}
