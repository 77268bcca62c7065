/** Opens what a destination names for writing, wherever it is. */
import type { ImageWriter } from '../../io/image-writer.ts';
import { openDestination } from '../../io/open-destination.ts';
import type { Destination } from '../../oci/reference.ts';
import type { CommonOptions } from '../session.ts';

/** What writing needs to know. */
export type TargetOptions = Pick<
  CommonOptions,
  'temporaryDirectory' | 'signal' | 'onProgress' | 'registry' | 'jobs'
>;

/** A writer for the destination. Throws `DESTINATION_EXISTS`, `SYSCALL_FAILED`; of registries what asking them throws. */
export async function openTarget(destination: Destination, options: TargetOptions): Promise<ImageWriter> {
  if (destination.kind !== 'docker') return openDestination(destination);
  const { openRegistryWriter } = await import('../../registry/registry-writer.ts');
  return await openRegistryWriter(destination, options);
}
