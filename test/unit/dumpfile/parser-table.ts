/**
 * One row for each line of the table of parser differences: what is fed, and which parser takes it. `c`, `cStrict` and
 * `rs` are what the programs do (mkcomposefs 1.0.8, the same under CFS_PARSE_STRICT, `cfsctl mkcomposefs` 0.9.4);
 * `lenient` and `strict` are what ours does.
 */

/** What each parser does with a text: whether it accepts it. */
export interface ParserRow {
  readonly name: string;
  readonly text: string | Uint8Array;
  readonly c: boolean;
  readonly cStrict: boolean;
  readonly rs: boolean;
  readonly lenient: boolean;
  readonly strict: boolean;
  /** For what ours refuses: part of the message, in the mode that refuses (lenient first). */
  readonly message?: string;
}

const ROOT = '/ 0 40755 2 0 0 0 0.0 - - -\n';
const AB = 'ab'.repeat(32);
const AB_PATH = `ab/${'ab'.repeat(31)}`;
const x = (count: number): string => 'x'.repeat(count);

/** Accepted by all. */
const ALL = { c: true, cStrict: true, rs: true, lenient: true, strict: true };
/** Refused by all. */
const NONE = { c: false, cStrict: false, rs: false, lenient: false, strict: false };
/** Accepted by C only, hence by the lenient mode. */
const C_ONLY = { ...ALL, rs: false, strict: false };
/** As {@link C_ONLY}, refused by C under CFS_PARSE_STRICT as well. */
const C_LENIENT = { ...C_ONLY, cStrict: false };
/** Accepted by composefs-rs only, and refused here as C does. */
const RS_ONLY = { ...NONE, rs: true };
/** Accepted by both programs, read as different trees, and so refused in strict mode. */
const DIFFERENT = { ...ALL, strict: false };
/** Accepted by C, which then stores memory it never wrote. */
const MEMORY = { ...NONE, c: true, cStrict: true };

const utf8 = (text: string): Uint8Array => Buffer.from(text, 'utf8');
const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');

const LINES: readonly ParserRow[] = [
  { name: 'a plain dump', text: `${ROOT}/f 5 100644 1 0 0 0 1.5 - hello -\n`, ...ALL },
  { name: 'nothing', text: '', ...NONE, message: 'empty' },
  {
    name: 'no newline at the end',
    text: `${ROOT}/f 0 100644 1 0 0 0 0.0 - - -`,
    ...C_LENIENT,
    rs: true,
    message: 'newline',
  },
  { name: 'an empty line', text: `${ROOT}\n/f 0 100644 1 0 0 0 0.0 - - -\n`, ...RS_ONLY, message: 'empty' },
  { name: 'CR LF', text: `${ROOT.slice(0, -1)}\r\n`, ...MEMORY, rs: true, message: 'CR LF' },
  {
    name: 'CR LF after a digest',
    text: `${ROOT}/f 70 100644 1 0 0 0 0.0 ${AB_PATH} - ${AB}\r\n`,
    ...MEMORY,
    rs: true,
    message: 'CR LF',
  },
  {
    name: 'ten fields of a symlink',
    text: `${ROOT}/l 1 120777 1 0 0 0 0.0 t -\n`,
    ...C_ONLY,
    message: 'fields',
  },
  {
    name: 'ten fields of an external file',
    text: `${ROOT}/f 9 100644 1 0 0 0 0.0 - -\n`,
    ...MEMORY,
    message: 'DIGEST',
  },
  { name: 'seven fields', text: `${ROOT}/f 0 100644 1 0 0 0\n`, ...NONE, message: 'MTIME' },
  {
    name: 'a space at the end',
    text: `${ROOT}/f 0 100644 1 0 0 0 0.0 - - - \n`,
    ...C_ONLY,
    message: 'space',
  },
  {
    name: 'two spaces before an attribute',
    text: `${ROOT}/f 0 100644 1 0 0 0 0.0 - - -  user.a=b\n`,
    ...NONE,
    message: '"="',
  },
  {
    name: 'two spaces between attributes',
    text: `${ROOT}/f 0 100644 1 0 0 0 0.0 - - - user.a=b  user.c=d\n`,
    ...NONE,
    message: '"="',
  },
  { name: 'raw UTF-8', text: utf8(`${ROOT}/é 0 100644 1 0 0 0 0.0 - - -\n`), ...ALL },
  {
    name: 'raw bytes that are no UTF-8',
    text: latin1(`${ROOT}/\xff 0 100644 1 0 0 0 0.0 - - -\n`),
    ...C_ONLY,
    message: 'UTF-8',
  },
  { name: 'a raw NUL', text: `${ROOT}/a\0b 0 100644 1 0 0 0 0.0 - - -\n`, ...NONE, message: 'NUL' },
  {
    name: 'an escaped NUL in a path',
    text: `${ROOT}/a\\x00b 0 100644 1 0 0 0 0.0 - - -\n`,
    ...C_ONLY,
    message: 'NUL',
  },
];

