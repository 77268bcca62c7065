/**
 * Transcripts in documentation pages: blocks behind the marker `<!-- run -->` are run as they stand, those of a page
 * one after the other in one directory, and print what the page shows. A line `…` stands for any number of lines, and
 * of how long something took only that it is said.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MAIN, ZSTD } from './cli.ts';

const FIXTURES = fileURLToPath(new URL('../../fixtures', import.meta.url));
const BLOCK = /(<!-- run -->\n```\n)([\s\S]*?)(```\n)/g;
const ELLIPSIS = '…';

/** A command of a transcript, and what the page says it prints, without the empty line that parts it from the next. */
export interface Step {
  readonly command: string;
  readonly shown: string;
}

/** Runs commands of the shell where `planish` and `fixtures` are at hand; gives what each prints, errors included. */
export function openShell(directory: string): (command: string) => string {
  const programs = join(directory, 'bin');
  const work = join(directory, 'work');
  mkdirSync(programs);
  mkdirSync(work);
  symlinkSync(FIXTURES, join(work, 'fixtures'));
  writeFileSync(join(programs, 'planish'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
  chmodSync(join(programs, 'planish'), 0o755);
  const PATH = `${programs}:${process.env['PATH']}`;
  // What a page serves by itself is not asked of a proxy.
  const env = { ...ZSTD, ...process.env, PATH, LC_ALL: 'C.UTF-8', no_proxy: '127.0.0.1' };
  return (command) => spawnSync('sh', ['-c', `exec 2>&1; ${command}`], { cwd: work, env }).stdout.toString();
}

/** The steps of all marked blocks of a page, in their order. */
export function stepsOf(page: string): Step[] {
  return [...page.matchAll(BLOCK)].flatMap(([, , body = '']) => stepsOfBlock(body));
}

/** The page with what `run` prints in the place of what is shown; what `…` leaves out stays out. */
export function rewritePage(page: string, run: (command: string) => string): string {
  return page.replace(BLOCK, (_, before: string, body: string, after: string) => {
    const parts = stepsOfBlock(body).map(
      (step) => `$ ${step.command}\n${renew(run(step.command), step.shown)}`,
    );
    return before + parts.join(body.includes('\n\n$ ') ? '\n' : '') + after;
  });
}

/** What is printed, in the form in which it is compared: cut where the page leaves out, and without times. */
export function comparable(printed: string, shown: string): string {
  return withoutTimes(abridge(printed, shown));
}

/** Without how long something took, and how fast it therefore was. */
export function withoutTimes(text: string): string {
  return text.replace(/ in [\d.]+ (m?s|min)( \([^)]*\/s\))?$/gm, ' in TIME');
}

/** What is printed, in the form of what is shown; lines that differ in their times only stay as they are. */
function renew(printed: string, shown: string): string {
  const old = new Map(shown.split('\n').map((line) => [withoutTimes(line), line]));
  const lines = abridge(printed, shown).split('\n');
  return lines.map((line) => old.get(withoutTimes(line)) ?? line).join('\n');
}

function stepsOfBlock(body: string): Step[] {
  return body
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n');
      return { command: part.slice(0, end), shown: part.slice(end + 1).replace(/\n\n$/, '\n') };
    });
}

/** Leaves out of `printed` what `shown` leaves out: it keeps as many lines before and behind `…` as are shown there. */
function abridge(printed: string, shown: string): string {
  const kept = shown.split('\n');
  const at = kept.indexOf(ELLIPSIS);
  if (at < 0) return printed;
  const lines = printed.split('\n');
  const behind = kept.length - at - 1;
  return [...lines.slice(0, at), ELLIPSIS, ...lines.slice(lines.length - behind)].join('\n');
}
