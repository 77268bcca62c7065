/** What is native on this machine, for `--version --verbose`. */
import { loadZstd } from '../../compress/zstd-load.ts';
import { HASH_ALGORITHM_ID, type NativeHelpers } from '../../native/contract.ts';
import { nativeHelpers, nativeStatus } from '../../native/load.ts';

/**
 * Lines: where the native helpers are or why there are none; of each hash its kernels, which is chosen and why others are
 * not; what inflates and deflates; which build of libzstd there is. None of it changes a byte of a result.
 */
export async function describeParts(): Promise<string[]> {
  const helpers = nativeHelpers();
  const zstd = await loadZstd().then(
    ({ name, version }) => `zstd: ${name} ${version}`,
    () => 'zstd: none',
  );
  return [...(helpers === undefined ? describeTwins() : describeHelpers(helpers)), zstd];
}

function describeTwins(): string[] {
  const status = nativeStatus();
  const reason = status.available ? '' : `: ${status.reason}`;
  return [
    `native helpers: none${reason}`,
    'hashing: node:crypto',
    'inflate: node:zlib',
    'deflate: WebAssembly',
  ];
}

function describeHelpers(helpers: NativeHelpers): string[] {
  const status = nativeStatus();
  const kernels = Object.entries(HASH_ALGORITHM_ID).flatMap(([algorithm, id]) =>
    helpers.hashKernels(id).map((row) => `${algorithm} ${row.replace('\n', ': ')}`),
  );
  return [
    `native helpers: ${status.available ? status.file : ''}`,
    ...kernels,
    'inflate: native',
    'deflate: native',
  ];
}
