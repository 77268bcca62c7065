/** One tree of a dumpfile. */
import { addAbortSignal } from 'node:stream';
import { DumpfileParser, type ParsedDump } from '../../dumpfile/parse.ts';
import { fromSystemError } from '../../errors.ts';
import { readBlob, wholeFile } from '../../io/blob-file.ts';
import type { Session } from '../session.ts';
import type { LoadedTree, Needs, SourceOptions } from './load-tree.ts';
import { agreedAlgorithm, BARE } from './loaded-tree.ts';

/** The tree of a dumpfile; `-`: of standard input. */
export async function loadDumpTree(
  session: Session,
  file: string,
  options: SourceOptions,
  needs: Needs,
): Promise<LoadedTree> {
  const pieces = file === '-' ? standardInput(session) : readBlob(wholeFile(file));
  const { root, facts, algorithm } = await parseDump(pieces, options.strict ?? false);
  return { ...BARE, kind: 'dump', root, facts, algorithm: agreedAlgorithm(options, needs, algorithm, file) };
}

async function parseDump(pieces: AsyncIterable<Uint8Array>, strict: boolean): Promise<ParsedDump> {
  const parser = new DumpfileParser({ strict });
  for await (const piece of pieces) parser.push(piece);
  return parser.finish();
}

/** Ends when the run is interrupted, however long whoever writes there takes. */
async function* standardInput(session: Session): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal } = session;
  try {
    yield* signal === undefined ? process.stdin : addAbortSignal(signal, process.stdin);
  } catch (error) {
    session.checkInterrupted();
    throw fromSystemError(error, 'reading standard input');
  }
}