const PATHS: readonly ParserRow[] = [
  {
    name: 'no slash before a path',
    text: `${ROOT}f 0 100644 1 0 0 0 0.0 - - -\n`,
    ...C_ONLY,
    message: 'absolute',
  },
  {
    name: 'two slashes before a path',
    text: `${ROOT}//f 0 100644 1 0 0 0 0.0 - - -\n`,
    ...C_ONLY,
    message: 'empty component',
  },
  {
    name: 'a slash after a path',
    text: `${ROOT}/d 0 40755 2 0 0 0 0.0 - - -\n/d/ 0 40755 2 0 0 0 0.0 - - -\n`,
    ...NONE,
    message: 'slash',
  },
  { name: 'a component "."', text: `${ROOT}/. 0 40755 2 0 0 0 0.0 - - -\n`, ...NONE, message: '"."' },
  { name: 'a component ".."', text: `${ROOT}/.. 0 40755 2 0 0 0 0.0 - - -\n`, ...NONE, message: '".."' },
  {
    name: '"." amid a path',
    text: `${ROOT}/d 0 40755 2 0 0 0 0.0 - - -\n/d/./f 0 100644 1 0 0 0 0.0 - - -\n`,
    ...NONE,
    message: 'parent',
  },
  { name: 'a name of 255 bytes', text: `${ROOT}/${x(255)} 0 100644 1 0 0 0 0.0 - - -\n`, ...ALL },
  {
    name: 'a name of 256 bytes',
    text: `${ROOT}/${x(256)} 0 100644 1 0 0 0 0.0 - - -\n`,
    ...RS_ONLY,
    message: '255',
  },
  {
    name: 'the same path twice',
    text: `${ROOT}/f 0 100644 1 0 0 0 0.0 - - -\n/f 0 100644 1 0 0 0 0.0 - - -\n`,
    ...NONE,
    message: 'second time',
  },
  { name: 'the root twice', text: ROOT + ROOT, ...RS_ONLY, message: 'second time' },
  { name: 'the root not first', text: '/f 0 100644 1 0 0 0 0.0 - - -\n', ...NONE, message: 'first' },
  {
    name: 'a root that is no directory',
    text: '/ 0 100644 1 0 0 0 0.0 - - -\n',
    ...RS_ONLY,
    message: 'no directory',
  },
  { name: 'no parent', text: `${ROOT}/d/f 0 100644 1 0 0 0 0.0 - - -\n`, ...NONE, message: 'parent' },
  {
    name: 'a file as parent',
    text: `${ROOT}/f 0 100644 1 0 0 0 0.0 - - -\n/f/g 0 100644 1 0 0 0 0.0 - - -\n`,
    ...NONE,
    message: 'parent',
  },
  {
    name: 'children after a sibling',
    text: `${ROOT}/d 0 40755 2 0 0 0 0.0 - - -\n/e 0 100644 1 0 0 0 0.0 - - -\n/d/f 0 100644 1 0 0 0 0.0 - - -\n`,
    ...ALL,
  },
];

