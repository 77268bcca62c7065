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
export {
  type BuildOptions,
  type BuildResult,
  type BuildUpdate,
  type BuiltLayer,
  build,
} from './ops/build.ts';
export {
  type CacheFinding,
  type CacheListResult,
  type CachePruneResult,
  type CacheVerifyResult,
  cacheList,
  cachePrune,
  cacheVerify,
} from './ops/cache.ts';
export { cat } from './ops/cat.ts';
export { type DiffEntry, type DiffOptions, type DiffResult, diff } from './ops/diff.ts';
export { type DigestOptions, type DigestResult, digest } from './ops/digest.ts';
export { type DigestAllResult, digestAll, type ProfileDigests } from './ops/digest-all.ts';
export {
  type DownloadComponent,
  type DownloadLayer,
  type DownloadResult,
  download,
} from './ops/download.ts';
export { type DumpOptions, dump } from './ops/dump.ts';
export { type EmitOptions, type EmitResult, emit } from './ops/emit.ts';
export { type EmitDiskOptions, type EmitDiskResult, emitDisk } from './ops/emit-disk.ts';
export { type EmitStoreOptions, type EmitStoreResult, emitStore } from './ops/emit-store.ts';
export { type EnrolledVariable, type EnrollOptions, type EnrollResult, enroll } from './ops/enroll.ts';
export { type ExplainOptions, explain } from './ops/explain.ts';
export type { ExplainResult } from './ops/explain-result.ts';
export type { KeyEdit } from './ops/image-config.ts';
export {
  type AttachedArtifact,
  type InspectedLayer,
  type InspectOptions,
  type InspectResult,
  inspect,
} from './ops/inspect.ts';
export {
  type LintOptions,
  type LintResult,
  lint,
  lintRules,
  type RuleDescription,
} from './ops/lint.ts';
export { type LintFixResult, lintAndFix } from './ops/lint-fix.ts';
export type { SourceOptions } from './ops/load-tree.ts';
export { type LsEntry, type LsOptions, ls } from './ops/ls.ts';
export { type MergeBuildResult, type MergeConflictEntry, type MergeOptions, merge } from './ops/merge.ts';
export { type MkfsOptions, type MkfsResult, mkfs } from './ops/mkfs.ts';
export {
  type MountCommands,
  type MountOptions,
  type MountResult,
  mount,
  mountCommands,
  umount,
} from './ops/mount.ts';
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
} from './ops/pe.ts';
export { type PlanLayer, type PlanMember, type PlanOptions, type PlanResult, plan } from './ops/plan.ts';
export { repoCat } from './ops/repo-cat.ts';
export { type RepoExportOptions, type RepoExportResult, repoExport } from './ops/repo-export.ts';
export { type RepoFinding, type RepoFsckOptions, type RepoFsckResult, repoFsck } from './ops/repo-fsck.ts';
export { type RepoGcOptions, type RepoGcResult, repoGc } from './ops/repo-gc.ts';
export { type RepoInitOptions, type RepoInitResult, repoInit } from './ops/repo-init.ts';
export { type ListedImage, type RepoListResult, repoList } from './ops/repo-ls.ts';
export { type RepoTagResult, type RepoUntagResult, repoTag, repoUntag } from './ops/repo-tag.ts';
export { formatSarif, type SarifOptions } from './ops/sarif.ts';
export { type SealOptions, type SealResult, seal } from './ops/seal.ts';
export { type AttachOptions, type AttachResult, attachSignatures } from './ops/seal-attach.ts';
export type { ProvenSeal } from './ops/seal-proof.ts';
export type { AttachedSignature, SigningRequest } from './ops/seal-request.ts';
export type { SealedFile } from './ops/seal-tree.ts';
export { type PathLabel, type SelabelOptions, type SelabelResult, selabel } from './ops/selabel.ts';
export type { CommonOptions } from './ops/session.ts';
export type { ShippedLabels } from './ops/ship-labels.ts';
export {
  type MadeSignature,
  type SignatureForm,
  type SignOptions,
  type SignResult,
  sign,
} from './ops/sign.ts';
export {
  type SignComposefsOptions,
  type SignComposefsResult,
  signComposefs,
} from './ops/sign-composefs.ts';
export { type SignFileOptions, type SignFileResult, signFile } from './ops/sign-file.ts';
export type { SigningKey } from './ops/signing-key.ts';
export { type SimulateImage, type SimulateOptions, type SimulateResult, simulate } from './ops/simulate.ts';
export type { TreeDigests } from './ops/tree-digests.ts';
export { type VerifyOptions, type VerifyResult, verify } from './ops/verify.ts';
export type { CheckKind, CheckOutcome, VerifyCheck, VerifyLink } from './ops/verify-check.ts';
export type { OnProgress, ProgressEvent } from './progress.ts';
export { type OnWarning, WARNING_TABLE, type Warning, type WarningCode } from './warnings.ts';
