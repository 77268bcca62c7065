/** Registries by TLS, with a certificate that openssl made: trusted by nobody, until it is named. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../support/cli.ts';
import { hasTool } from '../support/composefs-tools.ts';
import { FakeRegistry } from '../support/fake-registry.ts';
import { run, runPlanishJson } from '../support/run.ts';

const ready = hasTool('openssl', 'registries by TLS');
const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);

describe.skipIf(!ready)('a registry by TLS', () => {
  let registry: FakeRegistry;
  let inspect: readonly string[];

  beforeAll(async () => {
    const files = ['-keyout', at('key.pem'), '-out', at('cert.pem')];
    const subject = ['-subj', '/CN=registry', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
    const made = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      ...files,
      ...subject,
    ];
    await run('openssl', ['req', '-x509', ...made]);
    registry = await FakeRegistry.start({
      key: readFileSync(at('key.pem')),
      cert: readFileSync(at('cert.pem')),
    });
    registry.addImage();
    inspect = ['inspect', `docker://${registry.host}/app`];
  });
  afterAll(() => registry?.stop());

  test('is not trusted', async () => {
    await expect(runPlanishJson(inspect)).rejects.toThrow(
      `planish: REGISTRY_UNREACHABLE: the registry ${registry.host} cannot be reached: its certificate is not trusted: DEPTH_ZERO_SELF_SIGNED_CERT (https://${registry.host}/v2/)`,
    );
    expect(registry.asked).toEqual([]);
  });

  test('is when its certificate is named, or none is asked for', async () => {
    const env = { NODE_EXTRA_CA_CERTS: at('cert.pem') };
    const { manifest } = await runPlanishJson(inspect, { env });
    expect((await runPlanishJson(['--tls-verify=false', ...inspect])).manifest).toEqual(manifest);
  });
});
