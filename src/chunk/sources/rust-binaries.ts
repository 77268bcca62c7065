/**
 * Programs in Rust that no package owns: by the package that they were built from, where they were built by
 * cargo-auditable. It leaves a section with a JSON document, compressed with zlib, that lists all packages.
 */
import { inflateSync } from 'node:zlib';
import { byteString } from '../../bytes/byte-string.ts';
import { LIMITS } from '../../limits.ts';
import type { ComponentSource } from '../component.ts';
import type { ElfFile } from '../databases/elf-file.ts';
import { type BinaryHint, binarySource } from './binary-claims.ts';

const SECTION = '.dep-v0';
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** The source of Rust programs: `cargo/PACKAGE`. */
export const rustBinariesSource: ComponentSource = binarySource('rust-binaries', hintOf);

function hintOf(elf: ElfFile): BinaryHint | undefined {
  const section = elf.section(SECTION);
  if (section === undefined || section.size > LIMITS.moduleListBytes) return undefined;
  const bytes = elf.bytes(section.offset, section.size);
  const name = bytes === undefined ? undefined : rootOf(parseDocument(bytes));
  return name === undefined ? undefined : { key: byteString(`cargo/${name}`), day: undefined };
}

function parseDocument(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(inflateSync(bytes, { maxOutputLength: LIMITS.moduleListBytes }).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Name of the one package that says that it is the root. */
function rootOf(document: unknown): string | undefined {
  const { packages } = (document ?? {}) as { packages?: unknown };
  if (!Array.isArray(packages)) return undefined;
  const roots = packages.filter((item) => (item as { root?: unknown } | null)?.root === true);
  const { name } = (roots.length === 1 ? roots[0] : {}) as { name?: unknown };
  return typeof name === 'string' && NAME.test(name) ? name : undefined;
}
