/** Whatever a registry or a file of credentials says, it is read, or refused by an error of planish. */
import { describe, test } from 'vitest';
import { isPlanishError } from '../../src/errors.ts';
import { parseDestination, parseSource } from '../../src/oci/reference.ts';
import { findCredentials, parseAuthFile } from '../../src/registry/auth-file.ts';
import { parseChallenges } from '../../src/registry/challenge.ts';
import { nextLink } from '../../src/registry/link.ts';
import { waitBefore } from '../../src/registry/retry.ts';
import { fc } from '../support/property.ts';

function refuses(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch (error) {
    return isPlanishError(error);
  }
}

const words = fc.array(
  fc.constantFrom(
    'Bearer ',
    'Basic',
    'realm=',
    '"',
    '\\',
    ',',
    ' ',
    '=',
    ';',
    '<',
    '>',
    'rel=',
    'next',
    'x',
    '\t',
    'é',
  ),
);

describe('headers', () => {
  test('of any words', () => {
    fc.assert(
      fc.property(words, (parts) => {
        const header = parts.join('');
        const challenges = parseChallenges(header);
        const link = nextLink(header);
        return (
          challenges.every(({ scheme }) => scheme !== '') && (link === undefined || header.includes(link))
        );
      }),
    );
  });

  test('of challenges come back', () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/);
    const value = fc.string({ maxLength: 12 });
    const challenge = fc.tuple(
      name,
      fc.dictionary(name, value, { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
    );
    fc.assert(
      fc.property(fc.array(challenge, { maxLength: 3 }), (challenges) => {
        const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`;
        const parameters = (one: object): string =>
          Object.entries(one)
            .map(([key, text]) => `${key}=${quoted(text)}`)
            .join(', ');
        const header = challenges.map(([scheme, one]) => `${scheme} ${parameters(one)}`).join(', ');
        const parsed = parseChallenges(header).map((one) => [one.scheme, Object.fromEntries(one.parameters)]);
        return JSON.stringify(parsed) === JSON.stringify(challenges);
      }),
    );
  });

  test('that ask for a wait', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 50 }), (text, failures) => {
        const wait = waitBefore(failures, text, 0);
        return wait >= 0 && wait <= 60_000;
      }),
    );
  });
});

describe('files of credentials', () => {
  test('of any JSON', () => {
    const entry = fc.record({ auth: fc.base64String(), username: fc.string() }, { requiredKeys: [] });
    const key = fc.oneof(fc.constantFrom('r.test', 'r.test/a', 'https://r.test/v1/'), fc.string());
    const document = fc.record(
      {
        auths: fc.dictionary(key, fc.oneof(entry, fc.jsonValue())),
        credHelpers: fc.jsonValue(),
        credsStore: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(document, fc.jsonValue()), (value) =>
        refuses(() =>
          findCredentials(parseAuthFile(Buffer.from(JSON.stringify(value)), 'f'), 'r.test', 'a/b'),
        ),
      ),
    );
  });
});

test('references of any words', () => {
  const parts = fc.array(
    fc.constantFrom('a', 'A', '.', ':', '/', '@', '5000', 'sha256:', '-', '[', '::1]', '\0', ' '),
  );
  fc.assert(
    fc.property(parts, (some) => {
      const text = `docker://${some.join('')}`;
      return refuses(() => parseSource(text)) && refuses(() => parseDestination(text));
    }),
  );
});
