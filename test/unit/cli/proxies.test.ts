/** Proxies of the environment, as programs in Go read it. */
import { describe, expect, it } from 'vitest';
import { proxyChoice } from '../../../src/cli/proxies.ts';

const PROXY = 'http://proxy.example:3128/';

function choose(environment: NodeJS.ProcessEnv, address: string): string | undefined {
  return proxyChoice(environment)(new URL(address))?.href;
}

describe('the proxy for an address', () => {
  it.each<[string, NodeJS.ProcessEnv, string | undefined]>([
    ['https://reg.example/', { HTTPS_PROXY: PROXY }, PROXY],
    ['https://reg.example/', { https_proxy: PROXY }, PROXY],
    ['https://reg.example/', { HTTPS_PROXY: 'proxy.example:3128' }, PROXY],
    ['https://reg.example/', { HTTPS_PROXY: 'https://u:p@proxy.example' }, 'https://u:p@proxy.example/'],
    ['https://reg.example/', { HTTPS_PROXY: 'socks5://proxy.example' }, undefined],
    ['https://reg.example/', { HTTPS_PROXY: 'http://[' }, undefined],
    ['https://reg.example/', { HTTP_PROXY: PROXY }, undefined],
    ['http://reg.example/', { HTTP_PROXY: PROXY }, PROXY],
    ['http://reg.example/', { HTTPS_PROXY: PROXY }, undefined],
    ['https://localhost:5000/', { HTTPS_PROXY: PROXY }, undefined],
    ['https://127.9.9.9/', { HTTPS_PROXY: PROXY }, undefined],
    ['https://[::1]:5000/', { HTTPS_PROXY: PROXY }, undefined],
    ['https://reg.example/', {}, undefined],
  ])('%s by %o is %s', (address, environment, expected) => {
    expect(choose(environment, address)).toBe(expected);
  });

  it.each<[string, string, boolean]>([
    ['*', 'https://reg.example/', true],
    ['reg.example', 'https://reg.example/', true],
    ['REG.example', 'https://reg.example/', true],
    ['example', 'https://reg.example/', true],
    ['other, example', 'https://reg.example/', true],
    ['.example', 'https://reg.example/', true],
    ['*.example', 'https://reg.example/', true],
    ['.reg.example', 'https://reg.example/', false],
    ['eg.example', 'https://reg.example/', false],
    ['reg.example:443', 'https://reg.example/', true],
    ['reg.example:5000', 'https://reg.example/', false],
    ['reg.example:5000', 'https://reg.example:5000/', true],
    ['10.1.2.3', 'https://10.1.2.3/', true],
    ['2.3', 'https://10.1.2.3/', false],
    ['10.0.0.0/8', 'https://10.1.2.3/', true],
    ['10.0.0.0/33', 'https://10.1.2.3/', false],
    ['11.0.0.0/8', 'https://10.1.2.3/', false],
    ['fd00::/8', 'https://[fd00::1]/', true],
    ['fd00::1', 'https://[fd00::1]:5000/', true],
    ['[fd00::1]:5000', 'https://[fd00::1]:5000/', true],
    ['[fd00::1]:5001', 'https://[fd00::1]:5000/', false],
    ['', 'https://reg.example/', false],
    [',:,/,[', 'https://reg.example/', false],
  ])('NO_PROXY=%s for %s: %s', (exception, address, isDirect) => {
    const environment = { HTTPS_PROXY: PROXY, NO_PROXY: exception };
    expect(choose(environment, address)).toBe(isDirect ? undefined : PROXY);
  });
});
