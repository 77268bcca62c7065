/**
 * Every limit on what an input may claim or hold, in one place. All are generous to real images and small enough
 * that a lie in a header costs nothing. `docs/limits.md` explains each.
 */

/** The limits; units in the names. */
export const LIMITS = {
  /** Bytes of PAX, GNU long-name and sparse-map data before one tar entry (hosts refuse above 1 MiB). */
  tarMetadataBytes: 1024 * 1024,
  /** Extension headers before one tar entry (hosts refuse more). */
  tarExtensionHeaders: 16,
  /** Records in one PAX header: each costs an object, whatever its size. */
  paxRecords: 65_536,
  /** Bytes of one file's content, also of what a sparse file expands to: 8 TiB, the largest one-chunk EROFS file. */
  fileBytes: 2 ** 43,
  /** Bytes of the holes of a sparse file, 64 GiB: they cost nothing to claim and time to hash. */
  sparseHoleBytes: 2 ** 36,
  /** Extents of one sparse file, all held in memory. */
  sparseExtents: 65_536,
  /** Bytes of one path, and of one link target (Linux PATH_MAX less the final NUL). */
  pathBytes: 4095,
  /** Bytes of one name (Linux NAME_MAX). */
  nameBytes: 255,
  /** Depth of directories: a path within pathBytes has at most 2047. */
  pathDepth: 2048,
  /** Bytes of one extended attribute's value (Linux XATTR_SIZE_MAX). */
  xattrValueBytes: 65_536,
  /** Bytes of one extended attribute's name (Linux XATTR_NAME_MAX). */
  xattrNameBytes: 255,
  /** Entries in one layer, all held in memory; many times the files of a desktop system. */
  layerEntries: 16_000_000,
  /** Bytes of one JSON document (manifest, index, config), held in memory whole. */
  jsonBytes: 32 * 1024 * 1024,
  /** Nesting of objects and arrays in one JSON document; far beyond any real one. */
  jsonDepth: 256,
  /** Manifests that one index names, and that nested indexes name together: each may be read. */
  indexManifests: 16_384,
  /** Manifests that are opened to find what is attached to one image: signatures, SBOMs and so on. */
  referrers: 4096,
  /** Artifacts that are attached to one another, from the image on: a signature of a bill of materials is the second. */
  referrerDepth: 8,
  /** Bytes of one payload, bundle or CMS signature, held in memory whole. */
  signatureBytes: 1024 * 1024,
  /** Signatures in one attachment or bundle, and subjects of one statement: each is verified. */
  signatures: 256,
  /** Members of an image archive (the outer tar), indexed in memory. */
  archiveMembers: 262_144,
  /** Layers of one image that is read; clients take some hundred. */
  imageLayers: 4096,
  /** Bytes of a composefs EROFS image that is read (the C tools refuse above 1 GiB as well). */
  erofsBytes: 2 ** 30,
  /** Bytes of a dumpfile line, held in memory whole: path, target, content, attributes. */
  dumpLineBytes: 1024 * 1024,
  /** zstd window that a frame may ask for, as a power of two: 128 MiB of memory to read it. */
  zstdWindowLog: 27,
  /** Bytes of one file of a package database inside the image, held in memory whole. */
  packageDatabaseBytes: 64 * 1024 * 1024,
  /** Bytes of an RPM database and of its write-ahead log, held in memory whole; desktops have up to 120 MiB. */
  rpmDatabaseBytes: 256 * 1024 * 1024,
  /** Entries of the tables of sections and of segments of an ELF file; programs have some dozens. */
  elfTableEntries: 4096,
  /** Bytes of the names of sections of an ELF file. */
  elfNamesBytes: 256 * 1024,
  /** Bytes of the list of modules in a program, also once it is expanded; Kubernetes has 20 KiB. */
  moduleListBytes: 1024 * 1024,
  /** Bytes of a component map, held in memory whole. */
  componentMapBytes: 256 * 1024 * 1024,
  /** Bytes of a contentmeta file, held in memory whole; that of a 6.5 GB image has 12 MB. */
  contentmetaBytes: 128 * 1024 * 1024,
  /** Bytes of a file of optional groups, held in memory whole: some dozens of names. */
  groupsBytes: 1024 * 1024,
  /** Bytes of a package's changelog that are looked at, compressed and expanded: dates are wanted. */
  changelogBytes: 4 * 1024 * 1024,
  /** Sections of a PE file; a UKI with several profiles has some dozens. */
  peSections: 512,
  /** Bytes of a text section of a UKI (command line, os-release); kernels take command lines of a few KiB. */
  peTextBytes: 1024 * 1024,
  /** Bytes of a stub that a UKI is made of, held in memory whole; real ones have some hundred KiB. */
  peStubBytes: 16 * 1024 * 1024,
  /** Bytes of all signatures of a PE file; one has two KiB. */
  peCertificateBytes: 1024 * 1024,
  /** Nesting of DER data (certificates, signatures); real ones have some dozen levels. */
  derDepth: 32,
  /** Certificates of one file or one signature. */
  certificates: 64,
  /** Signers of one CMS signature. */
  cmsSigners: 16,
  /** Certificates from a signer to one that is trusted. */
  certificateChain: 8,
  /** Bytes of a key, certificate or passphrase file, held in memory whole. */
  keyFileBytes: 1024 * 1024,
  /** Bytes of one file of an SELinux policy inside the image, held in memory whole; real ones have half a MiB. */
  selinuxFileBytes: 16 * 1024 * 1024,
  /** Rules for labels in one SELinux policy; real ones have some 6,000. */
  selinuxRules: 131_072,
  /** States of the automaton that all rules of an SELinux policy make together; real ones make some 70,000. */
  selinuxStates: 2 ** 20,
  /** Steps of matching paths against SELinux rules that no table answers; a real system takes some 1,500,000. */
  selinuxSteps: 2 ** 27,
  /** Bytes of one directory on disk when read at once: names, metadata and all extended attributes. */
  scanBytes: 2 ** 29,
  /** Bytes of a splitstream as it lies in a repository, held in memory whole: lists of digests and compressed headers. */
  splitstreamBytes: 2 ** 30,
  /** Bytes of the names in one splitstream, held in memory whole: some hundred for each layer. */
  splitstreamNameBytes: 16 * 1024 * 1024,
  /** Bytes that stand in one splitstream itself, 16 GiB: headers of as many entries as a layer may have. */
  splitstreamInlineBytes: 2 ** 34,
  /** Bytes of one file of the layer cache, held in memory whole: the index of a layer of some millions of entries. */
  cacheFileBytes: 2 ** 30,
  /** Bytes of an answer of a registry that is neither a document nor a blob: a token, an error, held in memory whole. */
  registryAnswerBytes: 1024 * 1024,
  /** Bytes of the headers of one answer of a registry; those of large ones have two KiB. */
  registryHeaderBytes: 64 * 1024,
  /** Redirections from one request to the next, to where a registry keeps its blobs: one or two are usual. */
  registryRedirects: 10,
  /** Pages of one list of referrers of a registry. */
  registryPages: 256,
  /** Bytes of everything that is fetched to find what is attached to one image, 1 GiB: signatures, SBOMs and so on. */
  attachedBytes: 2 ** 30,
  /** Bytes of a file of credentials, and of what a credential helper answers, held in memory whole. */
  credentialsBytes: 1024 * 1024,
} as const;

/** Name of a limit. */
export type LimitName = keyof typeof LIMITS;
