/** The builds of libzstd that can be loaded here, so that one suite runs on each. */
import type { ZstdBackendName } from '../../../src/compress/zstd-backend.ts';
import { loadZstd } from '../../../src/compress/zstd-load.ts';

/** Names of the builds; the native one is left out, and that said on standard error, where it is not installed. */
export async function backends(): Promise<ZstdBackendName[]> {
  try {
    await loadZstd('napi');
    return ['napi', 'wasm'];
  } catch {
    process.stderr.write('SKIPPED: zstd by the native binding: zstd-napi is not installed\n');
    return ['wasm'];
  }
}
