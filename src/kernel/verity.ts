/**
 * fs-verity of open files: switched on, with a signature where one is given, and measured. By the native helpers, else
 * by fsverity(1). Always with blocks of 4096 bytes and no salt, as composefs has it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DIGEST_BYTES, type HashAlgorithm, type VerityDigest, verityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import type { KernelCalls } from '../native/contract.ts';
import { nativeHelpers } from '../native/load.ts';
import { callError, errnoName, runStandIn, type ToolOutcome } from './call.ts';

/** What became of the wish to switch fs-verity on. */
export type EnableOutcome =
  | 'enabled'
  /** It was on before; with which digest, {@link VerityCalls.measure} tells. */
  | 'already'
  /** Not on this file system, or not in this kernel. */
  | 'unsupported'
  /** Somebody has the file open for writing. */
  | 'busy';

/** What the kernel says of a file. */
export interface MeasuredVerity {
  readonly algorithm: HashAlgorithm;
  readonly digest: VerityDigest;
}

/** A way of calling. */
export interface VerityCalls {
  readonly name: string;
  /**
   * Switches fs-verity on for a file that `fd` has open for reading; the kernel reads it whole. `signature` is a
   * PKCS#7 message over the digest, which the kernel checks against its keyring `.fs-verity`. Throws
   * `SIGNATURE_REFUSED` where it does not accept that, `SYSCALL_FAILED` for the unexpected.
   */
  enable(fd: number, algorithm: HashAlgorithm, signature?: Uint8Array): EnableOutcome;
  /** The digest that the kernel enforces, or `undefined` where the file has none. Throws `SYSCALL_FAILED`. */
  measure(fd: number): MeasuredVerity | undefined;
}

/** Block size of everything in composefs. */
const BLOCK_SIZE = 4096;

const NO_SIGNATURE = new Uint8Array(0);

/** Numbers of `<linux/fsverity.h>`. */
const ALGORITHMS: Readonly<Record<HashAlgorithm, number>> = { sha256: 1, sha512: 2 };

const ENABLE_OUTCOMES: Readonly<Record<string, EnableOutcome>> = {
  EEXIST: 'already',
  ENOTTY: 'unsupported',
  EOPNOTSUPP: 'unsupported',
  ETXTBSY: 'busy',
};

/** What the kernel answers to a signature: no key, wrong signature, malformed, wrong kind, or one demanded. */
const REFUSALS = new Set(['ENOKEY', 'EKEYREJECTED', 'EBADMSG', 'ENOPKG']);

/** Without fs-verity on this file, or on this file system. */
const UNMEASURED = new Set(['ENODATA', 'ENOTTY', 'EOPNOTSUPP']);

/** The best that this machine has. */
export function verityCalls(): VerityCalls {
  const helpers = nativeHelpers();
  return helpers === undefined ? TOOL_VERITY : nativeVerity(helpers);
}

/** By the C helpers. */
export function nativeVerity(helpers: KernelCalls): VerityCalls {
  return {
    name: 'native',
    enable: (fd, algorithm, signature = NO_SIGNATURE) => {
      const result = helpers.enableVerity(fd, ALGORITHMS[algorithm], BLOCK_SIZE, signature);
      return result === 0 ? 'enabled' : enableOutcome(errnoName(result), signature.length > 0);
    },
    measure: (fd) => {
      const result = helpers.measureVerity(fd);
      return typeof result === 'number' ? unmeasured(errnoName(result)) : measured(result);
    },
  };
}

function enableOutcome(errno: string, signed: boolean): EnableOutcome {
  const outcome = ENABLE_OUTCOMES[errno];
  if (outcome !== undefined) return outcome;
  if (signed && REFUSALS.has(errno)) {
    throw new PlanishError('SIGNATURE_REFUSED', 'the kernel does not accept the fs-verity signature', {
      errno,
    });
  }
  throw callError(errno, 'enabling fs-verity', {});
}

function unmeasured(errno: string): undefined {
  if (!UNMEASURED.has(errno)) throw callError(errno, 'measuring fs-verity', {});
}

function measured(bytes: Buffer): MeasuredVerity {
  return checkedMeasure(bytes[0] === 1 ? 'sha256' : 'sha512', bytes.toString('hex', 1));
}

function checkedMeasure(algorithm: string | undefined, hex: string): MeasuredVerity {
  const known = algorithm === 'sha256' || algorithm === 'sha512' ? algorithm : undefined;
  if (known === undefined || hex.length !== 2 * DIGEST_BYTES[known]) {
    throw new PlanishError('SYSCALL_FAILED', 'the kernel measured fs-verity of an unknown kind', {
      actual: `${algorithm}:${hex}`,
    });
  }
  return { algorithm: known, digest: verityDigest(hex) };
}

/** By fsverity(1), a process a call. */
export const TOOL_VERITY: VerityCalls = {
  name: 'fsverity',
  enable: (fd, algorithm, signature = NO_SIGNATURE) => {
    const args = ['enable', DESCRIPTOR, `--hash-alg=${algorithm}`, `--block-size=${BLOCK_SIZE}`];
    const signed = signature.length > 0;
    const result = signed ? enableSigned(args, fd, signature) : runFsverity(args, fd, ENABLING);
    return 'output' in result ? 'enabled' : enableOutcome(result.errno, signed);
  },
  measure: (fd) => {
    const result = runFsverity(['measure', DESCRIPTOR], fd, 'measuring fs-verity');
    if (!('output' in result)) return unmeasured(result.errno);
    const [algorithm, hex] = result.output.split(' ', 1)[0]?.split(':') ?? [];
    return checkedMeasure(algorithm, hex ?? '');
  },
};

/** Where the program finds the file. */
const DESCRIPTOR = '/proc/self/fd/3';
const ENABLING = 'enabling fs-verity';

function runFsverity(args: readonly string[], fd: number, action: string): ToolOutcome {
  return runStandIn(['fsverity', ...args], [fd], { action, tool: 'fsverity (package fsverity)' });
}

/** The program takes the signature by name only. */
function enableSigned(args: readonly string[], fd: number, signature: Uint8Array): ToolOutcome {
  const directory = mkdtempSync(join(tmpdir(), 'planish-signature-'));
  try {
    const file = join(directory, 'signature');
    writeFileSync(file, signature);
    return runFsverity([...args, `--signature=${file}`], fd, ENABLING);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
