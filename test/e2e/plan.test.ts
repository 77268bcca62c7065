/** `plan` on the command line: above a base, and of several sources, in the words that people read. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { planish, planishJson, temporaryDirectory } from '../support/cli.ts';
import { makeLayout } from '../support/layout-maker.ts';
import { plainTar } from '../support/plain-images.ts';

const BASE = { 'etc/conf': 'conf', 'etc/old': 'old', 'usr/lib/big': 'u'.repeat(5000) };
const NEXT = { 'etc/conf': 'conf', 'usr/lib/big': BASE['usr/lib/big'], 'srv/page': 'p'.repeat(700) };

async function image(files: Readonly<Record<string, string>>, name = 'image'): Promise<string> {
  const layers = [{ tar: plainTar(files), compression: 'zstd' as const }];
  return (await makeLayout(join(temporaryDirectory(), name), layers)).reference;
}

/** The columns LAYER and COMPONENTS, and what stands below the table. */
function shown(args: readonly string[]): { layers: string[]; totals: string; before: string[] } {
  const { status, stdout, stderr } = planish(['plan', ...args]);
  expect([status, stderr]).toEqual([0, '']);
  const lines = stdout.toString().trimEnd().split('\n');
  const head = lines.findIndex((line) => line.startsWith('LAYER'));
  const column = (lines[head] ?? '').indexOf('COMPONENTS');
  const rows = lines.slice(head + 1, -2).map((line) => `${line.slice(0, 5).trim()} ${line.slice(column)}`);
  return { layers: rows, totals: lines.at(-1) ?? '', before: lines.slice(0, head) };
}

test('layers of a base stand first, and what is gone is hidden last', async () => {
  const [base, next] = [await image(BASE), await image(NEXT)];
  const { layers, totals } = shown([next, '--base', base]);
  expect(layers).toEqual(['0 (of the base image)', '1 rest/srv', '2 (directories, 1 whiteouts)']);
  expect(totals).toMatch(/^1 components, about .*, in 2 layers above 1 of the base image; expected weekly/);
  const built = `oci:${join(temporaryDirectory(), 'built')}:x`;
  const { layers: made } = planishJson(['build', next, '--base', base, '-o', built]);
  const { layers: planned } = planishJson(['plan', next, '--base', base]);
  expect(planned.map(({ entries }: { entries: number }) => entries)).toEqual(
    made.map(({ entries }: { entries: number }) => entries),
  );
  expect(planned[0]).toMatchObject({ base: true, kept: true, digest: made[0].digest });
  const again = shown([next, '--base', base, '--previous', built]);
  expect(again.layers).toEqual(layers);
  expect(again.totals).toContain('1 of them as the previous image has them;');
});

test('several sources are planned as merge lays them over each other', async () => {
  const [base, next] = [await image(BASE), await image({ ...NEXT, 'etc/conf': 'other' })];
  const sources = [base, next, await image({ 'opt/tool': 't'.repeat(900) }, 'tool')];
  const { layers, before } = shown([...sources, '--base', base]);
  expect(layers).toEqual(['0 (of the base image)', '1 artifact/image', '2 artifact/tool']);
  expect(before).toContain(`conflict   file /etc/conf (${next})`);
  const { conflicts } = planishJson(['plan', ...sources]);
  expect(conflicts).toContainEqual({ subject: '/etc/conf', kind: 'file', source: next });
});

test('a base that leaves no layer is asked wrongly', async () => {
  const base = await image(BASE);
  const { status, stderr } = planish(['plan', await image(NEXT), '--base', base, '--max-layers', '1']);
  expect(status).toBe(2);
  expect(stderr).toContain('BAD_OPTION: no layer is left above those that stay as they are');
});
