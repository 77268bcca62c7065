/** Why a request came to no answer, or an answer to no end. */
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';

/** See the module. It never leaves this folder: who asked makes a {@link PlanishError} of it. */
export class ConnectionFailure extends Error {
  /** Whether another attempt may succeed. */
  readonly passing: boolean;
  readonly code: 'REGISTRY_UNREACHABLE' | 'REGISTRY_BAD_ANSWER';
  readonly hint: string | undefined;

  constructor(
    message: string,
    how: Partial<Pick<ConnectionFailure, 'passing' | 'code' | 'hint'>> = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.passing = how.passing ?? false;
    this.code = how.code ?? 'REGISTRY_UNREACHABLE';
    this.hint = how.hint;
  }
}

/** What the network does now and then, and soon after no more. */
const PASSING: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
]);

const CERTIFICATE = /^(?:CERT_|ERR_TLS_CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|INVALID_CA)/;
const CERTIFICATE_HINT =
  'NODE_EXTRA_CA_CERTS=FILE names certificates to be trusted; --tls-verify=false trusts all';
const PROTOCOL_HINT = '--tls-verify=false also tries HTTP without TLS';

/** Puts what Node says of a connection into one of ours; errors of planish stay as they are. */
export function connectionFailure(error: unknown): ConnectionFailure | PlanishError {
  if (error instanceof ConnectionFailure || error instanceof PlanishError) return error;
  const { code = '', message = '' } = error as NodeJS.ErrnoException;
  if (code === 'HPE_HEADER_OVERFLOW') {
    const detail = { limit: 'registryHeaderBytes', expected: LIMITS.registryHeaderBytes };
    return new PlanishError('LIMIT_EXCEEDED', 'the headers of an answer are too long', detail, error);
  }
  if (code.startsWith('HPE_'))
    return new ConnectionFailure('what answers is no HTTP', { code: 'REGISTRY_BAD_ANSWER' }, error);
  if (code === 'EPROTO' || code.startsWith('ERR_SSL'))
    return new ConnectionFailure('what answers is no TLS', { hint: PROTOCOL_HINT }, error);
  if (CERTIFICATE.test(code))
    return new ConnectionFailure(
      `its certificate is not trusted: ${code}`,
      { hint: CERTIFICATE_HINT },
      error,
    );
  const passing = PASSING.has(code);
  if (code === 'ECONNRESET') return new ConnectionFailure('the connection was cut', { passing }, error);
  return new ConnectionFailure(`connecting failed: ${code === '' ? message : code}`, { passing }, error);
}
