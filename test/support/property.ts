/**
 * fast-check for every test. All of a run follows from one seed, which is the same each time, so that what fails is what
 * was changed; `PLANISH_SEED` is another one, or `random`. A failure prints its seed and path.
 */
import fc from 'fast-check';

const chosen = process.env['PLANISH_SEED'] ?? '';
if (chosen !== 'random') fc.configureGlobal({ seed: chosen === '' ? 20_201 : Number(chosen) });

/** A place in something, as a fraction of its length below 1. As likely anywhere; of doubles nearly all lie next to 0. */
const place: fc.Arbitrary<number> = fc.nat(99_999).map((part) => part / 100_000);

export { fc, place };
