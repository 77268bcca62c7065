/** What happens where the native build of libzstd is not installed. */
import { describe, expect, it, vi } from 'vitest';
import { compress } from '../../../src/compress/compress.ts';
import { loadZstd, zstdBackendName } from '../../../src/compress/zstd-load.ts';
import { failure, gather, pieces } from './streams.ts';

vi.mock('node:module', async (original) => {
  const actual = await original<typeof import('node:module')>();
  const createRequire = (from: string): unknown => {
    const require = actual.createRequire(from);
    const refuse = (name: string): unknown => {
      if (name.startsWith('zstd-napi')) throw new Error('not installed');
      return require(name);
    };
    return Object.assign(refuse, require);
  };
  return { ...actual, createRequire };
});

describe('without zstd-napi', () => {
  it('has nothing loaded at first', () => expect(zstdBackendName()).toBeUndefined());

  it('says so when it is asked for by name', async () => {
    const error = await failure(loadZstd('napi'));
    expect([error.code, error.message]).toEqual([
      'NATIVE_UNAVAILABLE',
      'the napi build of libzstd cannot be loaded',
    ]);
    expect(zstdBackendName()).toBeUndefined();
  });

  it('takes WebAssembly by itself', async () => {
    const bytes = await gather(compress(pieces(Buffer.from('content')), { kind: 'zstd', level: 3 }));
    expect(zstdBackendName()).toBe('wasm');
    expect(bytes.toString('hex')).toBe('28b52ffd0058380000636f6e74656e74010000');
  });
});
