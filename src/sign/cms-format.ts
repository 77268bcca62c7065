/**
 * Names of the Cryptographic Message Syntax (RFC 5652, as of PKCS #7 1.5), and what SignedData is made of:
 *
 *     ContentInfo ::= SEQUENCE { signedData, [0] SignedData }
 *     SignedData  ::= SEQUENCE { version 1, SET OF digest algorithm, SEQUENCE { content type, [0] content OPTIONAL },
 *                                [0] certificates OPTIONAL, [1] revocation lists OPTIONAL, SET OF SignerInfo }
 *     SignerInfo  ::= SEQUENCE { version, signer (issuer and serial number, or [0] key identifier), digest algorithm,
 *                                [0] signed attributes OPTIONAL, signature algorithm, signature, [1] others OPTIONAL }
 *
 * With signed attributes it is these that are signed, re-tagged as a SET; one of them is the digest of the message.
 * Without, it is the message itself.
 */

/** ContentInfo of a SignedData. */
export const OID_SIGNED_DATA = '1.2.840.113549.1.7.2';

/** Content that is plain bytes. */
export const OID_DATA = '1.2.840.113549.1.7.1';

/** Signed attribute: the content type. */
export const OID_CONTENT_TYPE = '1.2.840.113549.1.9.3';

/** Signed attribute: digest of the message. */
export const OID_MESSAGE_DIGEST = '1.2.840.113549.1.9.4';