const NUMBERS: readonly ParserRow[] = [
  { name: 'a plus sign', text: `${ROOT}/f +0 100644 +1 +5 +5 0 +1.+2 - - -\n`, ...ALL },
  { name: 'a minus sign', text: `${ROOT}/f 0 100644 1 -1 0 0 0.0 - - -\n`, ...C_ONLY, message: 'UID' },
  {
    name: 'white space before a number',
    text: `${ROOT}/f 0 100644 1 \t5 0 0 0.0 - - -\n`,
    ...C_ONLY,
    message: 'UID',
  },
  {
    name: 'a UID of 2^32',
    text: `${ROOT}/f 0 100644 1 4294967296 0 0 0.0 - - -\n`,
    ...C_ONLY,
    message: 'UID',
  },
  {
    name: 'a NLINK of 2^32',
    text: `${ROOT}/f 0 100644 4294967296 0 0 0 0.0 - - -\n`,
    ...C_ONLY,
    message: 'NLINK',
  },
  {
    name: 'a UID beyond 2^64',
    text: `${ROOT}/f 0 100644 1 99999999999999999999999 0 0 0.0 - - -\n`,
    ...C_ONLY,
    message: 'UID',
  },
  { name: 'letters as UID', text: `${ROOT}/f 0 100644 1 x 0 0 0.0 - - -\n`, ...NONE, message: 'UID' },
  {
    name: 'letters after a number',
    text: `${ROOT}/f 0x 100644 1 0 0 0 0.0 - - -\n`,
    ...NONE,
    message: 'SIZE',
  },
  { name: 'an empty number', text: `${ROOT}/f  100644 1 0 0 0 0.0 - - -\n`, ...NONE, message: 'SIZE' },
  { name: 'a mode with an 8', text: `${ROOT}/f 0 100648 1 0 0 0 0.0 - - -\n`, ...NONE, message: 'MODE' },
  { name: 'a mode without type', text: `${ROOT}/f 0 644 1 0 0 0 0.0 - - -\n`, ...NONE, message: 'type' },
  { name: 'a bad GID beside UID 0', text: `${ROOT}/f 0 100644 1 0 x 0 0.0 - - -\n`, ...NONE, message: 'GID' },
  {
    name: 'a bad GID beside another UID',
    text: `${ROOT}/f 0 100644 1 7 x 0 0.0 - - -\n`,
    ...C_ONLY,
    message: 'GID',
  },
  {
    name: 'a bad RDEV beside UID 0',
    text: `${ROOT}/f 0 100644 1 0 0 x 0.0 - - -\n`,
    ...NONE,
    message: 'RDEV',
  },
  {
    name: 'a bad RDEV beside another UID',
    text: `${ROOT}/f 0 100644 1 7 0 x 0.0 - - -\n`,
    ...C_ONLY,
    message: 'RDEV',
  },
  {
    name: 'a time before 1970',
    text: `${ROOT}/f 0 100644 1 0 0 0 -5.0 - - -\n`,
    ...C_ONLY,
    message: 'MTIME',
  },
  { name: 'a time of 2^64-5', text: `${ROOT}/f 0 100644 1 0 0 0 18446744073709551611.0 - - -\n`, ...ALL },
  {
    name: 'a billion nanoseconds',
    text: `${ROOT}/f 0 100644 1 0 0 0 0.1000000000 - - -\n`,
    ...C_ONLY,
    message: 'MTIME',
  },
  {
    name: 'a time without nanoseconds',
    text: `${ROOT}/f 0 100644 1 0 0 0 5 - - -\n`,
    ...NONE,
    message: 'MTIME',
  },
  {
    name: 'a size of 2^53, one more than a number of ours can say',
    text: `${ROOT}/f 9007199254740992 100644 1 0 0 0 0.0 - - -\n`,
    ...NONE,
    c: true,
    cStrict: true,
    rs: true,
    message: 'SIZE',
  },
  {
    name: 'a size of 2^53+1',
    text: `${ROOT}/f 9007199254740993 100644 1 0 0 0 0.0 - - -\n`,
    ...RS_ONLY,
    message: 'SIZE',
  },
  {
    name: 'an RDEV of 2^32',
    text: `${ROOT}/c 0 20644 1 0 0 4294967296 0.0 - - -\n`,
    ...C_ONLY,
    message: 'RDEV',
  },
];

