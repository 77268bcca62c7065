/**
 * `node test/bench/make-replay-table.mjs ROOT.tar OUT.json.gz [WEEKS]`: the table that the replay bench reads, out of a
 * root of make-server-root.sh with all pockets (SERVER_POCKETS=main,updates,security): components with their sizes today, and every day on which a changelog
 * inside says that they changed, and what for. Deterministic: the same root gives the same table.
 */
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { library } from './inputs.mjs';

const WEEKS = 52;

const [, , root, output, weeks = WEEKS] = process.argv;
if (output === undefined) throw new Error('usage: make-replay-table.mjs ROOT.tar OUT.json [WEEKS]');
const { Session } = await library('ops/session.js');
const { measureImage } = await library('ops/simulate/simulated-image.js');
const { isInitramfsInput } = await library('chunk/sources/kernel.js');
const { display } = await library('bytes/byte-string.js');

const options = { source: {}, sizes: 'compressed', componentMap: [], contents: new Map() };
const { image } = await Session.use({}, (session) => measureImage(session, `tar:${root}`, options));
const kernels = image.components.filter(({ key }) => key === 'kernel' || key.startsWith('dpkg/linux'));
const table = {
  origin: 'a Debian 12 server (test/support/make-server-root.sh), sizes by zstd -3, days from its changelogs',
  // The Saturday that ends the week of the newest change.
  lastDay: image.today + 6 - ((image.today + 4) % 7),
  weeks: Number(weeks),
  components: image.components.map((component) => {
    const { key, kind, size, tarSize, estimate, changeDays, history } = component;
    const inputs = inputsOf(component);
    // Days of what is made from others are those of the others; the time of the file is only when it was made.
    const days = inputs === undefined ? [...changeDays].sort((a, b) => a - b) : [];
    // A letter for each day: release, security, development.
    const kinds = inputs === undefined && history && days.map((day) => history.get(day)[0]).join('');
    const row = { key: display(key), kind, size, tarSize, estimate, changeDays: days };
    return { ...row, ...(kinds && { kinds }), ...(inputs && { inputs }) };
  }),
};
const lines = table.components.map((component) => JSON.stringify(component)).join(',\n');
const { components: _, ...head } = table;
const text = `${JSON.stringify(head).slice(0, -1)},"components":[\n${lines}\n]}\n`;
writeFileSync(output, gzipSync(text, { level: 9 }));

function inputsOf({ key, kind }) {
  if (kind === 'database') return ['*'];
  if (kind !== 'initramfs') return undefined;
  const inputs = image.components.filter((other) => isInitramfsInput(other.key));
  return [...inputs, ...kernels].map((other) => display(other.key)).filter((name) => name !== key);
}
