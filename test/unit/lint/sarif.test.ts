import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { finding, RULE_IDS } from '../../../src/lint/rules.ts';
import type { LintResult } from '../../../src/ops/lint/lint.ts';
import { encodeSarif, formatSarif } from '../../../src/ops/lint/sarif.ts';

const result: LintResult = {
  reference: 'oci:my image:latest',
  profile: 'bootc',
  bootable: true,
  findings: [
    finding('several-frames', 'layer 2 is 3 zstd frames, of which hosts read the first', {
      layer: 2,
      count: 3,
    }),
    finding('fractional-time', 'usr/a has a time with a fraction of a second', {
      layer: 0,
      path: 'usr/a',
      offset: 512,
    }),
    finding('label-ostree', 'the config has no label ostree.bootable'),
  ],
  summary: { error: 1, warning: 1, note: 1 },
};

// biome-ignore lint/suspicious/noExplicitAny: a document of another standard.
const log = formatSarif(result, { version: '1.2.3' }) as any;
const [run] = log.runs;

describe('a SARIF log', () => {
  test('names the tool and every rule', () => {
    expect(log.version).toBe('2.1.0');
    expect(run.tool.driver).toMatchObject({ name: 'planish', version: '1.2.3' });
    expect(run.tool.driver.rules.map(({ id }: { id: string }) => id)).toEqual(RULE_IDS);
    expect(run.tool.driver.rules[RULE_IDS.indexOf('several-frames')]).toEqual({
      id: 'several-frames',
      shortDescription: { text: 'A layer is compressed as several zstd frames.' },
      help: {
        text: 'Mend: compress each layer as one zstd frame (not zstd:chunked). planish build writes one frame per layer. See docs/lint.md#several-frames.',
        markdown:
          'Mend: compress each layer as one zstd frame (not zstd:chunked). planish build writes one frame per layer. See [docs/lint.md#several-frames](docs/lint.md#several-frames).',
      },
      defaultConfiguration: { level: 'error' },
      properties: { scope: 'any' },
    });
  });

  test('tells each finding with its place', () => {
    const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
    const artifactLocation = { uri: 'oci:my%20image:latest' };
    expect(run.results).toEqual([
      {
        ruleId: 'several-frames',
        ruleIndex: RULE_IDS.indexOf('several-frames'),
        level: 'error',
        message: {
          text: 'layer 2 is 3 zstd frames, of which hosts read the first. Mend: compress each layer as one zstd frame (not zstd:chunked).',
        },
        locations: [
          { physicalLocation: { artifactLocation }, logicalLocations: [{ name: 'layer 2', kind: 'module' }] },
        ],
        partialFingerprints: { 'planish/v1': sha256('["several-frames",2]') },
        properties: { layer: 2, count: 3 },
      },
      {
        ruleId: 'fractional-time',
        ruleIndex: RULE_IDS.indexOf('fractional-time'),
        level: 'warning',
        message: { text: 'usr/a has a time with a fraction of a second. Mend: write whole seconds.' },
        locations: [
          {
            physicalLocation: { artifactLocation },
            logicalLocations: [
              { name: 'layer 0', kind: 'module' },
              { name: 'usr/a', fullyQualifiedName: 'layer 0: usr/a', kind: 'resource' },
            ],
          },
        ],
        partialFingerprints: { 'planish/v1': sha256('["fractional-time","usr/a"]') },
        properties: { layer: 0, path: 'usr/a', offset: 512, count: 1 },
      },
      {
        ruleId: 'label-ostree',
        ruleIndex: RULE_IDS.indexOf('label-ostree'),
        level: 'note',
        message: {
          text: 'the config has no label ostree.bootable. Mend: set it: build --label ostree.bootable=true.',
        },
        locations: [
          { physicalLocation: { artifactLocation }, logicalLocations: [{ name: 'image', kind: 'module' }] },
        ],
        partialFingerprints: { 'planish/v1': sha256('["label-ostree",null]') },
        properties: { count: 1 },
      },
    ]);
  });

  test('shows findings at a file of the source tree when asked', () => {
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    const other = formatSarif(result, { version: '1', artifact: 'os/Containerfile' }) as any;
    expect(other.runs[0].results[0].locations[0].physicalLocation).toEqual({
      artifactLocation: { uri: 'os/Containerfile' },
      region: { startLine: 1 },
    });
  });

  test('is the same bytes for the same findings', () => {
    const bytes = Buffer.from(encodeSarif(result, { version: '1' }));
    expect(bytes.equals(encodeSarif(structuredClone(result), { version: '1' }))).toBe(true);
    expect(JSON.parse(bytes.toString())).toEqual(formatSarif(result, { version: '1' }));
  });
});