const CONTENTS: readonly ParserRow[] = [
  { name: 'a target of 1024 bytes', text: `${ROOT}/l 1024 120777 1 0 0 0 0.0 ${x(1024)} - -\n`, ...ALL },
  {
    name: 'a target of 1025 bytes',
    text: `${ROOT}/l 1025 120777 1 0 0 0 0.0 ${x(1025)} - -\n`,
    ...C_ONLY,
    message: '1024',
  },
  {
    name: 'a target of 4095 bytes',
    text: `${ROOT}/l 4095 120777 1 0 0 0 0.0 ${x(4095)} - -\n`,
    ...C_ONLY,
    message: '1024',
  },
  {
    name: 'a target of 4096 bytes',
    text: `${ROOT}/l 4096 120777 1 0 0 0 0.0 ${x(4096)} - -\n`,
    ...NONE,
    message: '4095',
  },
  { name: 'no target', text: `${ROOT}/l 0 120777 1 0 0 0 0.0 - - -\n`, ...NONE, message: 'target' },
  {
    name: 'a wrong size of a symlink',
    text: `${ROOT}/l 5 120777 1 0 0 0 0.0 t - -\n`,
    ...C_LENIENT,
    rs: true,
    message: 'SIZE',
  },
  { name: '512 bytes of content', text: `${ROOT}/f 512 100644 1 0 0 0 0.0 - ${x(512)} -\n`, ...ALL },
  {
    name: '513 bytes of content',
    text: `${ROOT}/f 513 100644 1 0 0 0 0.0 - ${x(513)} -\n`,
    ...C_ONLY,
    message: '512',
  },
  {
    name: '5000 bytes of content',
    text: `${ROOT}/f 5000 100644 1 0 0 0 0.0 - ${x(5000)} -\n`,
    ...C_ONLY,
    message: '512',
  },
  {
    name: '5001 bytes of content',
    text: `${ROOT}/f 5001 100644 1 0 0 0 0.0 - ${x(5001)} -\n`,
    ...NONE,
    message: '5000',
  },
  {
    name: 'content of another size',
    text: `${ROOT}/f 4 100644 1 0 0 0 0.0 - hello -\n`,
    ...RS_ONLY,
    message: 'SIZE',
  },
  {
    name: 'content beside a payload',
    text: `${ROOT}/f 5 100644 1 0 0 0 0.0 ${AB_PATH} hello ${AB}\n`,
    ...DIFFERENT,
    message: 'PAYLOAD',
  },
  {
    name: 'content of a fifo',
    text: `${ROOT}/p 5 10644 1 0 0 0 0.0 - hello -\n`,
    ...C_ONLY,
    message: 'CONTENT',
  },
  {
    name: 'a digest beside content',
    text: `${ROOT}/f 5 100644 1 0 0 0 0.0 - hello ${AB}\n`,
    ...C_ONLY,
    message: 'DIGEST',
  },
  {
    name: 'a digest without payload',
    text: `${ROOT}/f 70 100644 1 0 0 0 0.0 - - ${AB}\n`,
    ...C_ONLY,
    message: 'DIGEST',
  },
  {
    name: 'a digest of a directory',
    text: `${ROOT}/d 0 40755 2 0 0 0 0.0 - - ${AB}\n`,
    ...C_ONLY,
    message: 'DIGEST',
  },
  {
    name: 'a short digest',
    text: `${ROOT}/f 70 100644 1 0 0 0 0.0 ${AB_PATH} - abab\n`,
    ...MEMORY,
    message: 'DIGEST',
  },
  {
    name: 'a long digest',
    text: `${ROOT}/f 70 100644 1 0 0 0 0.0 ${AB_PATH} - ${AB}ab\n`,
    ...MEMORY,
    message: 'DIGEST',
  },
  {
    name: 'a digest of other letters',
    text: `${ROOT}/f 70 100644 1 0 0 0 0.0 ${AB_PATH} - ${AB.slice(1)}g\n`,
    ...MEMORY,
    message: 'DIGEST',
  },
  {
    name: 'a digest in capitals',
    text: `${ROOT}/f 70 100644 1 0 0 0 0.0 ${AB_PATH} - ${AB.toUpperCase()}\n`,
    ...ALL,
  },
  {
    name: 'a payload of another digest',
    text: `${ROOT}/f 70 100644 1 0 0 0 0.0 cd/${'ab'.repeat(31)} - ${AB}\n`,
    ...DIFFERENT,
    message: 'PAYLOAD',
  },
  {
    name: 'a payload of any shape beside a digest',
    text: `${ROOT}/f 70 100644 1 0 0 0 0.0 x.file - ${AB}\n`,
    ...DIFFERENT,
    message: 'PAYLOAD',
  },
  {
    name: 'a payload of an object without digest',
    text: `${ROOT}/f 70 100644 1 0 0 0 0.0 ${AB_PATH} - -\n`,
    ...ALL,
  },
  {
    name: 'a payload of any shape',
    text: `${ROOT}/f 70 100644 1 0 0 0 0.0 xx/yyyy.file - -\n`,
    ...C_ONLY,
    message: 'PAYLOAD',
  },
  {
    name: 'an empty file with a payload',
    text: `${ROOT}/f 0 100644 1 0 0 0 0.0 ${AB_PATH} - ${AB}\n`,
    ...DIFFERENT,
    message: 'PAYLOAD',
  },
  { name: 'neither payload nor content', text: `${ROOT}/f 70 100644 1 0 0 0 0.0 - - -\n`, ...ALL },
  {
    name: 'an empty payload, which C writes as a redirect to "/"',
    text: `${ROOT}/f 70 100644 1 0 0 0 0.0  - -\n`,
    ...NONE,
    c: true,
    cStrict: true,
    message: 'PAYLOAD',
  },
  {
    name: 'an RDEV of a directory',
    text: `${ROOT}/d 0 40755 2 0 0 5 0.0 - - -\n`,
    ...C_LENIENT,
    message: 'RDEV',
  },
];

