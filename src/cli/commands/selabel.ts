/** `planish selabel IMAGE PATH…` */
import { Command, Option } from 'commander';
import type { PathLabel, SelabelRule } from '../../ops/look/selabel.ts';
import { addSourceOptions, type ParsedSourceOptions, sourceOptions } from '../options.ts';
import type { Runtime } from '../runtime.ts';

const EXAMPLES = `
Examples:
  $ planish selabel oci:os:42 /usr/bin/sudo /etc/shadow
  $ planish selabel --mode host oci:os:42 /usr/lib/systemd/systemd

"host" is the reading of composefs hosts (the last line that matches decides), "libselinux" that of matchpathcon and
setfiles. Without --mode both are shown. A path that the image lacks is taken for a regular file.`;

/** Defines the verb. */
export function addSelabel(program: Command, runtime: Runtime): Command {
  const command = new Command('selabel')
    .description('show which SELinux label the policy inside an image gives a path, and why')
    .argument('<image>', 'an image, tar or directory with a policy')
    .argument('<path...>', 'absolute paths inside it')
    .addOption(new Option('--mode <reading>', 'whose reading of the policy').choices(['host', 'libselinux']))
    .addHelpText('after', EXAMPLES)
    .action(async (image: string, paths: string[], _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedSourceOptions & { mode?: 'host' | 'libselinux' }>();
      const { selabel } = await import('../../ops/look/selabel.ts');
      const result = await selabel(image, paths, { ...sourceOptions(runtime, parsed), mode: parsed.mode });
      runtime.output.json(result);
      runtime.output.print(result.labels.map(describe).join('\n'));
    });
  program.addCommand(addSourceOptions(command));
  return command;
}

function describe(label: PathLabel): string {
  const alias = label.key === undefined ? '' : ` (as ${label.key})`;
  return [
    `${label.path}${alias}  ${label.mode}  ${label.label ?? '<<none>>'}`,
    `    ${label.rule === undefined ? 'no rule matches' : `decided by ${formatRule(label.rule)}`}`,
    ...(label.runnerUp === undefined ? [] : [`    before     ${formatRule(label.runnerUp)}`]),
  ].join('\n');
}

function formatRule(rule: SelabelRule): string {
  const type = rule.type === undefined ? '' : ` ${rule.type === '-' ? '--' : `-${rule.type}`}`;
  return `${rule.file}:${rule.line}  ${rule.regex}${type}  ${rule.context}`;
}
