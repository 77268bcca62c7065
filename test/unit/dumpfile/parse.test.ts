import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import {
  DumpfileParser,
  type ParseDumpOptions,
  type ParsedDump,
  parseDumpfile,
} from '../../../src/dumpfile/parse.ts';
import { isPlanishError, type PlanishError } from '../../../src/errors.ts';
import { LIMITS } from '../../../src/limits.ts';
import type { Leaf, Node } from '../../../src/tree/tree.ts';
import { cpuSeconds } from '../../support/cpu-time.ts';
import { PARSER_TABLE } from './parser-table.ts';

const ROOT = '/ 0 40755 2 0 0 0 0.0 - - -\n';
const AB = 'ab'.repeat(32);
const CD = 'cd'.repeat(64);

function parse(text: string | Uint8Array, options?: ParseDumpOptions): ParsedDump {
  return parseDumpfile(typeof text === 'string' ? Buffer.from(text, 'latin1') : text, options);
}

function refusal(text: string | Uint8Array, options?: ParseDumpOptions): PlanishError {
  try {
    parse(text, options);
  } catch (error) {
    if (isPlanishError(error)) return error;
    throw error;
  }
  throw new Error('was accepted');
}

/** The node of a single line after the root. */
function nodeOf(line: string, options?: ParseDumpOptions): Node {
  const children = [...parse(`${ROOT}${line}\n`, options).root.children.values()];
  expect(children.length).toBe(1);
  return children[0] as Node;
}

describe('the table of parser differences', () => {
  test.for(PARSER_TABLE)('$name', ({ text, lenient, strict, message }) => {
    for (const [options, accepted] of [
      [{}, lenient],
      [{ strict: true }, strict],
    ] as const) {
      if (accepted) expect(parse(text, options).root.type).toBe('directory');
      else expect(refusal(text, options).code).toBe('DUMP_BAD_LINE');
    }
    if (lenient && strict) return;
    expect(refusal(text, { strict: lenient }).message).toContain(message ?? 'no message given');
  });
});

describe('nodes', () => {
  test('a directory', () => {
    const node = nodeOf('/d 4096 42755 7 1 2 0 3.4 - - - user.a=b');
    const xattrs = new Map([['user.a', Buffer.from('b')]]);
    const metadata = { mode: 0o2755, uid: 1, gid: 2, mtime: { sec: 3, nsec: 4 }, xattrs };
    expect(node).toEqual({ type: 'directory', metadata, children: new Map() });
  });

  test('content in the image, escaped', () => {
    const node = nodeOf('/f 6 100600 1 0 0 0 0.0 - a\\x00\\n\\x20\\\\= -');
    expect(node).toMatchObject({
      type: 'regular',
      content: { kind: 'inline', bytes: Buffer.from('a\0\n \\=') },
    });
  });

  test('content outside', () => {
    const content = { kind: 'external', size: 70, verity: AB, payload: undefined, location: undefined };
    expect(nodeOf(`/f 70 100600 1 0 0 0 0.0 ab/${AB.slice(2)} - ${AB}`)).toMatchObject({ content });
    const sha512 = { ...content, verity: CD };
    expect(nodeOf(`/f 70 100600 1 0 0 0 0.0 cd/${CD.slice(2)} - ${CD}`)).toMatchObject({ content: sha512 });
  });

  test('a payload beside the digest, a digest without one, neither', () => {
    const content = { kind: 'external', size: 70, verity: AB, payload: 'x', location: undefined };
    expect(nodeOf(`/f 70 100600 1 0 0 0 0.0 x - ${AB}`)).toMatchObject({ content });
    expect(nodeOf(`/f 70 100600 1 0 0 0 0.0 - - ${AB}`)).toMatchObject({
      content: { ...content, payload: '' },
    });
    const sparse = { ...content, verity: undefined, payload: undefined };
    expect(nodeOf('/f 70 100600 1 0 0 0 0.0 - - -')).toMatchObject({ content: sparse });
  });

  test('a symlink, devices, a fifo, a socket', () => {
    expect(nodeOf('/l 0 120777 1 0 0 0 0.0 a\\x20b - -')).toMatchObject({ type: 'symlink', target: 'a b' });
    expect(nodeOf('/c 0 20600 1 0 0 4294967295 0.0 - - -')).toMatchObject({
      type: 'character',
      major: 0xfff,
      minor: 0xfffff,
    });
    expect(nodeOf('/b 0 60600 1 0 0 66304 0.0 - - -')).toMatchObject({ type: 'block', major: 259, minor: 0 });
    expect(nodeOf('/p 0 10600 1 0 0 0 0.0 - - -').type).toBe('fifo');
    expect(nodeOf('/s 0 140600 1 0 0 0 0.0 - - -').type).toBe('socket');
  });

  test('what C reads of odd numbers', () => {
    const { metadata } = nodeOf('/f 0 777777100644 1 -1 4294967301 0 -5.4294967297 - - -');
    expect([metadata.mode, metadata.uid, metadata.gid]).toEqual([0o644, 2 ** 32 - 1, 5]);
    expect(metadata.mtime).toEqual({ sec: -5, nsec: 1 });
    expect(nodeOf('/f 0 100644 1 7 x 0 0.0 - - -').metadata.gid).toBe(0);
    expect(nodeOf('/f 0 100644 1 99999999999999999999 0 0 0.0 - - -').metadata.uid).toBe(2 ** 32 - 1);
  });

  test('the last value of an attribute given twice', () => {
    const { xattrs } = nodeOf('/f 0 100644 1 0 0 0 0.0 - - - a=2 b= a=1 ').metadata;
    expect([...xattrs]).toEqual([
      ['a', Buffer.from('1')],
      ['b', Buffer.from('')],
    ]);
  });

  test('equal attributes are one map', () => {
    const line = (name: string): string => `/${name} 0 100644 1 0 0 0 0.0 - - - security.selinux=x\\x00\n`;
    const { root } = parse(ROOT + line('a') + line('b'));
    const [a, b] = [...root.children.values()];
    expect(a?.metadata.xattrs).toBe(b?.metadata.xattrs);
  });
});

