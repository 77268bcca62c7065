/** What builds see change, from image to image, of files that tell of no change but the newest. */
import { expect, test } from 'vitest';
import { parsePlanText } from '../../../src/chunk/plan-annotation.ts';
import { estimateRate } from '../../../src/chunk/rates.ts';
import { inspect } from '../../../src/ops/look/inspect.ts';
import { buildPlain, type Files, plainTar } from '../../support/plain-images.ts';

const FILES: Files = { 'opt/a/data': '1', 'opt/b/data': 'b'.repeat(200) };

/** Days and rates of the components of an image, as it says itself. */
async function remembered(reference: string) {
  const { layers } = await inspect(reference);
  const texts = layers.map(({ annotations }) => parsePlanText(annotations['org.planish.components'] ?? ''));
  const members = texts.flatMap((text) => text?.members ?? []);
  const today = texts[0]?.today ?? 0;
  return { today, of: (key: string) => members.find((member) => member.key === key) };
}

test('a file that changed between two images is expected to change more often', async () => {
  const next = plainTar({ ...FILES, 'opt/a/data': '2' }, { 'opt/a/data': 1_700_000_000 + 30 * 86_400 });
  const first = await buildPlain(plainTar(FILES));
  const second = await buildPlain(next, { previous: first.reference });
  const again = await buildPlain(next, { previous: second.reference });
  const alone = await buildPlain(next);
  const { today, of } = await remembered(second.reference);
  expect(today).toBe(19_675 + 30);
  const rate = (...changeDays: number[]) => ({ changeDays, rate: estimateRate(changeDays, today) });
  expect((await remembered(first.reference)).of('rest/opt/a')?.changeDays).toEqual([19_675]);
  expect(of('rest/opt/a')).toMatchObject(rate(19_705, 19_675));
  expect(of('rest/opt/b')).toMatchObject(rate(19_675));
  expect((await remembered(alone.reference)).of('rest/opt/a')).toMatchObject(rate(19_705));
  expect(again.manifest).toEqual(second.manifest);
  expect(again.update).toMatchObject({ layers: 0, size: 0 });
});
