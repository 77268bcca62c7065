/** The command tree. Verbs load their code when they are run, so that help and version start fast. */
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { addBuild } from './commands/build.ts';
import { addCat } from './commands/cat.ts';
import { addDiff } from './commands/diff.ts';
import { addDigest } from './commands/digest.ts';
import { addDump } from './commands/dump.ts';
import { addEmit } from './commands/emit.ts';
import { addExplain } from './commands/explain.ts';
import { addInspect } from './commands/inspect.ts';
import { addLint } from './commands/lint.ts';
import { addLs } from './commands/ls.ts';
import { addMkfs } from './commands/mkfs.ts';
import { addMount, addUmount } from './commands/mount.ts';
import { addPlan } from './commands/plan.ts';
import { addSelabel } from './commands/selabel.ts';
import { addSign } from './commands/sign.ts';
import { addVerify } from './commands/verify.ts';
import { parseCount } from './options.ts';
import type { Runtime } from './runtime.ts';

const REFERENCES = `
References:
  oci:DIR[:TAG|@DIGEST]      an OCI image layout            oci-archive:FILE[:TAG]     the same in a tar
  docker-archive:FILE[:REF]  what docker or podman save     tar:FILE                   one flat tar
  rootfs:DIR                 a directory                    dump:FILE, dump:-          a composefs dumpfile
  A bare path is recognised by what lies there.

Exit status:
  0 done, nothing found    1 findings    2 usage    3 bad input    4 integrity    5 environment    70 internal

Examples:
  $ planish build oci:app:latest -o oci:app:flat
  $ planish digest oci-archive:app.tar
  $ planish verify oci:app:flat`;

/** All verbs, printing to and interrupted through `runtime`. */
export function createProgram(runtime: Runtime): Command {
  const program = new Command('planish')
    .description(
      'Flatten OCI images, digest them as composefs hosts do, and split them into layers that last.',
    )
    .version(readVersion(), '-V, --version')
    .addOption(new Option('--json', 'one JSON document on standard output instead of text'))
    .addOption(new Option('-j, --jobs <n>', 'threads (never changes a byte)').argParser(parseCount))
    .addOption(new Option('-q, --quiet', 'no text, no progress, no warnings; errors remain'))
    .addOption(new Option('-v, --verbose', 'all warnings, and causes of errors'))
    .addOption(
      new Option('--progress <mode>', 'progress on standard error')
        .choices(['auto', 'plain', 'none'])
        .default('auto'),
    )
    .addHelpText('after', REFERENCES)
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    // Errors of usage are printed where all errors are, in the same form.
    .configureOutput({
      outputError: () => undefined,
      // Help goes the way of all output, which minds a reader that has gone away.
      writeOut: (text) => runtime.output.write(Buffer.from(text)),
    })
    .exitOverride();
  const add = [
    addBuild,
    addDigest,
    addDump,
    addMkfs,
    addLs,
    addCat,
    addInspect,
    addPlan,
    addSign,
    addVerify,
    addLint,
    addExplain,
    addDiff,
    addSelabel,
    addEmit,
    addMount,
    addUmount,
  ];
  for (const addVerb of add) inherit(program, addVerb(program, runtime));
  return program;
}

function inherit(program: Command, verb: Command): void {
  verb.copyInheritedSettings(program).configureHelp({ showGlobalOptions: true }).exitOverride();
}

function readVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
