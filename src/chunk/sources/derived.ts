/** Files that programs generate from files of a package: they change with that package, and follow it. */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import { joinPath, lookup, sortedChildren } from '../../tree/walk.ts';
import type { Claim, ClaimContext, ComponentSource, SourceClaims } from '../component.ts';
import type { TreeItem } from '../tree-index.ts';

/** One rule: plain data, so that users can add theirs. */
export interface DerivedRule {
  /** Matched against the absolute path of an unowned leaf. */
  readonly match: RegExp;
  /**
   * Paths whose owner takes it, first owned first; `$1` to `$9` stand for groups of the match. A path that ends in
   * `/` means any owned leaf right inside that directory.
   */
  readonly owners: readonly string[];
}

/** Rules in order: the first that leads to an owner counts. */
const DERIVED_RULES: readonly DerivedRule[] = [
  { match: /^(.*)\/__pycache__\/([^/]*)\.(?:cpython|pypy)[^./]*(?:\.opt-[12])?\.pyc$/, owners: ['$1/$2.py'] },
  { match: /^(.*\.py)[co]$/, owners: ['$1'] },
  { match: /^\/(?:usr\/lib|etc)\/udev\/hwdb\.bin$/, owners: ['/usr/lib/udev/hwdb.d/'] },
  {
    match: /^\/usr\/lib\/locale\//,
    owners: ['/usr/sbin/locale-gen', '/usr/share/i18n/locales/', '/usr/bin/localedef'],
  },
  {
    match: /^\/etc\/(?:ssl\/certs\/|ca-certificates|pki\/ca-trust\/extracted\/)/,
    owners: [
      '/usr/sbin/update-ca-certificates',
      '/usr/share/ca-certificates/mozilla/',
      '/usr/bin/update-ca-trust',
    ],
  },
  { match: /^\/usr\/share\/mime\//, owners: ['/usr/share/mime/packages/freedesktop.org.xml'] },
  { match: /^(.*)\/icon-theme\.cache$/, owners: ['$1/index.theme', '$1/'] },
  { match: /^\/var\/cache\/fontconfig\/|^\/usr\/lib\/fontconfig\/cache\//, owners: ['/usr/bin/fc-cache'] },
  { match: /^(\/usr\/share\/fonts\/.*)\/(?:fonts\.(?:dir|scale)|\.uuid)$/, owners: ['$1/'] },
  { match: /^\/var\/cache\/man\//, owners: ['/usr/bin/mandb'] },
  {
    match: /^(.*)\/gschemas\.compiled$/,
    owners: ['/usr/bin/glib-compile-schemas', '$1/'],
  },
  {
    match: /^(.*)\/(?:giomodule|loaders|immodules)\.cache$/,
    owners: ['$1/', '/usr/bin/glib-compile-schemas'],
  },
  { match: /^(.*)\/gconv-modules\.cache$/, owners: ['$1/gconv-modules', '$1/'] },
  { match: /^\/usr\/share\/applications\/mimeinfo\.cache$/, owners: ['/usr/bin/update-desktop-database'] },
  {
    match: /^\/usr\/share\/info\/dir(?:\.old)?$/,
    owners: ['/usr/bin/install-info', '/usr/sbin/install-info', '/usr/bin/ginstall-info'],
  },
  { match: /^\/var\/lib\/systemd\/catalog\/database$/, owners: ['/usr/lib/systemd/catalog/'] },
];

/** The source of generated files, with the rules of the user before the built-in ones. */
export function derivedSource(rules: readonly DerivedRule[] = []): ComponentSource {
  const all = [...rules, ...DERIVED_RULES];
  return {
    name: 'derived',
    priority: 50,
    strength: 'weak',
    wantedPaths: () => [],
    claim: (context) => claim(context, all),
  };
}

function claim(context: ClaimContext, rules: readonly DerivedRule[]): SourceClaims {
  const claims: Claim[] = [];
  for (const item of context.unowned()) {
    if (item.node.type === 'directory') continue;
    const key = ruleOwner(context, rules, item.path) ?? linkOwner(context, item);
    if (key !== undefined) claims.push({ path: item.path, key });
  }
  return { components: new Map(), claims };
}

function ruleOwner(
  context: ClaimContext,
  rules: readonly DerivedRule[],
  path: ByteString,
): ByteString | undefined {
  for (const rule of rules) {
    const match = rule.match.exec(path);
    if (match === null) continue;
    for (const owner of rule.owners) {
      const filled = owner.replace(/\$([1-9])/g, (_, group: string) => match[Number(group)] ?? '');
      const key = ownerAt(context, byteString(filled));
      if (key !== undefined) return key;
    }
  }
  return undefined;
}

function ownerAt(context: ClaimContext, path: ByteString): ByteString | undefined {
  if (!path.endsWith('/')) return context.ownerOf(context.index.canonicalPath(path) ?? path);
  const directory = byteString(path.slice(0, -1));
  const node = lookup(context.index.root, directory);
  if (node?.type !== 'directory') return undefined;
  for (const [name, child] of sortedChildren(node)) {
    const key = child.type === 'directory' ? undefined : context.ownerOf(joinPath(directory, name));
    if (key !== undefined) return key;
  }
  return undefined;
}

/**
 * A link to its neighbour (`libz.so.1` to `libz.so.1.2.13`) belongs with it: lists made of checksums leave links
 * out. Not below /etc, where links are decisions of an administrator.
 */
function linkOwner(context: ClaimContext, { path, node }: TreeItem): ByteString | undefined {
  if (node.type !== 'symlink' || path.startsWith('/etc/') || node.target.includes('/')) return undefined;
  return context.ownerOf(byteString(path.slice(0, path.lastIndexOf('/') + 1) + node.target));
}
