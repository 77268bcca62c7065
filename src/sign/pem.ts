/** PEM (RFC 7468): blocks of base64 between lines that name what is in them. */
import { fromBytes } from '../bytes/byte-string.ts';

/** One block. */
export interface PemBlock {
  /** `CERTIFICATE`, `PRIVATE KEY` … */
  readonly label: string;
  readonly der: Uint8Array;
  /** The block as it stands, headers included. */
  readonly text: string;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,64})-----\r?\n((?:(?!-----)[\s\S])*)-----END \1-----/g;

/** All blocks of a text, in their order. What is no block is passed over, as RFC 7468 allows. */
export function parsePem(bytes: Uint8Array): PemBlock[] {
  return [...fromBytes(bytes).matchAll(BLOCK)].map(([text, label = '', body = '']) => ({
    label,
    der: Buffer.from(body, 'base64'),
    text,
  }));
}

/** A block with lines of 64 characters. */
export function formatPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
