import { expect, test } from 'vitest';
import { byteString, fromUtf8 } from '../../src/bytes/byte-string.ts';
import { canonicalize } from '../../src/tree/canonical.ts';
import { copyTree } from '../../src/tree/copy.ts';
import { type DiffField, diffTrees } from '../../src/tree/diff.ts';
import { flatten } from '../../src/tree/flatten.ts';
import { transformForContainer } from '../../src/tree/transform.ts';
import type { Directory, Leaf, Node } from '../../src/tree/tree.ts';
import { validateTree } from '../../src/tree/validate.ts';
import { walk } from '../../src/tree/walk.ts';
import type { Warning } from '../../src/warnings.ts';
import { arbitraryTree } from '../support/arbitraries.ts';
import { fc } from '../support/property.ts';
import { entriesOf, external, inline, layers, render } from '../support/tree-builder.ts';

const ANY = { sockets: true, nanoseconds: true, negativeTimes: true };

test('arbitrary trees are valid, and so are their copies, equal and apart', () => {
  fc.assert(
    fc.property(arbitraryTree(ANY), (root) => {
      validateTree(root);
      const copy = copyTree(root);
      expect(render(copy)).toEqual(render(root));
      const nodes = new Set([...walk(root)].map(({ node }) => node));
      expect([...walk(copy)].some(({ node }) => nodes.has(node))).toBe(false);
    }),
  );
});

test('canonicalizing twice is canonicalizing once, and then nothing is left to warn of', () => {
  fc.assert(
    fc.property(arbitraryTree(ANY), (root) => {
      const before = render(root);
      const once = canonicalize(root);
      const warnings: Warning[] = [];
      const twice = canonicalize(once, { onWarning: (warning) => warnings.push(warning) });
      expect(render(twice)).toEqual(render(once));
      expect(warnings).toEqual([]);
      expect(render(root)).toEqual(before);
    }),
  );
});

test('what is canonical already stays as it is, and survives a tar', () => {
  fc.assert(
    fc.property(arbitraryTree(), (root) => {
      expect(render(canonicalize(root))).toEqual(render(root));
      expect(render(canonicalize(flatten(layers(entriesOf(root))).root))).toEqual(render(root));
    }),
  );
});

test('the container transform is idempotent and leaves its input alone', () => {
  fc.assert(
    fc.property(arbitraryTree(ANY), arbitraryTree(ANY), (root, usr) => {
      root.children.set(byteString('usr'), usr);
      const before = render(root);
      const once = transformForContainer(root);
      expect(render(transformForContainer(once.root).root)).toEqual(render(once.root));
      expect(render(root)).toEqual(before);
    }),
  );
});

test('equal trees do not differ', () => {
  fc.assert(
    fc.property(arbitraryTree(ANY), (root) => {
      expect([...diffTrees(root, copyTree(root))]).toEqual([]);
    }),
  );
});

test('no difference means the same text, and the other way round', () => {
  fc.assert(
    fc.property(arbitraryTree(ANY), arbitraryTree(ANY), (a, b) => {
      const same = JSON.stringify(render(a)) === JSON.stringify(render(b));
      expect([...diffTrees(a, b)].length === 0).toBe(same);
    }),
  );
});

test('differences turned round are the differences of the trees turned round', () => {
  const turned = { added: 'removed', removed: 'added', changed: 'changed' } as const;
  fc.assert(
    fc.property(arbitraryTree(ANY), arbitraryTree(ANY), (a, b) => {
      const there = [...diffTrees(a, b)].map(({ path, kind, fields }) => ({
        path,
        kind: turned[kind],
        fields: fields.map((field) => ({ ...field, a: field.b, b: field.a })),
      }));
      expect([...diffTrees(b, a)]).toEqual(there);
    }),
  );
});

/** Changes one field of a node in place, or says that nodes of its type have no such field. */
type Mutation = (node: Node) => DiffField | undefined;

