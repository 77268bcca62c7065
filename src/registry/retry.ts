/** When a request is made again that failed: the same waits for the same failures. */

/** Requests of one kind in a row that may fail, the first included. */
export const ATTEMPTS = 5;

/** Statuses that say that the same request may succeed later. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** Milliseconds before the second attempt; doubled before each further one. */
const FIRST_WAIT_MS = 1000;
/** Longest wait that a server can ask for. */
const LONGEST_WAIT_MS = 60_000;

/** Whether an answer with this status is worth asking again. */
export function isPassing(status: number): boolean {
  return PASSING_STATUSES.has(status);
}

/**
 * Milliseconds to wait before the next attempt after `failures` failed ones. The header `Retry-After` (RFC 9110, section
 * 10.2.3), seconds or a date, is followed within a minute; `now` is in milliseconds since 1970.
 */
export function waitBefore(failures: number, retryAfter: string | undefined, now: number): number {
  const usual = Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), LONGEST_WAIT_MS);
  const asked = retryAfter === undefined ? undefined : waitAsked(retryAfter.trim(), now);
  return asked === undefined ? usual : Math.min(Math.max(asked, 0), LONGEST_WAIT_MS);
}

function waitAsked(text: string, now: number): number | undefined {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : date - now;
}
