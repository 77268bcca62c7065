/**
 * Packages of Node that no distribution package owns. What one lock file governs is installed as a whole and is one
 * component; elsewhere, as with global packages, each is its own. Packages inside of others belong to those.
 */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import { lookup } from '../../tree/walk.ts';
import type { ComponentSource } from '../component.ts';
import type { TreeIndex } from '../tree-index.ts';
import { claimUnowned } from './application-claims.ts';

/** The outermost `node_modules` of a path, the package inside it (with its scope), and the rest. */
const INSIDE = /^(.*?\/node_modules)\/((?:@[^/]+\/)?[^/]+)(?:\/|$)/;
/** Records of npm, yarn and pnpm inside a `node_modules` that they made from a lock file. */
const RECORDS = ['.package-lock.json', '.yarn-integrity', '.yarn-state.yml', '.modules.yaml'];

/** The source of Node packages: `npm/NAME`, or `node_modules/PATH` of the project for those of a lock file. */
export const nodeModulesSource: ComponentSource = {
  name: 'node-modules',
  priority: 20,
  strength: 'weak',
  wantedPaths: () => [],
  claim: (context) => {
    const search = new ModulesSearch(context.index);
    return claimUnowned(context, ({ path }) => search.keyOf(path));
  },
};

class ModulesSearch {
  readonly #index: TreeIndex;
  readonly #locked = new Map<string, boolean>();
  readonly #packages = new Map<string, boolean>();

  constructor(index: TreeIndex) {
    this.#index = index;
  }

  keyOf(path: ByteString): ByteString | undefined {
    const match = INSIDE.exec(path);
    if (match === null) return undefined;
    const [, modules = '', name = ''] = match;
    if (this.#isLocked(modules))
      return byteString(`node_modules${modules.slice(0, -'/node_modules'.length)}`);
    return this.#isPackage(`${modules}/${name}`) ? byteString(`npm/${name}`) : undefined;
  }

  #isLocked(modules: string): boolean {
    const known = this.#locked.get(modules) ?? RECORDS.some((record) => this.#isFile(`${modules}/${record}`));
    this.#locked.set(modules, known);
    return known;
  }

  #isPackage(directory: string): boolean {
    const known = this.#packages.get(directory) ?? this.#isFile(`${directory}/package.json`);
    this.#packages.set(directory, known);
    return known;
  }

  #isFile(path: string): boolean {
    return lookup(this.#index.root, byteString(path))?.type === 'regular';
  }
}
