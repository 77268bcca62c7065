/**
 * How long something takes, for limits that are there to catch another order of growth. In processor time of this
 * process: what else the machine does has no part in it, as it has in the time of a clock.
 */

/** Seconds of processor time since `since` (what `process.cpuUsage()` gave). */
export function cpuSecondsSince(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

/** Seconds of processor time that an action takes. */
export function cpuSeconds(action: () => void): number {
  const since = process.cpuUsage();
  action();
  return cpuSecondsSince(since);
}
