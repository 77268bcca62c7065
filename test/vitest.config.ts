import { defineConfig } from 'vitest/config';

const ci = process.env['CI'] === 'true';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    exclude: ['test/bench/**'],
    testTimeout: ci ? 600_000 : 120_000,
    hookTimeout: ci ? 600_000 : 300_000,
    // What one test has read shall not answer another: those that test the layer cache name one.
    env: { PLANISH_CACHE: '' },
    // Two processes: the machines this runs on have two cores, and the interop tests start programs of their own.
    maxWorkers: 2,
  },
});
