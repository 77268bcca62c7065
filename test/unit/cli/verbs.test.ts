/** The table of verbs says of each what its code says, and what is not in use is not loaded. */
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../../src/cli/program.ts';
import { Runtime } from '../../../src/cli/runtime.ts';
import { VERBS } from '../../../src/cli/verbs.ts';

const NAMES = VERBS.map(({ name }) => name);

describe('the table of verbs', () => {
  test('gives the help that the whole program gives', async () => {
    const outline = await createProgram(new Runtime(), []);
    const whole = await createProgram(new Runtime(), NAMES);
    expect(outline.helpInformation()).toBe(whole.helpInformation());
  });

  test.each(NAMES)('%s is whole when it is named', async (name) => {
    const program = await createProgram(new Runtime(), ['--json', name]);
    const whole = program.commands.filter(({ options, commands }) => options.length + commands.length > 0);
    expect(whole.map((command) => command.name())).toEqual([name]);
  });
});
