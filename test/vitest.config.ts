import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    exclude: ['test/bench/**'],
    // Only against what never ends. No test is about the time that something takes on a machine that does other things too.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    // What one test has read shall not answer another: those that test the layer cache name one.
    env: { PLANISH_CACHE: '' },
    // Two processes: the machines this runs on have two cores, and the interop tests start programs of their own.
    maxWorkers: 2,
  },
});
