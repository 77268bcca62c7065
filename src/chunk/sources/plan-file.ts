/** The file of the plan in the tree (`build --plan-file`): a component that is another in every image. */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import type { ComponentSource } from '../component.ts';
import { ALWAYS_RATE } from '../rates.ts';

/** Key of its component. It has no digest, for it is written only when all layers are planned. */
export const PLAN_KEY: ByteString = byteString('@plan');

/** Before everything else, whatever lies around the file. Like the database, it goes into the last layer. */
export function planFileSource(path: ByteString): ComponentSource {
  return {
    name: 'plan file',
    priority: -1,
    strength: 'strong',
    wantedPaths: () => [],
    claim: () => ({
      components: new Map([[PLAN_KEY, { kind: 'database', rate: ALWAYS_RATE, changeDays: [] }]]),
      claims: [{ path, key: PLAN_KEY }],
    }),
  };
}
