/** Help and version, which people and scripts ask for often, without the parser of the command line. */

import { readVersion } from '../ops/package-version.ts';
import { HELP_TEXT } from './help-text.ts';
import { writeFully } from './write-fully.ts';

/** Answers if the words ask for nothing but help or the version; `false` where all else must see to them. */
export function answerQuickly(words: readonly string[]): boolean {
  const text = answerTo(words);
  if (text === undefined) return false;
  try {
    writeFully(1, Buffer.from(text));
    return true;
  } catch {
    // The long way fails alike, and knows how to say so.
    return false;
  }
}

function answerTo([word, ...others]: readonly string[]): string | undefined {
  if (others.length > 0) return undefined;
  if (word === '--version' || word === '-V') return `${readVersion()}\n`;
  return word === '--help' || word === '-h' || word === 'help' ? HELP_TEXT : undefined;
}
