/**
 * Which proxy the environment names for an address, as programs in Go read it (package `httpproxy` of golang.org/x/net, which
 * podman and skopeo use): HTTPS_PROXY for addresses with TLS, HTTP_PROXY for those without, in either case of letters,
 * and NO_PROXY for those that are reached directly, as this machine itself always is.
 */
import { BlockList, isIP } from 'node:net';

/** The proxy for an address, `undefined` where it is reached directly. */
export type ProxyChoice = (url: URL) => URL | undefined;

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;
const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/** Reads the environment. What is no address of a proxy counts as none. */
export function proxyChoice(environment: NodeJS.ProcessEnv): ProxyChoice {
  const value = (name: string): string => environment[name] || environment[name.toLowerCase()] || '';
  const proxies = { 'https:': parseProxy(value('HTTPS_PROXY')), 'http:': parseProxy(value('HTTP_PROXY')) };
  const exceptions = value('NO_PROXY')
    .split(',')
    .map((text) => text.trim().toLowerCase())
    .filter((text) => text !== '');
  return (url) => {
    const proxy = proxies[url.protocol as keyof typeof proxies];
    return proxy === undefined || isLocal(url) || exceptions.some((one) => matches(one, url))
      ? undefined
      : proxy;
  };
}

function parseProxy(text: string): URL | undefined {
  const address = SCHEME.test(text) ? text : `http://${text}`;
  const url = text !== '' && URL.canParse(address) ? new URL(address) : undefined;
  return url !== undefined && url.protocol in DEFAULT_PORTS ? url : undefined;
}

function isLocal(url: URL): boolean {
  const host = hostOf(url);
  return host === 'localhost' || isIn(loopback(), host);
}

/** Made where there is a proxy, not by every run. */
function loopback(): BlockList {
  const list = new BlockList();
  list.addSubnet('127.0.0.0', 8, 'ipv4');
  list.addAddress('::1', 'ipv6');
  return list;
}

/** An address without the brackets of IPv6. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function isIn(list: BlockList, host: string): boolean {
  const version = isIP(host);
  return version !== 0 && list.check(host, version === 6 ? 'ipv6' : 'ipv4');
}

/** `*`, an address, a range of addresses, or a name that stands for all below it, `.name` for those alone; with a port or for all. */
function matches(exception: string, url: URL): boolean {
  if (exception === '*') return true;
  const host = hostOf(url);
  if (exception.includes('/')) return isInRange(exception, host);
  const [, name = '', port] = /^(\[[^\]]*\]|[^:]*|.*:.*:.*?)(?::([0-9]+))?$/.exec(exception) ?? [];
  if (port !== undefined && port !== (url.port || DEFAULT_PORTS[url.protocol])) return false;
  const bare = name.replace(/^\[|\]$/g, '').replace(/^\*(?=\.)/, '');
  if (host === bare) return true;
  const suffix = bare.startsWith('.') ? bare : `.${bare}`;
  return bare !== '' && isIP(host) === 0 && host.endsWith(suffix);
}

function isInRange(range: string, host: string): boolean {
  const [address = '', prefix = ''] = range.split('/');
  const version = isIP(address);
  if (version === 0 || !/^[0-9]{1,3}$/.test(prefix) || Number(prefix) > (version === 6 ? 128 : 32))
    return false;
  const list = new BlockList();
  list.addSubnet(address, Number(prefix), version === 6 ? 'ipv6' : 'ipv4');
  return isIn(list, host);
}
