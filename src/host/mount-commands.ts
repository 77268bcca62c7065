/** A mount plan as commands of a POSIX shell, for whoever wants to see or to run them. */
import {
  escapeLayer,
  formatMountOptions,
  lowerLayers,
  type MountOption,
  type MountPlan,
} from './mount-plan.ts';

/**
 * The commands, one a line, to be run as root as one script. It ends at the first that fails, so an image with another
 * digest, or without fs-verity where that is required, is not mounted; the directory of the EROFS goes in any case.
 */
export function formatMountCommands(plan: MountPlan): string[] {
  const { request } = plan;
  const erofs: MountOption[] = [...plan.erofs];
  if (request.idmap !== undefined) erofs.push(['X-mount.idmap', request.idmap]);
  return [
    'set -e',
    ...measureCommand(plan),
    'metadata=$(mktemp -d)',
    `trap 'umount -l "$metadata" || true; rmdir "$metadata"' EXIT`,
    `mount -t erofs -o ${quote(formatMountOptions(erofs))} ${quote(request.image)} "$metadata"`,
    `mount -t overlay -o ${overlayArgument(plan)} ${quote(plan.source)} ${quote(request.target)}`,
  ];
}

function measureCommand({ request: { verity, digest, image } }: MountPlan): string[] {
  if (!verity || digest === undefined) return [];
  const algorithm = digest.length === 64 ? 'sha256' : 'sha512';
  return [`[ "$(fsverity measure ${quote(image)})" = ${quote(`${algorithm}:${digest} ${image}`)} ]`];
}

/** The directory of the EROFS is only known to the shell, so it stands between quoted parts. */
function overlayArgument(plan: MountPlan): string {
  const options = plan.overlay.map(
    ([key, value]): MountOption => (value === undefined ? [key] : [key, escapeValue(key, value)]),
  );
  const mode: MountOption = [plan.readOnly ? 'ro' : 'rw'];
  const rest = lowerLayers(plan, '');
  return `${quote(`${formatMountOptions([mode, ...options])},lowerdir=`)}"$metadata"${quote(rest)}`;
}

function escapeValue(key: string, value: string): string {
  return key === 'upperdir' || key === 'workdir' ? escapeLayer(value) : value;
}

/** A word of a shell; quoted only where it must be. */
export function quote(word: string): string {
  return /^[A-Za-z0-9_./:=,+@%-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