describe('hard links', () => {
  const child = (dump: ParsedDump, name: string): Leaf => dump.root.children.get(byteString(name)) as Leaf;
  const text = `${ROOT}/a 0 @100644 1 0 0 0 0.0 /z - -\n/b 0 @100644 1 0 0 0 0.0 //a/ - -\n/z 0 100644 3 0 0 0 0.0 - - -\n`;

  test('are one leaf, through links and before the target', () => {
    const dump = parse(text);
    expect(child(dump, 'a')).toBe(child(dump, 'z'));
    expect(child(dump, 'b')).toBe(child(dump, 'z'));
    expect(dump.facts.primaryName.get(child(dump, 'z'))).toEqual({ parent: dump.root, name: 'z' });
    expect([dump.facts.nlink.size, dump.lines]).toEqual([0, 4]);
  });

  test('a link count that the tree does not have is kept', () => {
    const dump = parse(text.replace('100644 3', '100644 1'));
    expect(dump.facts.nlink.get(child(dump, 'z'))).toBe(1);
    const single = parse(`${ROOT}/f 0 100644 9 0 0 0 0.0 - - -\n`);
    expect(single.facts.nlink.get(child(single, 'f'))).toBe(9);
  });

  test('strict mode keeps no facts', () => {
    const { facts } = parse(`${ROOT}/f 0 100644 9 0 0 0 0.0 - - -\n/g 0 @120000 - - - - 0.0 /f - -\n`, {
      strict: true,
    });
    expect([facts.nlink.size, facts.primaryName.size, facts.size.size]).toEqual([0, 0, 0]);
  });

  test('the size of a fifo is kept', () => {
    const dump = parse(`${ROOT}/p 5000000000 10644 1 0 0 0 0.0 - - -\n`);
    expect(dump.facts.size.get(child(dump, 'p'))).toBe(5e9);
  });

  test('a long circle is refused', () => {
    const lines = Array.from(
      { length: 5000 },
      (_, at) => `/l${at} 0 @100644 1 0 0 0 0.0 /l${(at + 1) % 5000} - -\n`,
    );
    expect(refusal(ROOT + lines.join('')).message).toContain('circle');
  });

  test('a long chain is followed', () => {
    const lines = Array.from(
      { length: 20_000 },
      (_, at) => `/l${at} 0 @100644 1 0 0 0 0.0 /l${at + 1} - -\n`,
    );
    const dump = parse(`${ROOT}${lines.join('')}/l20000 0 100644 20001 0 0 0 0.0 - - -\n`);
    expect(new Set(dump.root.children.values()).size).toBe(1);
    expect(dump.facts.nlink.size).toBe(0);
  });
});

