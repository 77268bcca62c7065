/** What one architecture is called by OCI, by EFI, and by Rust, whose names bootc uses in `kargs.d`. */

/** Names of an architecture. */
export interface EfiMachine {
  /** In names of EFI programs: `linuxx64.efi.stub`, `BOOTX64.EFI`. */
  readonly efi: string;
  /** In `match-architectures`. */
  readonly rust: string;
}

const MACHINES: Readonly<Record<string, EfiMachine>> = {
  amd64: { efi: 'x64', rust: 'x86_64' },
  arm64: { efi: 'aa64', rust: 'aarch64' },
  riscv64: { efi: 'riscv64', rust: 'riscv64' },
  loong64: { efi: 'loongarch64', rust: 'loongarch64' },
  arm: { efi: 'arm', rust: 'arm' },
  '386': { efi: 'ia32', rust: 'x86' },
};

/** By the name in an OCI config; `undefined` for an architecture without EFI. */
export function efiMachine(architecture: string): EfiMachine | undefined {
  return Object.hasOwn(MACHINES, architecture) ? MACHINES[architecture] : undefined;
}
