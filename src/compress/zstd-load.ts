/** Which build of libzstd is used. Outer rings may ask for one; streams take what is loaded. */
import { PlanishError } from '../errors.ts';
import type { ZstdBackend, ZstdBackendName } from './zstd-backend.ts';
import { openNapiZstd } from './zstd-napi.ts';
import { openWasmZstd } from './zstd-wasm.ts';

let current: ZstdBackend | undefined;

/**
 * Loads libzstd once for this thread. Without a preference: what was loaded before, else the native build, else
 * WebAssembly. A preference holds for all streams that are opened from then on. Throws `NATIVE_UNAVAILABLE` when
 * what is asked for cannot be loaded.
 */
export async function loadZstd(preference?: ZstdBackendName): Promise<ZstdBackend> {
  if (current !== undefined && (preference ?? current.name) === current.name) return current;
  current = await open(preference);
  return current;
}

/** Name of the build that {@link loadZstd} has loaded in this thread. */
export function zstdBackendName(): ZstdBackendName | undefined {
  return current?.name;
}

async function open(preference: ZstdBackendName | undefined): Promise<ZstdBackend> {
  try {
    if (preference === 'wasm') return await openWasmZstd();
    if (preference === 'napi') return await openNapiZstd();
    return await openNapiZstd().catch(openWasmZstd);
  } catch (cause) {
    const what = preference === undefined ? 'libzstd' : `the ${preference} build of libzstd`;
    throw new PlanishError(
      'NATIVE_UNAVAILABLE',
      `${what} cannot be loaded`,
      { hint: 'install planish again' },
      cause,
    );
  }
}
