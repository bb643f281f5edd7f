import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { skipNote } from '../../test/skip_note.ts';
import { awsCredentials } from './aws_credentials.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let server: Server;
let base: string;
let seen: Seen[];
/** What is answered to each method and path; anything else is 404. */
let routes: Record<string, string>;
beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      seen.push({ method: request.method!, url: request.url!, headers: request.headers, body });
      const text = routes[`${request.method} ${request.url}`];
      response.writeHead(text === undefined ? 404 : 200).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

let home: string;
beforeEach(() => {
  seen = [];
  routes = {};
  home = mkdtempSync(join(tmpdir(), 'minutehand-aws-'));
  mkdirSync(join(home, '.aws'));
});
afterEach(() => rmSync(home, { recursive: true }));

const write = (name: string, text: string): string => {
  const path = join(home, '.aws', name);
  writeFileSync(path, text);
  return path;
};
/** Of an environment without other sources than those that are named. */
const find = (env: Record<string, string> = {}) =>
  awsCredentials({ HOME: home, AWS_EC2_METADATA_SERVICE_ENDPOINT: base, ...env }, 'eu-central-1');
const KEYS = { AWS_ACCESS_KEY_ID: 'env', AWS_SECRET_ACCESS_KEY: 'hush' };
const EXPIRATION = '2030-01-02T03:04:05Z';
const EXPIRES = { expiresMs: Date.parse(EXPIRATION) };
const answer = (AccessKeyId: string, token: object) =>
  JSON.stringify({ Code: 'Success', AccessKeyId, SecretAccessKey: 'hush', Expiration: EXPIRATION, ...token });

describe('credentials of AWS', () => {
  it('are those of the environment before all others', async () => {
    write('credentials', '[default]\naws_access_key_id = file\naws_secret_access_key = hush\n');
    expect(await find(KEYS)).toEqual({ accessKeyId: 'env', secretAccessKey: 'hush' });
    expect(await find({ ...KEYS, AWS_SESSION_TOKEN: 't' })).toMatchObject({ sessionToken: 't' });
    expect(await find({ AWS_ACCESS_KEY_ID: 'env' })).toMatchObject({ accessKeyId: 'file' });
  });

  it('are those of a profile, in either file', async () => {
    write(
      'credentials',
      '# comment\r\n[default]\r\naws_access_key_id=one\r\naws_secret_access_key = a=b\r\n\r\n[desk]\naws_access_key_id = two\naws_secret_access_key = hush\naws_session_token = t\n',
    );
    write(
      'config',
      '[default]\nregion = x\n[profile  other]\ns3 =\n  aws_access_key_id = no\naws_access_key_id = three\naws_secret_access_key = hush\n',
    );
    expect(await find()).toEqual({ accessKeyId: 'one', secretAccessKey: 'a=b' });
    expect(await find({ AWS_PROFILE: 'desk' })).toMatchObject({ accessKeyId: 'two', sessionToken: 't' });
    expect(await find({ AWS_PROFILE: 'other' })).toMatchObject({ accessKeyId: 'three' });
    await expect(find({ AWS_PROFILE: 'nobody' })).rejects.toThrow('profile nobody is in no file');
    const elsewhere = write('mine', '[default]\naws_access_key_id = four\naws_secret_access_key = hush\n');
    expect(await find({ AWS_SHARED_CREDENTIALS_FILE: elsewhere })).toMatchObject({ accessKeyId: 'four' });
  });

  it('of a profile with a role or SSO name the way that there is', async () => {
    write('config', '[profile sso]\nsso_session = desk\n');
    await expect(find({ AWS_PROFILE: 'sso' })).rejects.toThrow('credential_process = aws configure export-credentials');
  });

  const isWindows = process.platform === 'win32';
  it.runIf(!isWindows)(
    `are those that a program prints, and its output is in no error${skipNote(isWindows, 'a shell script')}`,
    async () => {
      const path = write('keys.json', answer('printed', { Version: 1, SessionToken: 't' }));
      write(
        'config',
        `[default]\ncredential_process = cat "${path}"\n[profile bad]\ncredential_process = cat "${path}"; exit 7\n`,
      );
      expect(await find()).toEqual({ accessKeyId: 'printed', secretAccessKey: 'hush', sessionToken: 't', ...EXPIRES });
      const error: unknown = await find({ AWS_PROFILE: 'bad' }).catch((thrown: unknown) => thrown);
      expect(String(error)).toBe('Error: credential_process failed (7)');
    },
  );

  it('are those of a role for a web identity', async () => {
    const tokenFile = write('token', 'jwt&1\n');
    routes['POST /'] =
      `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>web</AccessKeyId><SecretAccessKey>hush</SecretAccessKey><SessionToken>a&amp;b</SessionToken><Expiration>${EXPIRATION}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;
    const env = { AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile, AWS_ROLE_ARN: 'arn:x', AWS_ENDPOINT_URL_STS: base };
    expect(await find(env)).toEqual({ accessKeyId: 'web', secretAccessKey: 'hush', sessionToken: 'a&b', ...EXPIRES });
    expect(Object.fromEntries(new URLSearchParams(seen[0]!.body))).toEqual({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: 'arn:x',
      RoleSessionName: 'minutehand',
      WebIdentityToken: 'jwt&1',
    });
  });

  it('are those of a container, whose service is on this machine or has TLS', async () => {
    routes['GET /keys'] = answer('container', { Token: 't' });
    const full = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${base}/keys` };
    expect(await find({ ...full, AWS_CONTAINER_AUTHORIZATION_TOKEN: 'secret' })).toEqual({
      accessKeyId: 'container',
      secretAccessKey: 'hush',
      sessionToken: 't',
      ...EXPIRES,
    });
    await find({ ...full, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: write('token', 'of a file\n') });
    expect(seen.map(({ headers }) => headers.authorization)).toEqual(['secret', 'of a file']);
    await expect(find({ AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://example.com/keys' })).rejects.toThrow(
      'example.com',
    );
    await expect(find({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `${base}/none` })).rejects.toThrow('answered 404');
  });

  it('are those of the role of an instance, by version 2 of its metadata', async () => {
    routes['PUT /latest/api/token'] = 'session';
    routes['GET /latest/meta-data/iam/security-credentials/'] = 'desk-role\n';
    routes['GET /latest/meta-data/iam/security-credentials/desk-role'] = answer('instance', { Token: 't' });
    expect(await find()).toMatchObject({ accessKeyId: 'instance', sessionToken: 't', ...EXPIRES });
    expect(seen[0]!.headers['x-aws-ec2-metadata-token-ttl-seconds']).toBe('21600');
    expect(seen.slice(1).map(({ headers }) => headers['x-aws-ec2-metadata-token'])).toEqual(['session', 'session']);
    seen.length = 0;
    await expect(find({ AWS_EC2_METADATA_DISABLED: 'true' })).rejects.toThrow('no AWS credentials');
    expect(seen).toEqual([]);
  });

  it('that are nowhere are an error that names the sources', async () => {
    await expect(find()).rejects.toThrow(/AWS_ACCESS_KEY_ID .* profile, .* web identity, a container nor an instance/);
  });
});
