/** The header `Link` (RFC 8288), by which lists of a registry go on. */

const LINK = /[ \t,]*<([^<>]*)>((?:[ \t]*;[ \t]*[^=;,<>"\s]+(?:[ \t]*=[ \t]*(?:"[^"]*"|[^",;<>\s]*))?)*)/y;
const RELATION = /;[ \t]*rel[ \t]*=[ \t]*(?:"([^"]*)"|([^",;\s]*))/i;

/** Where the header says that the next page is; `undefined` when it does not say, or cannot be read. */
export function nextLink(header: string): string | undefined {
  LINK.lastIndex = 0;
  for (let match = LINK.exec(header); match !== null; match = LINK.exec(header)) {
    const [, target = '', parameters = ''] = match;
    const [, quoted, bare] = RELATION.exec(parameters) ?? [];
    if (
      (quoted ?? bare ?? '')
        .toLowerCase()
        .split(/[ \t]+/)
        .includes('next')
    )
      return target;
    if (match[0] === '') return undefined;
  }
  return undefined;
}
