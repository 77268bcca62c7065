/** What pages show is what is printed. `UPDATE_DOCS=1` writes it into the pages instead. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from '../support/cli.ts';
import { hasTool } from '../support/composefs-tools.ts';
import { startRegistry } from '../support/registry.ts';
import { asRoot } from '../support/root.ts';
import { comparable, openShell, rewritePage, stepsOf, withoutTimes } from '../support/transcript.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What pages call a registry on the same machine. */
const REGISTRY = 'localhost:5000';
/** Pages, with the programs that they need besides planish; of some only root sees what they show; some need a registry. */
const PAGES = [
  { name: 'README.md' },
  { name: 'docs/guides/verifying.md' },
  { name: 'docs/guides/emitting.md' },
  { name: 'docs/guides/updates-over-http.md', tools: ['curl', 'python3'] },
  { name: 'docs/guides/simulate.md', tools: ['jq'] },
  { name: 'docs/guides/mounting.md' },
  { name: 'docs/guides/sealing.md', tools: ['openssl'] },
  { name: 'docs/guides/lint-in-ci.md' },
  { name: 'docs/guides/registries.md', tools: ['docker-registry', 'skopeo'], registry: true },
  { name: 'docs/explain.md', tools: ['umoci'], root: true },
  { name: 'docs/guides/bootc-publisher.md', tools: ['umoci', 'cfsctl'], root: true },
];
const pages = PAGES.filter(
  ({ name, tools = [], root = false }) =>
    tools.every((tool) => hasTool(tool, name)) && (!root || asRoot(name)),
).map(({ name, registry = false }) => ({ name, registry, directory: temporaryDirectory() }));

test.each(pages)('$name shows what is printed', async ({ name, registry, directory }) => {
  const file = `${ROOT}/${name}`;
  const page = readFileSync(file, 'utf8');
  const served = registry ? await startRegistry() : undefined;
  onTestFinished(() => served?.stop());
  const { host } = served ?? { host: REGISTRY };
  const shell = openShell(directory);
  const run = (command: string): string =>
    shell(command.replaceAll(REGISTRY, host)).replaceAll(host, REGISTRY);
  if (process.env['UPDATE_DOCS'] === '1') return writeFileSync(file, rewritePage(page, run));
  const steps = stepsOf(page);
  expect(steps.length).toBeGreaterThan(0);
  for (const { command, shown } of steps) {
    expect(`$ ${command}\n${comparable(run(command), shown)}`).toBe(`$ ${command}\n${withoutTimes(shown)}`);
  }
});
