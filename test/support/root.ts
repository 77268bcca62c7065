/** What only root can try. */

/** Whether this process is root's; says on standard error what is skipped when not. */
export function asRoot(skipped: string): boolean {
  if (process.geteuid?.() === 0) return true;
  process.stderr.write(`SKIPPED: ${skipped}: only root can try it\n`);
  return false;
}
