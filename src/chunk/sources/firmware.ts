/** Firmware that no package owns, by the directory of its vendor: the whole of it is too large for one lump. */
import { byteString } from '../../bytes/byte-string.ts';
import type { ComponentSource } from '../component.ts';
import { claimUnowned } from './application-claims.ts';

const FIRMWARE = /^\/(?:usr\/)?lib\/firmware\/(?:([^/]+)\/)?[^/]+$|^\/(?:usr\/)?lib\/firmware\/([^/]+)\//;

/** The source of unowned firmware: `firmware/amdgpu`; `firmware` for what lies right in the directory. */
export const firmwareSource: ComponentSource = {
  name: 'firmware',
  priority: 20,
  strength: 'weak',
  wantedPaths: () => [],
  claim: (context) =>
    claimUnowned(context, ({ path }) => {
      const match = FIRMWARE.exec(path);
      if (match === null) return undefined;
      const vendor = match[1] ?? match[2];
      return byteString(vendor === undefined ? 'firmware' : `firmware/${vendor}`);
    }),
};
