/** The digests that hosts of each profile compute for booting, each computed when it is first asked for. */
import { makeBootableTree } from '../../host/bootable-tree.ts';
import { attempt, hostOutcome } from '../../host/host-digest.ts';
import { type HostSource, makePlainTree } from '../../host/host-tree.ts';
import { hostProfile } from '../../host/profiles.ts';
import type { ReadFile } from '../../host/read-file.ts';
import type { BootDigest, LintContext } from '../../lint/rule.ts';
import type { ContentReader } from '../../parallel/content-file.ts';
import type { LintedLayers } from '../lint/lint-layers.ts';
import { contentSource } from '../load/content-source.ts';

/** See the module. A profile that does not boot has neither digest nor refusal. */
export function bootDigests(read: LintedLayers, reader: ContentReader): LintContext['bootDigest'] {
  const known = new Map<string, BootDigest>();
  return (name) => {
    const found = known.get(name) ?? compute(read, reader, name);
    known.set(name, found);
    return found;
  };
}

function compute(read: LintedLayers, reader: ContentReader, name: string): BootDigest {
  const profile = hostProfile(name);
  const { boot } = profile;
  const source = hostSource(read);
  if (boot === undefined || source === undefined) return { digest: undefined, refused: undefined };
  const readFile: ReadFile = ({ content }) => {
    const file = contentSource(reader, content);
    return file.read(0, file.size);
  };
  const tree = attempt(() => makeBootableTree(makePlainTree(source, profile).root, boot, readFile).root);
  const { digest, refused } = hostOutcome(tree, profile, { algorithm: read.algorithm });
  return { digest, refused };
}

function hostSource({ layers, host }: LintedLayers): HostSource | undefined {
  if (layers.length === 0) return host.root === undefined ? undefined : { kind: 'tree', root: host.root };
  const indexes = layers.flatMap(({ index }) => index ?? []);
  return indexes.length < layers.length ? undefined : { kind: 'layers', layers: indexes };
}