describe('errors', () => {
  test('name the field, the line and the offset', () => {
    const error = refusal(`${ROOT}/f 0 100644 1 0 0 0 x.0 - - -\n`);
    expect(error.message).toBe('the MTIME field has no number of seconds');
    expect(error.detail).toEqual({ line: 2, offset: ROOT.length + 20, path: '/f' });
  });

  test('of a hard link name its line', () => {
    const { detail } = refusal(`${ROOT}/f 0 @100644 1 0 0 0 0.0 /g - -\n/h 0 100644 1 0 0 0 0.0 - - -\n`);
    expect(detail).toEqual({ line: 2, offset: ROOT.length, path: '/g' });
  });

  test('digests of two algorithms', () => {
    const line = (name: string, digest: string): string =>
      `/${name} 70 100644 1 0 0 0 0.0 ${digest.slice(0, 2)}/${digest.slice(2)} - ${digest}\n`;
    expect(parse(ROOT + line('a', CD)).algorithm).toBe('sha512');
    expect(parse(ROOT).algorithm).toBeUndefined();
    expect(refusal(ROOT + line('a', AB) + line('b', CD)).message).toContain(
      'sha512, but an earlier one is sha256',
    );
  });

  test('a line beyond the limit, whole or in pieces', () => {
    const line = Buffer.alloc(LIMITS.dumpLineBytes + 1, 'x');
    expect(refusal(Buffer.concat([line, Buffer.from('\n')])).code).toBe('LIMIT_EXCEEDED');
    const parser = new DumpfileParser();
    parser.push(line.subarray(0, LIMITS.dumpLineBytes));
    expect(() => parser.push(line.subarray(0, 1))).toThrow('dumpLineBytes');
  });

  test('directories beyond the limit of depth', () => {
    let path = '';
    let text = ROOT;
    for (let depth = 1; depth <= LIMITS.pathDepth + 1; depth++) {
      path += '/d';
      text += `${path} 0 40755 2 0 0 0 0.0 - - -\n`;
    }
    expect(refusal(text).detail).toMatchObject({ limit: 'pathDepth', line: LIMITS.pathDepth + 2 });
  });

  test('numbers of a million digits cost nothing', () => {
    const digits = '9'.repeat(LIMITS.dumpLineBytes - 100);
    const parse = (): void =>
      expect(nodeOf(`/f 0 100644 1 ${digits} 0 0 0.0 - - -`).metadata.uid).toBe(2 ** 32 - 1);
    expect(cpuSeconds(parse)).toBeLessThan(10);
  });
});

describe('pushing', () => {
  test('chunks of any size, reused', () => {
    const text = `${ROOT}/f 5 100644 1 0 0 0 0.0 - h\\x20llo - user.a=b\n/l 1 120777 1 0 0 0 0.0 t - -`;
    const whole = parse(text);
    const bytes = Buffer.from(text, 'latin1');
    for (const size of [1, 2, 3, 7, 28, 64]) {
      const parser = new DumpfileParser();
      const buffer = Buffer.alloc(size);
      for (let at = 0; at < bytes.length; at += size) {
        const length = bytes.copy(buffer, 0, at, at + size);
        parser.push(buffer.subarray(0, length));
      }
      buffer.fill(0);
      expect(parser.finish()).toEqual(whole);
    }
  });

  test('offsets count from the start of the input', () => {
    const parser = new DumpfileParser();
    parser.push(Buffer.from(ROOT.slice(0, 10)));
    parser.push(Buffer.from(ROOT.slice(10)));
    const bad = (): void => parser.push(Buffer.from('/f x\n'));
    expect(bad).toThrow(
      expect.objectContaining({ detail: { line: 2, offset: ROOT.length + 4, path: '/f' } }),
    );
  });
});
