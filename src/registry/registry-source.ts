/** What a reference names in a registry, to be copied as it is. */

import { readLayoutIndex } from '../io/layout.ts';
import type { NamedSource } from '../io/named-source.ts';
import { selectManifest } from '../io/select-image.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { parseManifest } from '../oci/manifest.ts';
import { documentKind } from '../oci/media-types.ts';
import type { PlatformChoice } from '../oci/platform.ts';
import type { RegistryReference } from '../oci/reference.ts';
import { fetchAttachments } from './fetch-attachments.ts';
import { fetchManifest } from './fetch-manifest.ts';
import {
  fetchChoices,
  fetchNamed,
  nameEntry,
  type OpenRegistryOptions,
  openRegistryStore,
} from './open-registry-image.ts';
import type { RegistryStore } from './registry-store.ts';

/** Asks for what the reference names. Throws `NO_SUCH_IMAGE`, and what sending a request throws. */
export async function openRegistrySource(
  reference: RegistryReference,
  options: OpenRegistryOptions,
): Promise<NamedSource> {
  const store = openRegistryStore(reference, options);
  try {
    const { descriptor } = await fetchNamed(store, reference);
    return new RegistrySource(store, reference, descriptor);
  } catch (error) {
    store.close();
    throw error;
  }
}

class RegistrySource implements NamedSource {
  readonly store: RegistryStore;
  readonly #reference: RegistryReference;
  readonly #named: Descriptor;

  constructor(store: RegistryStore, reference: RegistryReference, named: Descriptor) {
    this.store = store;
    this.#reference = reference;
    this.#named = named;
    store.setIndex([nameEntry(named, reference.name)]);
  }

  named(): Descriptor {
    return this.#named;
  }

  async choose(choice: PlatformChoice): Promise<Descriptor> {
    const top = { descriptor: this.#named, bytes: await this.document(this.#named) };
    await fetchChoices(this.store, top, choice);
    return selectManifest(this.store, readLayoutIndex(this.store), this.#reference, choice).descriptor;
  }

  async document(descriptor: Descriptor): Promise<Uint8Array> {
    const bytes = this.store.readDocument(descriptor) ?? (await this.#fetch(descriptor));
    if (documentKind(descriptor.mediaType) !== 'index') {
      const { config, layers } = parseManifest(bytes, `manifest ${descriptor.digest}`);
      for (const blob of [config, ...layers]) this.store.expect(blob);
    }
    return bytes;
  }

  async findAttached(subjects: readonly Descriptor[]): Promise<void> {
    const entries: Descriptor[] = [];
    for (const { digest } of subjects) entries.push(...(await fetchAttachments(this.store, digest, 'all')));
    this.store.setIndex([nameEntry(this.#named, this.#reference.name), ...entries]);
  }

  close(): void {
    this.store.close();
  }

  async #fetch(descriptor: Descriptor): Promise<Uint8Array> {
    const document = await fetchManifest(this.store.client, descriptor);
    this.store.addDocument(document);
    return document.bytes;
  }
}
