/** Algorithms of signatures, and their object identifiers (RFC 5754, RFC 5758, RFC 8017). */
import type { KeyObject } from 'node:crypto';

/** Hash algorithms of signatures. */
export type SignatureHash = 'sha256' | 'sha384' | 'sha512';

/** Kinds of keys that sign: RSA with PKCS #1 v1.5 padding, and ECDSA. */
export type KeyKind = 'rsa' | 'ecdsa';

/** A row of the table below. */
interface HashOids {
  readonly digest: string;
  readonly rsa: string;
  readonly ecdsa: string;
}

/** Object identifiers of each hash, alone and with either kind of key. */
export const HASH_OIDS: Readonly<Record<SignatureHash, HashOids>> = {
  sha256: {
    digest: '2.16.840.1.101.3.4.2.1',
    rsa: '1.2.840.113549.1.1.11',
    ecdsa: '1.2.840.10045.4.3.2',
  },
  sha384: {
    digest: '2.16.840.1.101.3.4.2.2',
    rsa: '1.2.840.113549.1.1.12',
    ecdsa: '1.2.840.10045.4.3.3',
  },
  sha512: {
    digest: '2.16.840.1.101.3.4.2.3',
    rsa: '1.2.840.113549.1.1.13',
    ecdsa: '1.2.840.10045.4.3.4',
  },
};

/** rsaEncryption: an RSA signature whose hash is named elsewhere. */
export const RSA_ENCRYPTION = '1.2.840.113549.1.1.1';

const HASHES = Object.keys(HASH_OIDS) as SignatureHash[];

/** The hash of an object identifier. */
export function hashOfOid(oid: string): SignatureHash | undefined {
  return HASHES.find((hash) => HASH_OIDS[hash].digest === oid);
}

/** What an object identifier says of a signature; `hash` is `undefined` where it says nothing of it. */
export function signatureOfOid(
  oid: string,
): { readonly kind: KeyKind; readonly hash: SignatureHash | undefined } | undefined {
  if (oid === RSA_ENCRYPTION) return { kind: 'rsa', hash: undefined };
  for (const hash of HASHES) {
    if (HASH_OIDS[hash].rsa === oid) return { kind: 'rsa', hash };
    if (HASH_OIDS[hash].ecdsa === oid) return { kind: 'ecdsa', hash };
  }
  return undefined;
}

/** The kind of a key, public or private; `undefined` for kinds that are not used here (Ed25519, RSA-PSS, DSA). */
export function keyKind(key: KeyObject): KeyKind | undefined {
  if (key.asymmetricKeyType === 'rsa') return 'rsa';
  return key.asymmetricKeyType === 'ec' ? 'ecdsa' : undefined;
}
