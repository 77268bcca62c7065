/** Reading short answers, and telling what an answer that is none of those expected says. */
import { display, fromUtf8 } from '../bytes/byte-string.ts';
import { type ErrorCode, PlanishError } from '../errors.ts';
import { LIMITS, type LimitName } from '../limits.ts';
import { asArray, asObject, parseJsonObject } from '../oci/json.ts';
import { ConnectionFailure } from './connection-failure.ts';
import type { HttpAnswer } from './exchange.ts';

const MESSAGE_WIDTH = 200;

/** An address as messages show it: queries may hold secrets. */
export function showUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** The whole body, within a named limit. Throws `LIMIT_EXCEEDED`, and what reading throws. */
export async function readBody(answer: HttpAnswer, limit: LimitName): Promise<Uint8Array> {
  const most = LIMITS[limit];
  const announced = Number(answer.header('content-length') ?? 0);
  if (announced > most) {
    answer.drop();
    throw tooLong(answer, limit, announced);
  }
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of answer.body) {
    length += piece.length;
    if (length > most) throw tooLong(answer, limit, length);
    pieces.push(piece);
  }
  return Buffer.concat(pieces, length);
}

function tooLong(answer: HttpAnswer, limit: LimitName, actual: number): PlanishError {
  return new PlanishError('LIMIT_EXCEEDED', 'an answer is longer than what it is read as can be', {
    file: showUrl(answer.url),
    limit,
    expected: LIMITS[limit],
    actual,
  });
}

/** An error for an answer that is not what was hoped for, with what the server says of it. Ends the answer. */
export async function refusal(answer: HttpAnswer, code: ErrorCode, what: string): Promise<PlanishError> {
  const said = await serverMessage(answer);
  const message = `${what}: status ${answer.status}${said === '' ? '' : `: ${said}`}`;
  return new PlanishError(code, message, { file: showUrl(answer.url) });
}

/** What the errors of an answer say (OCI distribution specification, "Error Codes"); empty where there are none. */
async function serverMessage(answer: HttpAnswer): Promise<string> {
  try {
    const body = await readBody(answer, 'registryAnswerBytes');
    const { errors } = parseJsonObject(body, 'the answer');
    const said = asArray(errors, 'errors', 'registryPages').map((value) => {
      const { code, message } = asObject(value, 'an error');
      return [code, message].filter((text) => typeof text === 'string' && text !== '').join(' ');
    });
    return display(fromUtf8(said.join(', '))).slice(0, MESSAGE_WIDTH);
  } catch (error) {
    if (error instanceof ConnectionFailure) return '';
    if (error instanceof PlanishError && error.code !== 'INTERRUPTED') return '';
    throw error;
  }
}
