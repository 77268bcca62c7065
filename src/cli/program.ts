/** The command tree. Only verbs that the command line names are loaded, so that help and version start fast. */
import { Command, Option } from 'commander';
import { readVersion } from '../ops/package-version.ts';
import { parseCount, parseFlag } from './options.ts';
import type { Runtime } from './runtime.ts';
import { VERBS, type Verb } from './verbs.ts';

const REFERENCES = `
References:
  oci:DIR[:TAG|@DIGEST]      an OCI image layout            oci-archive:FILE[:TAG]     the same in a tar
  docker-archive:FILE[:REF]  what docker or podman save     tar:FILE                   one flat tar
  rootfs:DIR                 a directory                    dump:FILE, dump:-          a composefs dumpfile
  docker://HOST/REPOSITORY[:TAG|@DIGEST]                    an image in a registry
  A bare path is recognised by what lies there.

Exit status:
  0 done, nothing found    1 findings    2 usage    3 bad input    4 integrity    5 environment    70 internal

Examples:
  $ planish build oci:app:latest -o oci:app:flat
  $ planish digest oci-archive:app.tar
  $ planish verify oci:app:flat`;

/**
 * The program, printing to and interrupted through `runtime`. Verbs that `words` name are whole; of the others help and
 * the search for what was meant have name, arguments and summary.
 */
export async function createProgram(runtime: Runtime, words: readonly string[]): Promise<Command> {
  const program = createRoot(runtime);
  for (const verb of VERBS) {
    // A word that is a file's name costs no more than loading a verb in vain.
    if (words.includes(verb.name)) inherit(program, (await verb.load())(program, runtime));
    else program.addCommand(outline(verb));
  }
  return program;
}

function createRoot(runtime: Runtime): Command {
  return (
    new Command('planish')
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
      .addOption(
        new Option('--authfile <file>', 'credentials for registries (default: as of podman and docker)'),
      )
      .addOption(
        new Option(
          '--tls-verify <bool>',
          'trust only registries with good certificates; with false also HTTP (default: true)',
        ).argParser(parseFlag),
      )
      .addHelpText('after', REFERENCES)
      .configureHelp({ showGlobalOptions: true, subcommandTerm: termOf })
      // Errors of usage are printed where all errors are, in the same form.
      .configureOutput({
        outputError: () => undefined,
        // Help goes the way of all output, which minds a reader that has gone away.
        writeOut: (text) => runtime.output.write(Buffer.from(text)),
      })
      .exitOverride()
  );
}

/** As commander has it, but by the usage that a command was given, which {@link outline} relies on. */
function termOf(command: Command): string {
  return `${command.name()} ${command.usage()}`;
}

/** A verb as help lists it. */
function outline({ name, usage, summary }: Verb): Command {
  return new Command(name).description(summary).usage(usage);
}

function inherit(program: Command, verb: Command): void {
  verb.copyInheritedSettings(program).configureHelp({ showGlobalOptions: true }).exitOverride();
  for (const inner of verb.commands) inherit(verb, inner);
}
