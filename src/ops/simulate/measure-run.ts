/**
 * What a run costs this machine: time, processors, memory, disk. The one place where a clock has part in a result, since
 * it is what was asked for.
 */
import { fstatSync, lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OnProgress } from '../../progress.ts';
import { SPOOL_PREFIX } from '../session.ts';

/** Seconds and bytes. */
export interface RunCost {
  readonly seconds: number;
  /** Of all threads, user and system. */
  readonly cpuSeconds: number;
  /** Most memory that the process had at once, with what it had before; absent where the kernel does not tell. */
  readonly peakMemory: number | undefined;
  /** Most bytes on disk at once: unpacked layers, and what lies in the directory. */
  readonly peakDisk: number;
}

/** Resets the peak of resident memory (proc(5), `clear_refs`). */
const RESET_PEAK = '5';
const KIB = 1024;
const SAMPLE_MS = 50;

/** Runs `work`, which writes below `directory`, and says what it cost. `work` must report progress to what it is given. */
export async function measureRun<T>(
  directory: string,
  onProgress: OnProgress,
  work: (onProgress: OnProgress) => Promise<T>,
): Promise<{ readonly result: T; readonly cost: RunCost }> {
  const resets = resetPeak();
  const disk = new DiskPeak(directory);
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const result = await work((event) => {
    disk.sample();
    onProgress(event);
  });
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - start) / 1000;
  disk.sample(true);
  const peakMemory = resets ? peakResident() : undefined;
  return { result, cost: { seconds, cpuSeconds: (user + system) / 1e6, peakMemory, peakDisk: disk.peak } };
}

function resetPeak(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', RESET_PEAK);
    return true;
  } catch {
    return false;
  }
}

function peakResident(): number | undefined {
  const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * KIB;
}

/** Looked at now and then: files only grow until all is done, so that little is missed. */
class DiskPeak {
  peak = 0;
  readonly #directory: string;
  #last = Number.NEGATIVE_INFINITY;

  constructor(directory: string) {
    this.#directory = directory;
  }

  sample(always = false): void {
    const now = performance.now();
    if (!always && now - this.#last < SAMPLE_MS) return;
    this.#last = now;
    this.peak = Math.max(this.peak, spooledBytes() + storedBytes(this.#directory));
  }
}

/** Bytes of the files without names that this process has. */
function spooledBytes(): number {
  let bytes = 0;
  for (const fd of entriesOf('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`).includes(SPOOL_PREFIX)) bytes += fstatSync(Number(fd)).size;
    } catch {
      // Closed since it was listed, as the descriptor of the list itself is.
    }
  }
  return bytes;
}

function storedBytes(directory: string): number {
  let bytes = 0;
  const pending = [directory];
  for (let here = pending.pop(); here !== undefined; here = pending.pop()) {
    for (const name of entriesOf(here)) {
      const path = join(here, name);
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (stat?.isDirectory() === true) pending.push(path);
      else bytes += stat?.size ?? 0;
    }
  }
  return bytes;
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // Renamed or removed meanwhile.
    return [];
  }
}
