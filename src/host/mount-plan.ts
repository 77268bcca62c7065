/**
 * How a composefs image is mounted: EROFS for the metadata, and over it an overlay whose data-only layers are the
 * object directories. Which options, depends on the image, on what is asked for, and on the kernel. Decides only;
 * `kernel/mount.ts` carries it out, {@link formatMountCommands} writes it down for a shell.
 *
 * The EROFS is mounted on a directory of its own, which is detached again when the overlay holds it, so that one
 * unmount undoes everything.
 */
import { PlanishError } from '../errors.ts';
import { type KernelFeature, type KernelVersion, kernelHas } from './kernel-features.ts';

/** What is wanted. Paths are absolute. */
export interface MountRequest {
  readonly image: string;
  /** Whether the image says that it has ACLs. */
  readonly acl: boolean;
  /** Object directories, looked through in this order. */
  readonly objects: readonly string[];
  readonly target: string;
  /** fs-verity digest of the image where one is promised. */
  readonly digest: string | undefined;
  /** Whether the kernel must check every object against the image, and the image against the digest. */
  readonly verity: boolean;
  /** Makes the mount writable: where changes go, and a working directory on the same file system. */
  readonly upper: string | undefined;
  readonly work: string | undefined;
  /** File of a user namespace whose mapping of owners the mount shows. */
  readonly idmap: string | undefined;
}

/** A mount option: a flag, or a key with a value. */
export type MountOption = readonly [key: string, value?: string];

/** See the module. */
export interface MountPlan {
  readonly request: MountRequest;
  readonly kernel: KernelVersion;
  readonly erofs: readonly MountOption[];
  /** Options of the overlay without its layers. */
  readonly overlay: readonly MountOption[];
  /** What is shown as the source of the overlay, as composefs hosts have it. */
  readonly source: string;
  readonly readOnly: boolean;
  /** Whether lower layers may be given one by one, which needs no escaping and takes any number. */
  readonly layersOneByOne: boolean;
  /** Whether objects are a layer of data only, which is not seen in listings. */
  readonly dataOnly: boolean;
  /** What the kernel must have for this: explains a refusal. */
  readonly features: readonly KernelFeature[];
}

/** Plans a mount. Throws `BAD_OPTION` for what contradicts itself. */
export function planMount(request: MountRequest, kernel: KernelVersion): MountPlan {
  checkRequest(request);
  const readOnly = request.upper === undefined;
  return {
    request,
    kernel,
    // Without the option the kernel looks for ACLs that are not there, on every access.
    erofs: [['ro'], ...(request.acl ? [] : [['noacl'] as const])],
    overlay: overlayOptions(request),
    source: request.digest === undefined ? 'composefs' : `composefs:${request.digest}`,
    readOnly,
    layersOneByOne: kernelHas(kernel, 'layersOneByOne'),
    dataOnly: kernelHas(kernel, 'dataOnlyLayers'),
    features: featuresOf(request),
  };
}

function checkRequest({ upper, work, verity, digest, objects }: MountRequest): void {
  if ((upper === undefined) !== (work === undefined)) {
    throw new PlanishError('BAD_OPTION', 'an upper and a work directory go together');
  }
  if (objects.length === 0) throw new PlanishError('BAD_OPTION', 'no object directory is given');
  if (!verity || digest !== undefined) return;
  throw new PlanishError('BAD_OPTION', 'an image is mounted by its digest, and none is given', {
    hint: 'give --digest, or waive the check with --no-verity',
  });
}

function overlayOptions({ verity, upper, work }: MountRequest): MountOption[] {
  const options: MountOption[] = [
    ['metacopy', 'on'],
    ['redirect_dir', 'on'],
  ];
  if (verity) options.push(['verity', 'require']);
  if (upper !== undefined) options.push(['upperdir', upper]);
  if (work !== undefined) options.push(['workdir', work]);
  return options;
}

function featuresOf({ verity, idmap }: MountRequest): KernelFeature[] {
  const features: KernelFeature[] = ['erofsChunks'];
  if (verity) features.push('overlayVerity');
  if (idmap !== undefined) features.push('idmappedLayers');
  return features;
}

/** The lower layers as one option: data-only layers come after two colons. `metadata` is where the EROFS is. */
export function lowerLayers(plan: MountPlan, metadata: string): string {
  const separator = plan.dataOnly ? '::' : ':';
  return [metadata, ...plan.request.objects].map(escapeLayer).join(separator);
}

/** overlayfs splits layers at colons and mount(8) options at commas; a backslash takes either's meaning away. */
export function escapeLayer(path: string): string {
  return path.replace(/[\\:,]/g, '\\$&');
}

/** Options in the form of mount(8). */
export function formatMountOptions(options: readonly MountOption[]): string {
  return options.map(([key, value]) => (value === undefined ? key : `${key}=${value}`)).join(',');
}
