/**
 * Finds and loads the C helpers, once, when they are first asked for. They are optional: where they are not, the
 * reason is kept for whoever wants to tell it.
 *
 * Order: the environment variable `PLANISH_NATIVE` (a file, or `0` for none), then the npm package of prebuilt helpers
 * for this platform (`native-helpers/build.mjs --prebuild` makes them), then `native-helpers/build/` of this package.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CONTRACT_VERSION, type NativeHelpers } from './contract.ts';

/** Whether the helpers are here, from where, and why not. */
export type NativeStatus =
  | { readonly available: true; readonly file: string }
  | { readonly available: false; readonly reason: string };

/** The helpers and what is to be said of them. */
export interface LoadedNative {
  readonly helpers: NativeHelpers | undefined;
  readonly status: NativeStatus;
}

/** Where `npm run build:native` leaves the helpers; the same from `src/` and from `dist/`. */
export const LOCAL_BUILD: string = fileURLToPath(
  new URL('../../native-helpers/build/planish-native.node', import.meta.url),
);

let loaded: LoadedNative | undefined;

/** The helpers, or `undefined` where there are none. */
export function nativeHelpers(): NativeHelpers | undefined {
  return loadOnce().helpers;
}

/** Whether the helpers are used, and the reason where they are not. */
export function nativeStatus(): NativeStatus {
  return loadOnce().status;
}

function loadOnce(): LoadedNative {
  loaded ??= loadNative(process.env['PLANISH_NATIVE'], LOCAL_BUILD);
  return loaded;
}

/**
 * Loads without remembering. `override` is the value of `PLANISH_NATIVE`: where it names a file, no other is tried.
 * Never throws.
 */
export function loadNative(
  override: string | undefined,
  localBuild: string,
  findPackages: () => readonly string[] = installedPackages,
): LoadedNative {
  if (override === '0') return absent('PLANISH_NATIVE=0 refuses them');
  if (override !== undefined && override !== '') return loadFile(resolve(override));
  // A package for the other libc, or of another version, does not load; what was built here may.
  const packaged = findPackages().map(loadFile);
  const usable = packaged.find(({ status }) => status.available);
  if (usable !== undefined) return usable;
  if (existsSync(localBuild)) return loadFile(localBuild);
  return packaged[0] ?? absent('they are not built (npm run build:native)');
}

/** Prebuilt helpers that are installed; npm installs those of one libc only. */
function installedPackages(): string[] {
  const { resolve } = createRequire(import.meta.url);
  return ['glibc', 'musl'].flatMap((libc) => {
    try {
      return [resolve(`@planish/native-${process.platform}-${process.arch}-${libc}`)];
    } catch {
      return [];
    }
  });
}

function loadFile(file: string): LoadedNative {
  try {
    const helpers = createRequire(import.meta.url)(file) as NativeHelpers;
    const version = helpers.contractVersion;
    if (version === CONTRACT_VERSION) return { helpers, status: { available: true, file } };
    return absent(`${file} has contract ${version}, not ${CONTRACT_VERSION} (npm run build:native)`);
  } catch (error) {
    return absent(`${file} cannot be loaded: ${firstLine(error)}`);
  }
}

function absent(reason: string): LoadedNative {
  return { helpers: undefined, status: { available: false, reason } };
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] as string;
}
