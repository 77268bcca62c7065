/** What `verify` checks, link by link: from a key to a manifest, from there to layers, tree, digest and UKI. */
import { type ErrorCode, PlanishError } from '../../errors.ts';

/** Every kind of check, in the order of the chain, and what it proves when all of its kind hold. */
export const CHECK_KINDS = {
  signature: 'the holder of the key signed this manifest',
  manifest: 'the manifest is the one that its digest names',
  config: 'the config is the one that the manifest names',
  blob: 'each layer is the one that the manifest names',
  diffid: 'each layer unpacks to what the config names',
  key: 'the tree of each layer has the digest that the manifest names',
  merged: 'the layers make the trees whose digests the manifest names',
  document: 'the config has the fs-verity digest that the manifest names',
  label: 'the layers make the tree whose digest the label names',
  artifact: 'an artifact about the image names the digests that it has',
  'verity-signature': 'the holder of the fs-verity key signed these digests',
  uki: 'the UKI boots the tree that the layers make, and no other',
  'uki-signature': 'the holder of the Secure Boot key signed the UKI',
  certificate: 'the certificates of the signers are meant for it, strong, and valid',
  annotation: 'nothing else is claimed',
} as const satisfies Readonly<Record<string, string>>;

/** A kind of check. */
export type CheckKind = keyof typeof CHECK_KINDS;

/**
 * How a check came out. `match`: it holds. `mismatch`: it does not. `unreadable`: what is claimed cannot be read.
 * `unchecked`: it is claimed, and nothing that was given can check it. `missing`: it was required and is not there.
 * `ignored`: it says nothing that was asked for (a signature by another key, where one that is trusted is there).
 * `excused`: unchecked, and the caller said that this may be.
 */
export type CheckOutcome =
  | 'match'
  | 'mismatch'
  | 'unreadable'
  | 'unchecked'
  | 'missing'
  | 'ignored'
  | 'excused';

/** What was checked of one thing, and how it came out. */
export interface VerifyCheck {
  readonly check: CheckKind;
  /** Of what: a digest, an annotation's key, a path. */
  readonly subject: string;
  /** Ordinal of the layer. */
  readonly layer: number | undefined;
  readonly outcome: CheckOutcome;
  readonly expected?: string | undefined;
  readonly actual?: string | undefined;
  /** By whom it is signed: a key's SHA-256 in base64, or a certificate's subject. */
  readonly signer?: string | undefined;
  /** The repository that a signature was made for. */
  readonly identity?: string | undefined;
  /** Why it is as it is, where that is not plain. */
  readonly reason?: string | undefined;
  /** Why it could not be read. */
  readonly error?: { readonly code: ErrorCode; readonly message: string } | undefined;
}

/** Outcomes that make a verification fail. */
const FAILURES: readonly CheckOutcome[] = ['mismatch', 'unreadable', 'unchecked', 'missing'];

/** Whether a check makes the verification fail. */
export function isFailure({ outcome }: VerifyCheck): boolean {
  return FAILURES.includes(outcome);
}

/** What a check is of. */
export type CheckSubject = Pick<VerifyCheck, 'check' | 'subject' | 'layer'>;

/** A check that compares what was claimed with what is. */
export function compare(subject: CheckSubject, expected: string, actual: string | PlanishError): VerifyCheck {
  if (actual instanceof PlanishError) return unreadable(subject, actual);
  if (expected === actual) return { ...subject, outcome: 'match' };
  return { ...subject, outcome: 'mismatch', expected, actual };
}

/** A check of what cannot be read. */
export function unreadable(subject: CheckSubject, { code, message }: PlanishError): VerifyCheck {
  return { ...subject, outcome: 'unreadable', error: { code, message } };
}

/** Runs a check; errors of the input are its outcome. */
export function attemptCheck(subject: CheckSubject, check: () => VerifyCheck): VerifyCheck {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof PlanishError)) throw error;
    if (error.code === 'SIGNATURE_INVALID' || error.code === 'SIGNATURE_UNTRUSTED')
      return { ...subject, outcome: 'mismatch', reason: error.message };
    if (error.kind === 'input' || error.kind === 'integrity') return unreadable(subject, error);
    throw error;
  }
}

/** A link of the chain: all checks of one kind. */
export interface VerifyLink {
  readonly link: CheckKind;
  /** What it proves if it holds. */
  readonly proves: string;
  /** `absent`: nothing of the kind is claimed. */
  readonly outcome: 'proved' | 'failed' | 'excused' | 'absent';
  readonly checks: number;
  readonly matches: number;
}

/** The chain of all checks. */
export function linksOf(checks: readonly VerifyCheck[]): VerifyLink[] {
  const kinds = Object.keys(CHECK_KINDS) as CheckKind[];
  return kinds.map((link) => {
    const own = checks.filter(({ check, outcome }) => check === link && outcome !== 'ignored');
    const matches = own.filter(({ outcome }) => outcome === 'match').length;
    const failed = own.some(isFailure);
    const outcome = failed ? 'failed' : matches > 0 ? 'proved' : own.length > 0 ? 'excused' : 'absent';
    return { link, proves: CHECK_KINDS[link], outcome, checks: own.length, matches };
  });
}
