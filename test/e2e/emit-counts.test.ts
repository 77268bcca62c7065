/** What `emit` says it has written and found, whatever the threads share out among them. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { DEMO, planish, planishJson } from '../support/cli.ts';
import { memoryDirectory } from '../support/memory-directory.ts';

const directory = memoryDirectory();
const built = `oci:${join(directory, 'built')}:t`;
const host = join(directory, 'host');

/** An emit without a cache, since that would know the layers. */
function emit(repository: string, jobs: number): Record<string, number> {
  const options = ['--insecure', '--no-cache', '--jobs', String(jobs)];
  return planishJson(['emit', built, '--repo', repository, ...options]).objects;
}

describe('counts of emit', () => {
  beforeAll(() => {
    // Its layers share objects, which one thread or several may meet first.
    planish(['build', `oci-archive:${DEMO}`, '-o', built, '--max-layers', '24']);
    planish(['emit', `oci-archive:${DEMO}`, '--repo', host, '--insecure']);
  });

  test('are those of one thread with several', () => {
    const alone = emit(join(directory, 'alone'), 1);
    expect(alone['added']).toBeGreaterThan(200);
    for (const jobs of [2, 8]) expect(emit(join(directory, `jobs-${jobs}`), jobs)).toEqual(alone);
  });

  test('are those of one thread where most is there', () => {
    const counts = [1, 2, 8].map((jobs) => {
      const repository = join(directory, `there-${jobs}`);
      cpSync(host, repository, { recursive: true, verbatimSymlinks: true });
      return emit(repository, jobs);
    });
    expect(counts[0]?.['present']).toBeGreaterThan(200);
    expect(counts).toEqual([counts[0], counts[0], counts[0]]);
  });
});
