/**
 * The one table of what makes two views of one image differ: each row is a variable, a value of it, and the settings
 * that the value stands for. Rows are in the order in which they are tried, the most frequent causes first.
 *
 * `is` tells whether settings have the value; `set` makes them have it, and may touch more: who leaves out the
 * transform for containers filters no attributes either.
 */
import type { ViewSettings } from './settings.ts';

/** Variables and what they are. */
export const VARIABLES = {
  format: 'EROFS format',
  boot: 'boot transform',
  xattrs: 'extended attributes',
  times: 'times',
  container: 'container transform',
  labels: 'SELinux labels',
  bootTimes: 'times of /boot and /sysroot',
  whiteouts: 'order of whiteouts',
  hardLinks: 'hard links',
  root: "root's metadata",
  run: '/run',
  dialect: 'writer of the image',
  devices: 'device nodes',
} as const satisfies Readonly<Record<string, string>>;

/** Identifier of a variable. */
export type VariableId = keyof typeof VARIABLES;

/** One value of a variable. */
export interface Choice {
  readonly variable: VariableId;
  readonly value: string;
  /** What the value means, for a person. */
  readonly means: string;
  readonly is: Partial<ViewSettings>;
  readonly set: Partial<ViewSettings>;
  /** Applied before single settings, which may then refine it. */
  readonly compound: boolean;
  /** Whether some host does so; the others are options of tools, or what became of a tree on its way. */
  readonly ofHosts: boolean;
}

type Row = readonly [variable: VariableId, value: string, means: string, set: Partial<ViewSettings>];

/** Values that no host has. On both sides of a comparison they would hide what differs. */
const OF_TOOLS: ReadonlySet<string> = new Set([
  'xattrs none',
  'xattrs user-only',
  'times canonical',
  'times epoch',
  'bootTimes kept',
  'devices skipped',
]);

const COMPOUND: readonly (readonly [...Row, is: Partial<ViewSettings>])[] = [
  [
    'boot',
    'yes',
    '/boot and /sysroot emptied, tree relabelled',
    { boot: 'emptied', labels: 'host' },
    { boot: 'emptied' },
  ],
  [
    'boot',
    'no',
    '/boot and /sysroot as they are, no relabelling',
    { boot: 'kept', labels: 'untouched' },
    { boot: 'kept' },
  ],
  [
    'container',
    'no',
    'root and /run as they are, all attributes kept',
    { root: 'kept', run: 'kept', xattrs: 'all' },
    { root: 'kept', run: 'kept' },
  ],
  [
    'container',
    'yes',
    'root like /usr, /run emptied, attributes filtered',
    { root: 'usr', run: 'emptied', xattrs: 'allowlist-only' },
    { root: 'usr', run: 'emptied' },
  ],
];

