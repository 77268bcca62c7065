/** Composefs dumpfiles (composefs-dump(5)): text to tree and back. */
export type { DumpFacts } from '../tree/dump-facts.ts';
export type { Content, Directory, Leaf, Metadata, Node, RegularFile } from '../tree/tree.ts';
export { type DumpStyle, type FormatDumpOptions, formatDumpfile } from './format.ts';
export { DumpfileParser, type ParseDumpOptions, type ParsedDump, parseDumpfile } from './parse.ts';