const ATTRIBUTES: readonly ParserRow[] = [
  {
    name: 'an attribute twice',
    text: `${ROOT}/f 0 100644 1 0 0 0 0.0 - - - user.a=2 user.a=1\n`,
    ...DIFFERENT,
    message: 'twice',
  },
  {
    name: 'an attribute without name',
    text: `${ROOT}/f 0 100644 1 0 0 0 0.0 - - - =v\n`,
    ...RS_ONLY,
    message: 'no name',
  },
  { name: 'an attribute without value', text: `${ROOT}/f 0 100644 1 0 0 0 0.0 - - - user.a=\n`, ...ALL },
  {
    name: 'an attribute without "="',
    text: `${ROOT}/f 0 100644 1 0 0 0 0.0 - - - user.a\n`,
    ...NONE,
    message: '"="',
  },
  { name: '"=" in a value', text: `${ROOT}/f 0 100644 1 0 0 0 0.0 - - - user.a=b=c\n`, ...ALL },
  {
    name: 'an attribute name of 255 bytes',
    text: `${ROOT}/f 0 100644 1 0 0 0 0.0 - - - user.${x(250)}=v\n`,
    ...ALL,
  },
  {
    name: 'an attribute name of 256 bytes',
    text: `${ROOT}/f 0 100644 1 0 0 0 0.0 - - - user.${x(251)}=v\n`,
    ...NONE,
    message: '255',
  },
  {
    name: 'a value of 32742 bytes',
    text: `${ROOT}/f 0 100644 1 0 0 0 0.0 - - - user.a=${x(32742)}\n`,
    ...ALL,
  },
  {
    name: 'a value of 32743 bytes',
    text: `${ROOT}/f 0 100644 1 0 0 0 0.0 - - - user.a=${x(32743)}\n`,
    ...RS_ONLY,
    message: '32767',
  },
  {
    name: 'an invalid escape',
    text: `${ROOT}/f 0 100644 1 0 0 0 0.0 - - - user.a=\\q\n`,
    ...NONE,
    message: 'escape',
  },
  { name: 'half an escape', text: `${ROOT}/f\\x4 0 100644 1 0 0 0 0.0 - - -\n`, ...NONE, message: 'escape' },
  {
    name: 'a backslash at the end of a field',
    text: `${ROOT}/f\\ 0 100644 1 0 0 0 0.0 - - -\n`,
    ...NONE,
    message: 'escape',
  },
];

