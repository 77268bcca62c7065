/**
 * planish as a library: the verbs of the command line, one function each, what they take and give, and the closed
 * tables of errors, warnings and limits.
 *
 * Sources and destinations are references as on the command line (`oci:DIR:TAG`, `rootfs:DIR`, …). Options are plain
 * objects, results plain data that JSON can carry. Every failure is a {@link PlanishError}; match on its `code`.
 * Nothing is printed: progress and warnings go to callbacks. Neither the clock nor the environment has any part in a
 * result. Formats by themselves are in `planish/tar`, `planish/erofs`, `planish/fsverity`, `planish/dumpfile` and
 * `planish/oci`.
 */
export {
  type ByteString,
  byteString,
  compareBytes,
  decodeUtf8,
  display,
  fromBytes,
  fromUtf8,
  toBytes,
} from './bytes/byte-string.ts';
export type { BlobDigest, HashAlgorithm, VerityDigest } from './bytes/digest.ts';
export type { CompressionKind } from './compress/kind.ts';
export type { FormatVersion } from './erofs/writer.ts';
export {
  ERROR_TABLE,
  type ErrorCode,
  type ErrorDetail,
  type ErrorKind,
  EXIT_STATUS,
  isPlanishError,
  PlanishError,
} from './errors.ts';
export { LIMITS, type LimitName } from './limits.ts';
export { build } from './ops/build/build.ts';
export type { BuildOptions } from './ops/build/build-options.ts';
export type { BuildResult, BuildUpdate, BuiltLayer } from './ops/build/build-result.ts';
export type { KeyEdit } from './ops/build/image-config.ts';
export {
  type MergeBuildResult,
  type MergeOptions,
  merge,
} from './ops/build/merge.ts';
export type { MergeConflictEntry } from './ops/build/merged-source.ts';
export {
  type PlanLayer,
  type PlanMember,
  type PlanOptions,
  type PlanResult,
  plan,
} from './ops/build/plan.ts';
export type { ShippedLabels } from './ops/build/ship-labels.ts';
export {
  type CacheFinding,
  type CacheListResult,
  type CachePruneResult,
  type CacheVerifyResult,
  cacheList,
  cachePrune,
  cacheVerify,
} from './ops/cache.ts';
export { type CopyOptions, type CopyResult, copy } from './ops/copy/copy.ts';
export type { CopiedBlobs } from './ops/copy/copy-documents.ts';
export { type ExplainOptions, explain } from './ops/explain/explain.ts';
export type { ExplainResult } from './ops/explain/explain-result.ts';
export { type DigestOptions, type DigestResult, digest } from './ops/hosts/digest.ts';
export { type DigestAllResult, digestAll, type ProfileDigests } from './ops/hosts/digest-all.ts';
export type { TreeDigests } from './ops/hosts/tree-digests.ts';
export {
  type LintOptions,
  type LintResult,
  lint,
  lintRules,
  type RuleDescription,
} from './ops/lint/lint.ts';
export { type LintFixResult, lintAndFix } from './ops/lint/lint-fix.ts';
export { formatSarif, type SarifOptions } from './ops/lint/sarif.ts';
export type { SourceOptions } from './ops/load/load-tree.ts';
export { cat } from './ops/look/cat.ts';
export { type DiffEntry, type DiffOptions, type DiffResult, diff } from './ops/look/diff.ts';
export {
  type DownloadComponent,
  type DownloadLayer,
  type DownloadResult,
  download,
} from './ops/look/download.ts';
export { type DumpOptions, dump } from './ops/look/dump.ts';
export {
  type AttachedArtifact,
  type InspectedLayer,
  type InspectOptions,
  type InspectResult,
  inspect,
} from './ops/look/inspect.ts';
export { type LsEntry, type LsOptions, ls } from './ops/look/ls.ts';
export { type MkfsOptions, type MkfsResult, mkfs } from './ops/look/mkfs.ts';
export { type PathLabel, type SelabelOptions, type SelabelResult, selabel } from './ops/look/selabel.ts';
export {
  type MountCommands,
  type MountOptions,
  type MountResult,
  mount,
  mountCommands,
  umount,
} from './ops/mount.ts';
export { type EmitOptions, type EmitResult, emit } from './ops/repository/emit.ts';
export { type EmitDiskOptions, type EmitDiskResult, emitDisk } from './ops/repository/emit-disk.ts';
export { type EmitStoreOptions, type EmitStoreResult, emitStore } from './ops/repository/emit-store.ts';
export { repoCat } from './ops/repository/repo-cat.ts';
export { type RepoExportOptions, type RepoExportResult, repoExport } from './ops/repository/repo-export.ts';
export {
  type RepoFinding,
  type RepoFsckOptions,
  type RepoFsckResult,
  repoFsck,
} from './ops/repository/repo-fsck.ts';
export { type RepoGcOptions, type RepoGcResult, repoGc } from './ops/repository/repo-gc.ts';
export { type RepoInitOptions, type RepoInitResult, repoInit } from './ops/repository/repo-init.ts';
export { type ListedImage, type RepoListResult, repoList } from './ops/repository/repo-ls.ts';
export { type RepoTagResult, type RepoUntagResult, repoTag, repoUntag } from './ops/repository/repo-tag.ts';
export { type EnrolledVariable, type EnrollOptions, type EnrollResult, enroll } from './ops/seal/enroll.ts';
export {
  type PeSectionRow,
  type PeSections,
  type PeSignOptions,
  peAttach,
  peHash,
  peSections,
  peSign,
  peVerify,
  type SignedPe,
  type VerifiedPe,
} from './ops/seal/pe.ts';
export { type SealOptions, type SealResult, seal } from './ops/seal/seal.ts';
export { type AttachOptions, type AttachResult, attachSignatures } from './ops/seal/seal-attach.ts';
export type { ProvenSeal } from './ops/seal/seal-proof.ts';
export type { AttachedSignature, SigningRequest } from './ops/seal/seal-request.ts';
export type { SealedFile } from './ops/seal/seal-tree.ts';
export type { CommonOptions } from './ops/session.ts';
export {
  type MadeSignature,
  type SignatureForm,
  type SignOptions,
  type SignResult,
  sign,
} from './ops/sign/sign.ts';
export {
  type SignComposefsOptions,
  type SignComposefsResult,
  signComposefs,
} from './ops/sign/sign-composefs.ts';
export { type SignFileOptions, type SignFileResult, signFile } from './ops/sign/sign-file.ts';
export type { SigningKey } from './ops/sign/signing-key.ts';
export {
  type SimulateImage,
  type SimulateOptions,
  type SimulateResult,
  simulate,
} from './ops/simulate/simulate.ts';
export { type VerifyOptions, type VerifyResult, verify } from './ops/verify/verify.ts';
export type { CheckKind, CheckOutcome, VerifyCheck, VerifyLink } from './ops/verify/verify-check.ts';
export type { OnProgress, ProgressEvent } from './progress.ts';
export { type OnWarning, WARNING_TABLE, type Warning, type WarningCode } from './warnings.ts';
