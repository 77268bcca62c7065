/** Opens what a destination names for writing, wherever it is. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ImageWriter } from '../../io/image-writer.ts';
import { openDestination } from '../../io/open-destination.ts';
import type { Destination } from '../../oci/reference.ts';
import type { CommonOptions } from '../session.ts';

/** What writing needs to know. */
export type TargetOptions = Pick<
  CommonOptions,
  'temporaryDirectory' | 'signal' | 'onProgress' | 'registry' | 'jobs'
>;

/** Where staging happens as well: of a layout that exists, neither the parent nor its file system need have room. Registries have no place here. */
export function besideDestination(destination: Destination): string | undefined {
  if (destination.kind === 'docker') return undefined;
  const { kind, path } = destination;
  return kind === 'oci' && existsSync(path) ? path : dirname(resolve(path));
}

/** A writer for the destination. Throws `DESTINATION_EXISTS`, `SYSCALL_FAILED`; of registries what asking them throws. */
export async function openTarget(destination: Destination, options: TargetOptions): Promise<ImageWriter> {
  if (destination.kind !== 'docker') return openDestination(destination);
  const { openRegistryWriter } = await import('../../registry/registry-writer.ts');
  return await openRegistryWriter(destination, options);
}
