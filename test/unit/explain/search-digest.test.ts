import { describe, expect, test } from 'vitest';
import { type VerityDigest, verityDigest } from '../../../src/bytes/digest.ts';
import { DigestGoal } from '../../../src/explain/goals.ts';
import { hostsOf, hostViews, knownChanges } from '../../../src/explain/known-hosts.ts';
import { Remaker } from '../../../src/explain/remaker.ts';
import { type SearchResult, searchExplanation } from '../../../src/explain/search.ts';
import { profileSettings, type ViewForm } from '../../../src/explain/settings.ts';
import { alternatives, applyChoices, type Choice } from '../../../src/explain/variables.ts';
import { hostProfile } from '../../../src/host/profiles.ts';
import { layerSource, SPECIMEN } from './specimen.ts';

const remaker = new Remaker(layerSource(SPECIMEN), 'sha512');
const base = (form: ViewForm) => profileSettings(hostProfile('bootc'), form);
const name = ({ variable, value }: Choice): string => `${variable}=${value}`;

/** Values that make no difference by themselves: what they are about is not there. */
const MOOT: Readonly<Record<ViewForm, readonly string[]>> = {
  plain: ['bootTimes=nanoseconds', 'bootTimes=kept', 'labels=none'],
  bootable: [],
};

/** Values that come to the same here as one tried before them: no whiteout device, no label that could stay. */
const SAME: Readonly<Record<string, string>> = {
  'format=automatic': 'format=v0',
  'bootable labels=none': 'labels=untouched',
};

describe.each(['plain', 'bootable'] as const)('of a %s view', (form) => {
  const start = base(form);
  const find = (digest: VerityDigest): SearchResult =>
    searchExplanation(start, new DigestGoal(remaker, digest));
  const choices = alternatives(start);
  const isMoot = (choice: Choice): boolean => MOOT[form].includes(name(choice));
  const found = (choice: Choice): string =>
    SAME[name(choice)] ?? SAME[`${form} ${name(choice)}`] ?? name(choice);

  test.each(choices.map((choice) => [name(choice), choice] as const))('%s alone', (_, choice) => {
    const { explanations, complete } = find(remaker.digest(applyChoices(start, [choice])));
    const expected = isMoot(choice) ? [] : [found(choice)];
    expect(explanations.map(({ changes }) => changes.map(name))).toEqual([expected]);
    expect(explanations[0]?.remaining).toEqual([]);
    expect(complete).toBe(true);
  });

  /** Whether a set is these two values, each as it is or as what comes to the same. */
  const isPair = (set: readonly string[], a: Choice, b: Choice): boolean =>
    set.length === 2 && [a, b].every((choice) => set.includes(name(choice)) || set.includes(found(choice)));

  test('pairs of which both matter', () => {
    let pairs = 0;
    const singles = new Map(choices.map((one) => [remaker.digest(applyChoices(start, [one])), one]));
    for (const [index, a] of choices.entries()) {
      for (const b of choices.slice(index + 1)) {
        if (a.variable === b.variable || isMoot(a) || isMoot(b)) continue;
        const digest = remaker.digest(applyChoices(start, [a, b]));
        const { explanations } = find(digest);
        const sets = explanations.map(({ changes }) => changes.map(name).sort());
        const single = singles.get(digest);
        if (single !== undefined) expect(sets).toEqual([[found(single)]]);
        else expect(sets.some((set) => isPair(set, a, b))).toBe(true);
        if (single === undefined) pairs++;
        for (const { settings } of explanations) expect(remaker.digest(settings)).toBe(digest);
      }
    }
    expect(pairs).toBe({ plain: 205, bootable: 260 }[form]);
  });

  test('a digest of something else is not found, and all sets of two were tried', () => {
    const goal = new DigestGoal(remaker, verityDigest('00'.repeat(64)));
    const bounded = searchExplanation(start, goal, { maxChanges: 2 });
    expect(bounded).toMatchObject({ explanations: [], complete: true });
    const { trials } = bounded;
    expect(searchExplanation(start, goal, { maxChanges: 2, maxTrials: trials }).complete).toBe(true);
    expect(searchExplanation(start, goal, { maxChanges: 2, maxTrials: trials - 1 })).toMatchObject({
      trials: trials - 1,
      complete: false,
    });
  });
});

describe('hosts', () => {
  const start = base('plain');

  test.each(hostViews('sha512').map((view) => [view.profile, view.form, view] as const))(
    '%s, %s, is found however many changes away',
    (_, __, view) => {
      const goal = new DigestGoal(remaker, remaker.digest(view.settings));
      const { explanations } = searchExplanation(start, goal, {
        known: knownChanges(start, 'sha512'),
        maxChanges: 1,
      });
      expect(explanations).toHaveLength(1);
      const names = hostsOf(goal, 'sha512');
      expect(names.map(({ profile, form }) => `${profile} ${form}`)).toContain(
        `${view.profile} ${view.form}`,
      );
    },
  );
});