const SIMPLE: readonly Row[] = [
  ['format', 'v1', 'version 1', { format: 1 }],
  ['format', 'v2', 'version 2', { format: 2 }],
  ['xattrs', 'all', 'all kept', { xattrs: 'all' }],
  ['xattrs', 'allowlist-only', 'security.capability only', { xattrs: 'allowlist-only' }],
  ['times', 'kept', 'as they are, with fractions of seconds', { times: 'kept' }],
  ['times', 'whole-seconds', 'fractions of seconds dropped', { times: 'whole-seconds' }],
  ['bootTimes', 'seconds', 'seconds from /usr, fraction their own', { bootTimes: 'seconds' }],
  ['bootTimes', 'nanoseconds', 'from /usr, with its fraction', { bootTimes: 'nanoseconds' }],
  ['bootTimes', 'kept', 'their own', { bootTimes: 'kept' }],
  ['labels', 'untouched', 'as the attribute filter left them', { labels: 'untouched' }],
  ['labels', 'none', 'none', { labels: 'none' }],
  ['labels', 'host', "by the tree's policy, as composefs-rs reads it", { labels: 'host' }],
  ['labels', 'host-last', 'by the policy, a file of several names by its last', { labels: 'host-last' }],
  ['labels', 'libselinux', "by the tree's policy, as libselinux reads it", { labels: 'libselinux' }],
  ['labels', 'libselinux-nul', 'as libselinux, each with a NUL at its end', { labels: 'libselinux-nul' }],
  ['whiteouts', 'oci', 'wherever in its layer one stands, it hides lower layers', { whiteouts: 'oci' }],
  ['whiteouts', 'host', 'each removes what is there at its moment', { whiteouts: 'host' }],
  ['hardLinks', 'kept', 'kept', { hardLinks: 'kept' }],
  ['hardLinks', 'separated', 'an inode for every name', { hardLinks: 'separated' }],
  ['xattrs', 'keep-user-xattrs', 'security.capability and user.*', { xattrs: 'keep-user-xattrs' }],
  ['root', 'kept', 'its own', { root: 'kept' }],
  ['root', 'usr', 'those of /usr', { root: 'usr' }],
  ['run', 'kept', 'as it is', { run: 'kept' }],
  ['run', 'emptied', 'emptied, with the time of /usr', { run: 'emptied' }],
  ['format', 'v0', 'version 0', { format: 0 }],
  ['format', 'automatic', 'version 1 if the tree has a whiteout, else 0', { format: 'automatic' }],
  ['dialect', 'rs', 'composefs-rs', { dialect: 'rs' }],
  ['dialect', 'c', 'mkcomposefs of the C project', { dialect: 'c' }],
  ['xattrs', 'none', 'none', { xattrs: 'none' }],
  ['xattrs', 'user-only', 'user.* only', { xattrs: 'user-only' }],
  ['times', 'canonical', 'whole seconds from 1970 on, sockets left out', { times: 'canonical' }],
  ['times', 'epoch', 'all 1970-01-01', { times: 'epoch' }],
  ['devices', 'kept', 'kept', { devices: 'kept' }],
  ['devices', 'skipped', 'left out', { devices: 'skipped' }],
];

/** All values of all variables, in the order of trial. */
export const CHOICES: readonly Choice[] = [
  ...COMPOUND.slice(0, 2).map(compound),
  ...SIMPLE.slice(0, 6).map(simple),
  ...COMPOUND.slice(2).map(compound),
  ...SIMPLE.slice(6).map(simple),
];

function simple([variable, value, means, set]: Row): Choice {
  return {
    variable,
    value,
    means,
    is: set,
    set,
    compound: false,
    ofHosts: !OF_TOOLS.has(`${variable} ${value}`),
  };
}

function compound([variable, value, means, set, is]: (typeof COMPOUND)[number]): Choice {
  return { variable, value, means, is, set, compound: true, ofHosts: true };
}

function agrees(settings: ViewSettings, part: Partial<ViewSettings>): boolean {
  return (Object.keys(part) as (keyof ViewSettings)[]).every((key) => settings[key] === part[key]);
}

/** The value that settings have of a variable; absent where they are between the values of a compound one. */
export function currentChoice(settings: ViewSettings, variable: VariableId): Choice | undefined {
  return CHOICES.find((choice) => choice.variable === variable && agrees(settings, choice.is));
}

/** What could be otherwise, in the order of trial. */
export function alternatives(settings: ViewSettings): Choice[] {
  return CHOICES.filter(({ is }) => !agrees(settings, is));
}

/** Settings with some values changed, the compound ones first. */
export function applyChoices(settings: ViewSettings, choices: readonly Choice[]): ViewSettings {
  const ordered = [...choices.filter((c) => c.compound), ...choices.filter((c) => !c.compound)];
  return Object.assign({}, settings, ...ordered.map(({ set }) => set));
}

/**
 * Changes that lead from one settings to others, compound ones where they fit. Applying them gives `to` in every
 * field.
 */
export function choicesBetween(from: ViewSettings, to: ViewSettings): Choice[] {
  const compounds = CHOICES.filter((c) => c.compound && agrees(to, c.is) && !agrees(from, c.is));
  const start = applyChoices(from, compounds);
  const singles = CHOICES.filter((c) => !c.compound && agrees(to, c.is) && !agrees(start, c.is));
  return [...compounds, ...singles];
}
