/** Random SELinux policies from a seed: small, but with all that decides which rule wins. */
import type { Random } from './random-dump.ts';

const TYPES = ['bin_t', 'lib_t', 'etc_t', 'usr_t', 'var_t', 'boot_t', 'default_t'];
const REGEXES = [
  '/.*',
  '/',
  '/usr(/.*)?',
  '/usr/.*',
  '/[^/]+',
  '/(a|b|c)(/.*)?',
  '/usr/(lib|bin)/.*',
  '/.*/x',
  '/.*/[a-m][^/]*',
  '/run',
  '/etc/.*',
  '/var/?',
  '/usr/l..',
  '/boot(/.*)?',
  '/.*\\.wh.*',
  '/([^/]+/)?y',
  '/[[:lower:]]+',
  '/b+(/c*)?',
  '/[a-z]{1,3}/.*',
  '/(?!usr)[^/]+/.*',
  '/alias/[^/]*',
];
const KINDS = ['', '', '', '--', '-d', '-l', '-c', '-b', '-p'];

/** Files of a policy by their paths, one byte a character. Some policies are such that hosts refuse them. */
export function randomPolicy(random: Random): [string, string][] {
  const name = random.pick(['targeted', 'default', 'my policy']);
  const place = `etc/selinux/${name}/contexts/files/file_contexts`;
  const spelling = random.pick(['SELINUXTYPE', 'SELINUXTYPE', ' selinuxtype ', 'SelinuxType']);
  const config = `# config\nSELINUX=enforcing\n#SELINUXTYPE=none\n${spelling}= ${name} \n`;
  const files: [string, string][] = [
    ['etc/selinux/config', random.chance(95) ? config : 'SELINUX=disabled\n'],
  ];
  if (!random.chance(3)) files.push([place, contexts(random, random.between(1, 25))]);
  if (random.chance(40)) files.push([`${place}.local`, contexts(random, 3)]);
  if (random.chance(40)) files.push([`${place}.homedirs`, contexts(random, 3)]);
  if (random.chance(50)) files.push([`${place}.subs_dist`, subs(random)]);
  if (random.chance(30)) files.push([`${place}.subs`, subs(random)]);
  if (random.chance(30)) files.push([`${place}.bin`, 'compiled']);
  return files;
}

function contexts(random: Random, count: number): string {
  const lines = Array.from({ length: count }, () => {
    if (random.chance(8)) return random.pick(['', '# comment', '   ', '\t# x']);
    const label = random.chance(10) ? '<<none>>' : `system_u:object_r:${random.pick(TYPES)}:s0`;
    const kind = random.pick(KINDS);
    return [random.pick(REGEXES), ...(kind === '' ? [] : [kind]), label].join(
      random.pick([' ', '\t', '   ']),
    );
  });
  if (random.chance(3)) lines.push('/broken');
  return `${lines.join('\n')}\n`;
}

function subs(random: Random): string {
  const lines = Array.from({ length: random.between(1, 4) }, () =>
    random.pick(['/a /usr', '/b /alias', '/run /var', '/usr/lib /etc', '/c/x /usr/bin', '# nothing', '']),
  );
  return `${lines.join('\n')}\n`;
}