const FILE = '/f 0 100644 1 0 0 0 0.0 - - -\n';
const LINKS: readonly ParserRow[] = [
  { name: 'a hard link', text: `${ROOT}${FILE}/g 0 @120000 - - - - 0.0 /f - -\n`, ...ALL },
  { name: 'a hard link with all fields', text: `${ROOT}${FILE}/g 0 @100644 2 0 0 0 0.0 /f - -\n`, ...ALL },
  {
    name: 'a link to a link',
    text: `${ROOT}${FILE}/g 0 @120000 - - - - 0.0 /f - -\n/h 0 @120000 - - - - 0.0 /g - -\n`,
    ...ALL,
  },
  {
    name: 'a link before its target',
    text: `${ROOT}/e 0 @120000 - - - - 0.0 /f - -\n${FILE}`,
    ...C_ONLY,
    message: 'earlier',
  },
  {
    name: 'a link to a relative path',
    text: `${ROOT}${FILE}/g 0 @120000 - - - - 0.0 f - -\n`,
    ...C_ONLY,
    message: 'absolute',
  },
  { name: 'a link to itself', text: `${ROOT}/f 0 @100644 1 0 0 0 0.0 /f - -\n`, ...NONE, message: 'circle' },
  {
    name: 'links in a circle',
    text: `${ROOT}/f 0 @100644 1 0 0 0 0.0 /g - -\n/g 0 @100644 1 0 0 0 0.0 /f - -\n`,
    ...NONE,
    message: 'circle',
  },
  {
    name: 'a link to nothing',
    text: `${ROOT}/f 0 @100644 1 0 0 0 0.0 /g - -\n`,
    ...NONE,
    message: 'no file',
  },
  {
    name: 'a link without target',
    text: `${ROOT}/f 0 @100644 1 0 0 0 0.0 - - -\n`,
    ...NONE,
    message: 'target',
  },
  {
    name: 'a link with the mode of a directory',
    text: `${ROOT}/e 0 @40755 1 0 0 0 0.0 / - -\n`,
    ...NONE,
    message: 'directory',
  },
  {
    name: 'a link to a directory',
    text: `${ROOT}/d 0 40755 2 0 0 0 0.0 - - -\n/e 0 @100644 1 0 0 0 0.0 /d - -\n`,
    ...NONE,
    c: true,
    cStrict: true,
    message: 'directory',
  },
  {
    name: 'a whiteout of several names',
    text: `${ROOT}/w 0 20644 2 0 0 0 0.0 - - -\n`,
    ...C_ONLY,
    message: 'NLINK',
  },
  { name: 'a wrong NLINK', text: `${ROOT}/f 0 100644 9 0 0 0 0.0 - - -\n`, ...ALL },
];

/** All rows. */
export const PARSER_TABLE: readonly ParserRow[] = [
  ...LINES,
  ...PATHS,
  ...NUMBERS,
  ...CONTENTS,
  ...ATTRIBUTES,
  ...LINKS,
];
