/**
 * Exponentials built from `+ - * /` alone. IEEE 754 fixes the result of those to the last bit, but leaves `Math.exp`
 * and `**` to the engine; a plan must come out the same on every machine.
 */

/** Natural logarithm of 2: a constant of the language, the same everywhere. */
export const LN2: number = Math.LN2;

/** Beyond this, exp(-x) is less than the smallest double and counts as 0. */
const UNDERFLOW = 745;
const STEPS = 64;
const WHOLE = powers(taylor(1 / 2) * taylor(1 / 2), UNDERFLOW + 1);
const FRACTION = Float64Array.from({ length: STEPS }, (_, step) => taylor(step / STEPS));

/** exp(-x) for 0 <= x <= 1 by its power series, summed from the smallest term. */
function taylor(x: number): number {
  let sum = 1;
  for (let term = 22; term > 0; term--) sum = 1 - (x / term) * sum;
  return sum;
}

function powers(base: number, count: number): Float64Array {
  const table = new Float64Array(count);
  table[0] = 1;
  for (let index = 1; index < count; index++) table[index] = (table[index - 1] as number) * base;
  return table;
}

/**
 * exp(-x), accurate to about 1e-13 relative, equal to the bit on every platform; 1 for x <= 0 and for NaN.
 * Changing this changes plans, and so layer digests.
 */
export function expNegative(x: number): number {
  if (!(x > 0)) return 1;
  if (x >= UNDERFLOW) return 0;
  const whole = Math.floor(x);
  const step = Math.floor((x - whole) * STEPS);
  const r = x - whole - step / STEPS;
  // The remainder is below 1/64: seven terms reach the precision of a double.
  const tail =
    1 - r * (1 - (r / 2) * (1 - (r / 3) * (1 - (r / 4) * (1 - (r / 5) * (1 - (r / 6) * (1 - r / 7))))));
  return (WHOLE[whole] as number) * (FRACTION[step] as number) * tail;
}
