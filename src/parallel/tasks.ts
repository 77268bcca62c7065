/**
 * The functions that may run on a thread, by name: plain arguments in, plain results out. The inline path calls the
 * same record, so one thread or many give the same bytes.
 */
import { closeSync, openSync } from 'node:fs';
import type { HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import type { ZstdBackendName } from '../compress/zstd-backend.ts';
import { loadZstd } from '../compress/zstd-load.ts';
import { fromSystemError } from '../errors.ts';
import { type BlobFile, readBlob } from '../io/blob-file.ts';
import type { SizedFile } from '../io/measure-batch.ts';
import type { BlobPromise } from '../layer/blob-meter.ts';
import type { IngestRequest, ListRequest } from '../layer/ingest.ts';
import type { TarScript } from '../layer/tar-script.ts';
import type { LayerCompression, WrittenLayer } from '../layer/write.ts';
import type { CheckLayerRequest } from '../repo/check-streams.ts';
import type { ExportLayerRequest } from '../repo/export-layer.ts';
import type { Finding } from '../repo/finding.ts';
import type { MeasuredFolder, MeasureObjectsRequest } from '../repo/measure-objects.ts';
import type { ObjectCounts, ObjectTarget } from '../repo/object-writer.ts';
import { type ContentFile, ContentReader } from './content-file.ts';
import { type Spool, SpoolWriter, type Windows, writeAll } from './spool.ts';
import type { StoreContentsTask } from './store-contents.ts';

/** What a task may tell while it runs. */
export interface TaskContext {
  /** Bytes done so far. */
  readonly progress: (bytes: number) => void;
  /** Lets others have a word and throws where the run has ended; absent in a thread, which can be ended from outside. */
  readonly pause?: () => Promise<void>;
}

/** Arguments of {@link TASKS.ingest}. `spool` is where the uncompressed tar shall be kept, if it shall. */
export interface IngestTask {
  readonly blob: BlobFile;
  readonly request: IngestRequest;
  readonly spool: Spool | undefined;
}

/** Arguments of {@link TASKS.list}; a tar that is not compressed is kept nowhere. */
export interface ListTask {
  readonly blob: BlobFile;
  readonly request: ListRequest;
  readonly spool: Spool | undefined;
}

/** Result of {@link TASKS.ingest} and {@link TASKS.list}: an encoded index, and memory that was filled. */
export interface IngestedLayer {
  readonly index: Uint8Array;
  readonly windows: Windows | undefined;
}

/** Arguments of {@link TASKS.unpack}: a layer that was read before. */
export interface UnpackTask {
  readonly blob: BlobFile;
  readonly promise: BlobPromise;
  readonly spool: Spool | undefined;
}

/** Arguments of {@link TASKS.store}. */
export interface StoreTask {
  readonly blob: BlobFile;
  readonly request: IngestRequest;
  readonly target: ObjectTarget;
}

/** Result of {@link TASKS.store}; the index as one buffer. */
export interface StoredTask {
  readonly index: Uint8Array;
  readonly stream: VerityDigest;
  readonly counts: ObjectCounts;
}

/** Arguments of {@link TASKS.exportLayer}. `file` is created. */
export interface ExportTask extends ExportLayerRequest {
  readonly file: string;
}

/** Arguments of {@link TASKS.write}. `file` is created. */
export interface WriteTask {
  readonly script: TarScript;
  readonly contents: readonly ContentFile[];
  readonly compression: LayerCompression;
  readonly file: string;
}

/** Arguments of {@link TASKS.measure}: files by path with the size they are known to have. */
export interface MeasureTask {
  readonly files: readonly SizedFile[];
  readonly algorithm: HashAlgorithm;
}

/** Every task. Each loads what it needs when it is first run: a thread that reads layers loads nothing of repositories. */
export const TASKS = {
  async ingest({ blob, request, spool }: IngestTask, context: TaskContext): Promise<IngestedLayer> {
    const { ingestLayer } = await import('../layer/ingest.ts');
    const { encodeIndex } = await import('../layer/index-codec.ts');
    const { EntryEncoder } = await import('../layer/index-entries.ts');
    const writer = spool === undefined ? undefined : new SpoolWriter(spool);
    const encoder = new EntryEncoder(request.algorithm);
    const sinks = { tar: writer?.write, entries: encoder.add, ...context };
    const read = await ingestLayer(readBlob(blob, { oneBuffer: true }), request, sinks);
    return { index: encodeIndex(read, encoder), windows: writer?.windows };
  },

  async list({ blob, request, spool }: ListTask, context: TaskContext): Promise<IngestedLayer> {
    const { listBlob } = await import('../io/list-blob.ts');
    const { encodeIndex } = await import('../layer/index-codec.ts');
    const writer = spool === undefined ? undefined : new SpoolWriter(spool);
    const index = encodeIndex(await listBlob(blob, request, { tar: writer?.write, ...context }));
    return { index, windows: writer?.windows };
  },

  async unpack({ blob, promise, spool }: UnpackTask, context: TaskContext): Promise<Windows | undefined> {
    const { unpackLayer } = await import('../layer/unpack.ts');
    const writer = spool === undefined ? undefined : new SpoolWriter(spool);
    const keep = (piece: Uint8Array): boolean => {
      writer?.write(piece);
      return writer?.isComplete ?? true;
    };
    await unpackLayer(readBlob(blob, { oneBuffer: true }), promise, keep, context);
    return writer?.windows;
  },

  async store({ blob, request, target }: StoreTask, context: TaskContext): Promise<StoredTask> {
    const { storeLayer } = await import('../repo/store-layer.ts');
    const { encodeIndex } = await import('../layer/index-codec.ts');
    const { EntryEncoder } = await import('../layer/index-entries.ts');
    const encoder = new EntryEncoder(request.algorithm);
    const sinks = { entries: encoder.add, ...context };
    const stored = await storeLayer(readBlob(blob, { oneBuffer: true }), request, target, sinks);
    return { index: encodeIndex(stored, encoder), stream: stored.stream, counts: stored.counts };
  },

  async storeContents(task: StoreContentsTask, { progress }: TaskContext): Promise<ObjectCounts> {
    const { storeContents } = await import('./store-contents.ts');
    return storeContents(task, progress);
  },

  async measureObjects(request: MeasureObjectsRequest, { progress }: TaskContext): Promise<MeasuredFolder> {
    const { measureObjects } = await import('../repo/measure-objects.ts');
    return await measureObjects(request, progress);
  },

  async checkLayer(request: CheckLayerRequest, { progress }: TaskContext): Promise<Finding | undefined> {
    const { checkLayer } = await import('../repo/check-streams.ts');
    return await checkLayer(request, progress);
  },

  async exportLayer({ file, ...request }: ExportTask, { progress }: TaskContext): Promise<WrittenLayer> {
    const { exportLayer } = await import('../repo/export-layer.ts');
    const fd = openFile(file);
    try {
      const sink = (piece: Uint8Array): void => writeAll(fd, piece, null, { file });
      return await exportLayer(request, sink, progress);
    } finally {
      closeSync(fd);
    }
  },

  async write(task: WriteTask, context: TaskContext): Promise<WrittenLayer> {
    const { writeLayer } = await import('../layer/write.ts');
    const reader = new ContentReader(task.contents);
    const fd = openFile(task.file);
    try {
      const sink = (piece: Uint8Array): void => writeAll(fd, piece, null, { file: task.file });
      return await writeLayer(task.script, reader.read, task.compression, sink, context.progress);
    } finally {
      closeSync(fd);
      reader.close();
    }
  },

  async measure(task: MeasureTask, context: TaskContext): Promise<VerityDigest[]> {
    const { measureFileBatch } = await import('../io/measure-batch.ts');
    const digests = measureFileBatch(task.files, task.algorithm);
    context.progress(task.files.reduce((sum, { size }) => sum + size, 0));
    return digests;
  },
} as const;

/** Name of a task. */
export type TaskName = keyof typeof TASKS;

/** Arguments and result of a task. */
export type TaskArguments<N extends TaskName> = Parameters<(typeof TASKS)[N]>[0];
export type TaskResult<N extends TaskName> = Awaited<ReturnType<(typeof TASKS)[N]>>;

/**
 * Holds this thread to the zstd backend that was asked for; must be awaited before any task runs. Without a wish it
 * is chosen when a stream first needs it, so that runs without zstd do not pay for loading it.
 */
export async function prepareThread(zstd: ZstdBackendName | undefined): Promise<void> {
  if (zstd !== undefined) await loadZstd(zstd);
}

function openFile(file: string): number {
  try {
    return openSync(file, 'wx', 0o644);
  } catch (error) {
    throw fromSystemError(error, 'creating a file', { file });
  }
}
