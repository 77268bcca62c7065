import { describe, expect, test } from 'vitest';
import { parseKargs } from '../../../src/boot/kargs.ts';

describe('parseKargs', () => {
  test.each<[string, string[], string[] | undefined]>([
    ['kargs = ["a=b", \'c\']', ['a=b', 'c'], undefined],
    ['# note\n\nkargs=[\n  "a", # one\n  "b",\n]  # end\n', ['a', 'b'], undefined],
    ['match-architectures = ["x86_64", "aarch64"]\nkargs = []\n', [], ['x86_64', 'aarch64']],
    ['"kargs" = ["\\"q\\" \\u00e9 \\U0001F600 \\\\"]', ['"q" é 😀 \\'], undefined],
    ["kargs = ['C:\\path', '']\r\n", ['C:\\path', ''], undefined],
  ])('%j', (text, kargs, architectures) => {
    expect(parseKargs(text)).toEqual({ kargs, architectures });
  });

  test.each<[string, string, number]>([
    ['', 'the key kargs is missing', 1],
    ['match-architectures = ["x"]\n', 'the key kargs is missing', 2],
    ['kargs = ["a"]\nkargs = ["b"]\n', 'the key kargs occurs twice', 2],
    ['args = ["a"]', 'unknown key "args"', 1],
    ['[kargs]\n', 'tables have no place here', 1],
    ['kargs = "a"', 'expected "["', 1],
    ['kargs = ["a" "b"]', 'expected "]"', 1],
    ['kargs = [1]', 'expected a string', 1],
    ['kargs = ["a\n"]', 'expected a string', 1],
    ['kargs = ["""a"""]', 'expected a string', 1],
    ['kargs = ["\\q"]', '\\q is no escape', 1],
    ['kargs = ["\\uD800"]', '\\uD800 is no escape', 1],
    ['kargs = ["a"] x', 'expected the end of the line', 1],
    ['kargs', 'expected "="', 1],
    ['= 1', 'expected a key', 1],
  ])('%j', (text, fault, line) => {
    expect(parseKargs(text)).toEqual({ fault, line });
  });

  test('takes time linear in the text', () => {
    const text = `${'# \n'.repeat(100_000)}kargs = [${'"a",'.repeat(100_000)}]`;
    expect(parseKargs(text)).toMatchObject({ architectures: undefined });
    expect(parseKargs(`kargs = ["${'\\\\'.repeat(200_000)}`)).toEqual({
      fault: 'expected a string',
      line: 1,
    });
  });
});
