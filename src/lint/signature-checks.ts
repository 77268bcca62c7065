/** Checks of the signatures of what boots. Whose they are is not asked: a lint does not know what firmware trusts. */
import { checkOwnSignatures } from '../boot/authenticode-verify.ts';
import type { EfiFile } from '../boot/boot-entries.ts';
import { decodePeHeaders, type PeHeaders } from '../boot/pe-headers.ts';
import type { ByteSource } from '../bytes/byte-source.ts';
import { isPlanishError, PlanishError } from '../errors.ts';
import type { Finding, LintContext } from './rule.ts';
import { finding } from './rules.ts';

/** Findings about the signatures of a UKI or an addon that is a PE file otherwise. `path` is for display. */
export function checkSignatures(source: ByteSource, path: string): Finding[] {
  const headers = headersOf(source);
  if (headers instanceof PlanishError) {
    const { message, detail } = headers;
    return [finding('uki-malformed', `${path}: ${message}`, { path, offset: detail.offset })];
  }
  if (headers.certificateTable === undefined) {
    return [finding('uki-unsigned', `${path} has no signature`, { path })];
  }
  const fault = faultOf(source);
  return fault === undefined
    ? []
    : [finding('uki-signature', `${path}: ${fault.message}`, { path, ...fault.place })];
}

/** Whether one of these files has signatures, good or not. */
export function someSigned(context: LintContext, files: readonly EfiFile[]): boolean {
  return files.some(({ file }) => {
    const headers = headersOf(context.open(file));
    return !(headers instanceof PlanishError) && headers.certificateTable !== undefined;
  });
}

function headersOf(source: ByteSource): PeHeaders | PlanishError {
  try {
    return decodePeHeaders(source);
  } catch (error) {
    if (isPlanishError(error) && error.kind === 'input') return error;
    throw error;
  }
}

interface Fault {
  readonly message: string;
  readonly place: { readonly offset?: number | undefined };
}

/** Why firmware takes none of the signatures, whomever it trusts. */
function faultOf(source: ByteSource): Fault | undefined {
  try {
    const { verified, signatures } = checkOwnSignatures(source);
    return verified
      ? undefined
      : { message: signatures[0]?.fault?.message ?? 'it has no signature', place: {} };
  } catch (error) {
    if (!isPlanishError(error) || (error.kind !== 'input' && error.kind !== 'integrity')) throw error;
    return { message: error.message, place: { offset: error.detail.offset } };
  }
}
