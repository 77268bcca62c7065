/**
 * Which process a temporary name belongs to, and whether that process still lives. Names carry the machine and its
 * process namespace, the process number and its start time, so that neither a reused number nor a container on the
 * same volume is mistaken for a dead run.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process as names carry it. */
interface Owner {
  /** Machine, boot and process namespace, hashed: 8 hexadecimal digits. */
  readonly space: string;
  readonly pid: number;
  /** Start time in clock ticks since boot, 0 where unknown. */
  readonly start: number;
}

const OWNED = /^([0-9a-f]{8})-(\d{1,10})-(\d{1,20})(?:-[0-9a-f]{8})?$/;

/** After this many milliseconds without a change, what a process of another machine left is taken for dead. */
const FOREIGN_PATIENCE = 7 * 24 * 60 * 60 * 1000;

let self: Owner | undefined;

/** A text that names this process; with `unique`, also one that nobody else has. */
export function ownerText(unique: boolean): string {
  self ??= { space: processSpace(), pid: process.pid, start: startTime(process.pid) ?? 0 };
  const text = `${self.space}-${self.pid}-${self.start}`;
  return unique ? `${text}-${randomBytes(4).toString('hex')}` : text;
}

/**
 * Whether the process that a text names is gone. Of processes on other machines or in other namespaces nothing can
 * be known; what they left counts as dead when `ageMs` (since its last change) is more than a week. Texts that name
 * no process are nobody's business: false.
 */
export function isOwnerDead(text: string, ageMs: number): boolean {
  const match = OWNED.exec(text);
  if (match === null) return false;
  const [, space, pid, start] = match;
  if (!ownerText(false).startsWith(`${space}-`)) return ageMs > FOREIGN_PATIENCE;
  return !isAlive(Number(pid), Number(start));
}

function isAlive(pid: number, start: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = startTime(pid);
  return now === undefined || start === 0 || now === start;
}

function processSpace(): string {
  const hash = createHash('sha256').update(hostname());
  hash.update(quiet(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')));
  hash.update(quiet(() => readlinkSync('/proc/self/ns/pid')));
  return hash.digest('hex').slice(0, 8);
}

/** Field 22 of `/proc/PID/stat`; the name in field 2 may hold spaces and parentheses. */
function startTime(pid: number): number | undefined {
  const stat = quiet(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const value = Number(fields[19]);
  return stat !== '' && Number.isSafeInteger(value) ? value : undefined;
}

function quiet(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
