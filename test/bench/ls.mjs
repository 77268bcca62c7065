/**
 * One directory of an EROFS image of 64,000 files, against the C tool, which can only list them all; one of an image of gzip
 * layers, and a file of its uppermost layer, against decompressing the layers, which no lister can leave out of the former.
 */
import { planish } from './inputs.mjs';
import { has } from './measure.mjs';

export const needs = () => ['composefs-info', 'gzip'].filter((program) => !has(program));

/** Of the uppermost layer of the server image (`test/support/make-server-image.sh`). */
const UPPER_FILE = '/opt/app/jq';

export function rows(inputs) {
  const [{ layers }] = inputs.gzipImages;
  const gzip = { peerName: '`gzip -dc`', peer: ['gzip', '-dc', ...layers] };
  const look = (...args) => planish(args[0], '--no-cache', inputs.gzipImage, ...args.slice(1));
  return [
    {
      title: '`ls` of a directory of an EROFS image',
      peerName: '`composefs-info ls`',
      ours: planish('ls', inputs.erofs, '/etc'),
      peer: ['composefs-info', 'ls', inputs.erofs],
    },
    { title: '`ls` of a directory of an image of gzip layers', ours: look('ls', '/etc'), ...gzip },
    {
      title: '`cat` of a file of its uppermost layers',
      ours: look('cat', UPPER_FILE),
      ...gzip,
    },
  ];
}
