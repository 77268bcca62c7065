/** What a person waits for before anything is done, against Node doing nothing. */
import { MAIN } from './inputs.mjs';

export const needs = () => [];

export function rows() {
  return ['--version', '--help'].map((word) => ({
    title: `\`planish ${word}\``,
    peerName: '`node -e 0`',
    ours: [process.execPath, MAIN, word],
    peer: [process.execPath, '-e', '0'],
  }));
}