const setMetadata = (node: Node, change: Partial<Node['metadata']>, field: DiffField): DiffField => {
  node.metadata = { ...node.metadata, ...change };
  return field;
};

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  mode: (node) => setMetadata(node, { mode: node.metadata.mode ^ 1 }, 'mode'),
  uid: (node) => setMetadata(node, { uid: node.metadata.uid === 0 ? 1 : node.metadata.uid - 1 }, 'uid'),
  gid: (node) => setMetadata(node, { gid: node.metadata.gid === 0 ? 1 : node.metadata.gid - 1 }, 'gid'),
  seconds: (node) =>
    setMetadata(node, { mtime: { ...node.metadata.mtime, sec: node.metadata.mtime.sec + 1 } }, 'mtime'),
  nanoseconds: (node) =>
    setMetadata(node, { mtime: { ...node.metadata.mtime, nsec: node.metadata.mtime.nsec ^ 1 } }, 'mtime'),
  newXattr: (node) =>
    setMetadata(
      node,
      { xattrs: new Map([...node.metadata.xattrs, [fromUtf8('user.new'), new Uint8Array(1)]]) },
      'xattr',
    ),
  lostXattr: (node) => {
    const [, ...rest] = node.metadata.xattrs;
    if (node.metadata.xattrs.size === 0) return undefined;
    return setMetadata(node, { xattrs: new Map(rest) }, 'xattr');
  },
  otherXattr: (node) => {
    const [first, ...rest] = node.metadata.xattrs;
    if (first === undefined) return undefined;
    const value = Uint8Array.from([...first[1], 0]);
    return setMetadata(node, { xattrs: new Map([[first[0], value], ...rest]) }, 'xattr');
  },
  content: (node) => {
    if (node.type !== 'regular') return undefined;
    const { content } = node;
    if (content.kind === 'inline' && content.bytes.length === 0) return undefined;
    node.content =
      content.kind === 'inline'
        ? inline(content.bytes.map((byte) => byte ^ 0x80))
        : external(content.size, 'other');
    return 'content';
  },
  size: (node) => {
    if (node.type !== 'regular' || node.content.kind !== 'external') return undefined;
    node.content = { ...node.content, size: node.content.size - 1 };
    return 'size';
  },
};

test.each(Object.entries(MUTATIONS))(
  'one change is found at every name of the inode, and nothing else: %s',
  (_name, mutate) => {
    fc.assert(
      fc.property(arbitraryTree(ANY), fc.nat(), (root, pick) => {
        const copy = copyTree(root);
        const nodes = [...walk(copy)].map(({ node }) => node);
        const victim = nodes[pick % nodes.length] as Node;
        const field = mutate(victim);
        fc.pre(field !== undefined);
        const paths = [...walk(copy)].filter(({ node }) => node === victim).map(({ path }) => path);
        const found = [...diffTrees(root, copy)];
        expect(found.map(({ path }) => path)).toEqual(paths);
        for (const { kind, fields } of found)
          expect([kind, fields.map((one) => one.field)]).toEqual(['changed', [field]]);
      }),
    );
  },
);

test('one name less, another target or another device is found, and nothing else', () => {
  const replace = (root: Directory, leaf: Leaf, by: Leaf | undefined): string[] => {
    const [step] = [...walk(root)].filter(({ node }) => node === leaf);
    if (step?.parent === undefined) throw new Error('the leaf is not in the tree');
    if (by === undefined) step.parent.children.delete(step.name);
    else step.parent.children.set(step.name, by);
    return [step.path];
  };
  fc.assert(
    fc.property(arbitraryTree({ ...ANY, hardLinks: false }), fc.nat(), (root, pick) => {
      const copy = copyTree(root);
      const leaves = [...walk(copy)]
        .map(({ node }) => node)
        .filter((node): node is Leaf => node.type !== 'directory');
      fc.pre(leaves.length > 0);
      const leaf = leaves[pick % leaves.length] as Leaf;
      const changed: Leaf | undefined =
        leaf.type === 'symlink'
          ? { ...leaf, target: byteString(`${leaf.target}x`) }
          : leaf.type === 'character' || leaf.type === 'block'
            ? { ...leaf, minor: leaf.minor ^ 1 }
            : undefined;
      const paths = replace(copy, leaf, changed);
      const kind = changed === undefined ? 'removed' : 'changed';
      expect([...diffTrees(root, copy)].map((found) => [found.kind, found.path])).toEqual(
        paths.map((path) => [kind, path]),
      );
    }),
  );
});
