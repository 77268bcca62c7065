/** PE files for tests: a section table as ukify writes it, and nothing that a firmware could run. */

/** A section: its name and content. */
export type PePart = readonly [name: string, content: string | Uint8Array];

const FILE_ALIGNMENT = 512;
const PE_AT = 0x80;
const OPTIONAL_HEADER_BYTES = 240;

const aligned = (size: number): number => Math.ceil(size / FILE_ALIGNMENT) * FILE_ALIGNMENT;

/** Where the section table of {@link makePe} begins. */
export const SECTION_TABLE_AT = PE_AT + 24 + OPTIONAL_HEADER_BYTES;

/** Where the optional header of {@link makePe} begins. */
export const OPTIONAL_HEADER_AT = PE_AT + 24;

/** Fields of the optional header that readers beyond the section table look at. */
function writeOptionalHeader(headers: Buffer, sizeOfImage: number): void {
  headers.writeUInt32LE(0x1000, OPTIONAL_HEADER_AT + 32);
  headers.writeUInt32LE(FILE_ALIGNMENT, OPTIONAL_HEADER_AT + 36);
  headers.writeUInt32LE(sizeOfImage, OPTIONAL_HEADER_AT + 56);
  headers.writeUInt32LE(headers.length, OPTIONAL_HEADER_AT + 60);
  headers.writeUInt16LE(10, OPTIONAL_HEADER_AT + 68);
  headers.writeUInt32LE(16, OPTIONAL_HEADER_AT + 108);
}

/** A PE32+ file of these sections, with room for the rows of so many more. */
export function makePe(parts: readonly PePart[], room = 0): Buffer {
  const contents = parts.map(([, content]) => Buffer.from(content as Uint8Array));
  const headers = Buffer.alloc(aligned(SECTION_TABLE_AT + 40 * (parts.length + room)));
  headers.write('MZ', 0, 'latin1');
  headers.writeUInt32LE(PE_AT, 0x3c);
  headers.write('PE\0\0', PE_AT, 'latin1');
  headers.writeUInt16LE(0x8664, PE_AT + 4);
  headers.writeUInt16LE(parts.length, PE_AT + 6);
  headers.writeUInt16LE(OPTIONAL_HEADER_BYTES, PE_AT + 20);
  headers.writeUInt16LE(0x20b, OPTIONAL_HEADER_AT);
  writeOptionalHeader(headers, 0x1000 * (parts.length + 1));
  let rawOffset = headers.length;
  parts.forEach(([name], index) => {
    const at = SECTION_TABLE_AT + 40 * index;
    const size = contents[index]?.length ?? 0;
    headers.write(name, at, 8, 'latin1');
    headers.writeUInt32LE(size, at + 8);
    headers.writeUInt32LE(0x1000 * (index + 1), at + 12);
    headers.writeUInt32LE(aligned(size), at + 16);
    headers.writeUInt32LE(size === 0 ? 0 : rawOffset, at + 20);
    headers.writeUInt32LE(0x4000_0040, at + 36);
    rawOffset += aligned(size);
  });
  const padded = contents.map((content) =>
    Buffer.concat([content, Buffer.alloc(aligned(content.length) - content.length)]),
  );
  return Buffer.concat([headers, ...padded]);
}

/** A stub as systemd's are: code, and revocation lines with room for some more. */
export function makeStub(): Buffer {
  const sbat = `sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\nstub,1,A stub,stub,1,-\n`;
  return makePe(
    [
      ['.text', 'code'],
      ['.sbat', sbat],
    ],
    16,
  );
}

/** What a UKI holds beside its command line; `undefined` leaves a section out. */
export interface UkiSpec {
  readonly cmdline?: string | undefined;
  readonly osrel?: string | undefined;
  readonly uname?: string | undefined;
}

/** A UKI with all that hosts require, unless a field of `spec` is given as `undefined`. */
export function makeUki(spec: UkiSpec): Buffer {
  const texts: [string, string | undefined][] = [
    ['.osrel', 'osrel' in spec ? spec.osrel : 'ID=test\nVERSION_ID=1\n'],
    ['.cmdline', 'cmdline' in spec ? spec.cmdline : 'rw'],
    ['.uname', spec.uname],
  ];
  const parts = texts.flatMap(([name, text]): PePart[] => (text === undefined ? [] : [[name, text]]));
  return makePe([...parts, ['.linux', 'a kernel'], ['.initrd', 'an initrd']]);
}
