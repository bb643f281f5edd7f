import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openS3Bucket, TOO_LARGE, type S3Bucket, type S3Failure } from './s3_bucket.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
type Answer = (response: ServerResponse, seen: Seen) => void;

let server: Server;
let seen: Seen[];
/** Of the next requests; the last one answers all that follow. */
let answers: Answer[];
beforeEach(async () => {
  seen = [];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      const one = { method: request.method!, url: request.url!, headers: request.headers, body };
      seen.push(one);
      (answers.length > 1 ? answers.shift()! : answers[0]!)(response, one);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const KEYS = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
const failures: S3Failure[] = [];
function bucketWith(env: NodeJS.ProcessEnv = KEYS, bucket = 'desk'): S3Bucket {
  failures.length = 0;
  const { port } = server.address() as AddressInfo;
  return openS3Bucket({
    address: { bucket, prefix: ['a b', 'c'], region: 'eu-central-1', endpoint: `http://127.0.0.1:${port}/` },
    env,
    errorOf: (failure) => {
      failures.push(failure);
      return new Error(failure.text) as never;
    },
  });
}

const ok =
  (text = '', headers: Record<string, string> = {}): Answer =>
  (response) =>
    response.writeHead(200, headers).end(text);
const refuse =
  (status: number, code?: string, headers: Record<string, string> = {}): Answer =>
  (response) =>
    response
      .writeHead(status, headers)
      .end(
        code === undefined
          ? ''
          : `<?xml version="1.0"?><Error><Code>${code}</Code><Message>m &amp; n</Message></Error>`,
      );
const hangUp: Answer = (response) => response.destroy();

describe('a bucket', () => {
  it('has its objects below the prefix of its address, encoded and signed', async () => {
    answers = [ok()];
    await bucketWith().put("d e/f+g(1)'$.json", Buffer.from('{}'), { contentType: 'application/json', isKept: true });
    expect(seen).toMatchObject([
      {
        method: 'PUT',
        url: '/desk/a%20b/c/d%20e/f%2Bg%281%29%27%24.json',
        body: '{}',
        headers: {
          'content-type': 'application/json',
          'content-length': '2',
          'if-none-match': '*',
          'accept-encoding': 'identity',
          'x-amz-content-sha256': '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
          authorization: expect.stringMatching(
            /^AWS4-HMAC-SHA256 Credential=id\/\d{8}\/eu-central-1\/s3\/aws4_request, SignedHeaders=host;if-none-match;x-amz-content-sha256;x-amz-date, Signature=[\da-f]{64}$/,
          ) as string,
        },
      },
    ]);
  });

  it('gives bytes, sizes, and null for what is not there', async () => {
    const bucket = bucketWith();
    answers = [ok('bytes')];
    expect([(await bucket.get('x'))!.toString(), await bucket.sizeOf('x')]).toEqual(['bytes', 0]);
    answers = [ok('', { 'content-length': '5000000000' })];
    expect(await bucket.sizeOf('x')).toBe(5_000_000_000);
    answers = [refuse(404)];
    expect(await bucket.sizeOf('x')).toBeNull();
    answers = [refuse(404, 'NoSuchKey')];
    expect([await bucket.get('x'), await bucket.remove('x')]).toEqual([null, undefined]);
    answers = [refuse(404, 'NoSuchBucket')];
    await expect(bucket.get('x')).rejects.toThrow('desk/a b/c/x: NoSuchBucket, 404, m & n');
    expect(failures).toMatchObject([{ name: 'NoSuchBucket', status: 404 }]);
  });

  it('keeps an object that is there already, and tries again while another is written', async () => {
    answers = [refuse(409, 'ConditionalRequestConflict'), refuse(412, 'PreconditionFailed')];
    await bucketWith().put('x', Buffer.from('x'), { isKept: true });
    expect(seen).toHaveLength(2);
  });

  it('lists all pages', async () => {
    const page = (keys: string[], more: string): string =>
      `<ListBucketResult>${keys.map((key) => `<Contents><Key>a b/c/d/${key}</Key><Size>${key.length}</Size></Contents>`).join('')}${more}</ListBucketResult>`;
    answers = [
      ok(
        page(
          ['x', 'y&amp;z'],
          '<IsTruncated>true</IsTruncated><NextContinuationToken>1+/=&amp;</NextContinuationToken>',
        ),
      ),
      ok(page(['last'], '<IsTruncated>false</IsTruncated>')),
    ];
    expect(await bucketWith().list('d')).toEqual([
      { name: 'x', bytes: 1 },
      { name: 'y&z', bytes: 7 },
      { name: 'last', bytes: 4 },
    ]);
    const [first, second] = seen.map(({ url }) => new URL(url, 'http://s3').searchParams);
    expect([...first!]).toEqual([
      ['list-type', '2'],
      ['prefix', 'a b/c/d/'],
    ]);
    expect(second!.get('continuation-token')).toBe('1+/=&');
  });

  it('gives no object that is larger than its reader takes, whether its size is announced or not', async () => {
    const bucket = bucketWith();
    const tooLong = 'x'.repeat(1000);
    for (const headers of [{ 'content-length': '1000' }, { 'transfer-encoding': 'chunked' }]) {
      answers = [ok(tooLong, headers)];
      expect(await bucket.get('x', 1000)).toHaveLength(1000);
      await expect(bucket.get('x', 999)).rejects.toThrow('expected at most 999');
      expect(failures.at(-1)).toMatchObject({ name: TOO_LARGE });
    }
    expect(seen).toHaveLength(4);
  });
});

describe('a call that fails', () => {
  it.each([
    ['an answer that asks for patience', refuse(503, 'SlowDown')],
    ['too many requests', refuse(429)],
    ['an error of the server', refuse(500, 'InternalError')],
    ['a request that took too long', refuse(400, 'RequestTimeout')],
    ['a connection that ends', hangUp],
    [
      'half an answer',
      (response: ServerResponse) =>
        response.writeHead(200, { 'content-length': '9' }).write('half', () => response.destroy()),
    ],
  ])('is tried again after %s', async (_, failing) => {
    answers = [failing, failing, ok('there')];
    expect((await bucketWith().get('x'))!.toString()).toBe('there');
    expect(seen).toHaveLength(3);
  });

  it('waits as long as the bucket asks, and fails at once where that is too long', async () => {
    const began = Date.now();
    answers = [refuse(503, 'SlowDown', { 'retry-after': '1' }), ok('there')];
    expect((await bucketWith().get('x'))!.toString()).toBe('there');
    expect(Date.now() - began).toBeGreaterThanOrEqual(990);
    answers = [refuse(503, 'SlowDown', { 'retry-after': '86400' })];
    const other = bucketWith(KEYS, 'patient');
    await expect(other.get('x')).rejects.toThrow('SlowDown, 503');
    await expect(other.get('y')).rejects.toThrow(/asks for no request before 20/);
    expect(seen).toHaveLength(3);
  });

  it('is given up after five attempts', { timeout: 20_000 }, async () => {
    answers = [hangUp];
    await expect(bucketWith().put('x', Buffer.from('x'))).rejects.toThrow(/desk\/a b\/c\/x: TypeError/);
    expect(seen).toHaveLength(5);
    answers = [refuse(503, 'SlowDown')];
    await expect(bucketWith().put('x', Buffer.from('x'))).rejects.toThrow('SlowDown, 503');
    expect(seen).toHaveLength(10);
  });

  it.each([
    ['AccessDenied', 403],
    ['SignatureDoesNotMatch', 403],
    ['PermanentRedirect', 301],
    ['InvalidRequest', 400],
  ])('is not tried again after %s, and a redirect is not followed', async (code, status) => {
    answers = [refuse(status, code, { location: '/elsewhere' })];
    await expect(bucketWith().get('x')).rejects.toThrow(`${code}, ${status}`);
    expect(failures).toMatchObject([{ name: code, status }]);
    expect(seen).toHaveLength(1);
  });

  it('is signed again with the time of the server where the clocks differ', async () => {
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    answers = [refuse(403, 'RequestTimeTooSkewed', { date }), ok('there')];
    const bucket = bucketWith();
    await bucket.get('x');
    await bucket.get('x');
    const times = seen.map(({ headers }) => {
      const text = headers['x-amz-date'] as string;
      return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
    });
    expect(times[1]! - times[0]!).toBeGreaterThan(3_500_000);
    expect(times[2]! - times[0]!).toBeGreaterThan(3_500_000);
  });

  it('is signed with new credentials where the old ones have expired', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-s3-'));
    const file = join(folder, 'credentials');
    const write = (id: string): void =>
      writeFileSync(file, `[default]\naws_access_key_id = ${id}\naws_secret_access_key = secret\n`);
    write('old');
    const bucket = bucketWith({ AWS_SHARED_CREDENTIALS_FILE: file, HOME: folder, USERPROFILE: folder });
    answers = [ok()];
    await bucket.get('x');
    write('new');
    await bucket.get('x');
    answers = [refuse(400, 'ExpiredToken'), ok('there')];
    await bucket.get('x');
    const ids = seen.map(({ headers }) => /Credential=(\w+)/.exec(headers.authorization!)![1]);
    expect(ids).toEqual(['old', 'old', 'old', 'new']);
    rmSync(folder, { recursive: true });
  });

  it('without credentials says so, and asks nobody', async () => {
    const env = { AWS_EC2_METADATA_DISABLED: 'true', HOME: '/nowhere', USERPROFILE: '/nowhere' };
    const bucket = bucketWith(env);
    const calls = await Promise.allSettled([bucket.get('x'), bucket.get('y'), bucket.list('z')]);
    for (const { status } of calls) expect(status).toBe('rejected');
    expect(failures).toHaveLength(3);
    for (const failure of failures)
      expect(failure).toMatchObject({
        name: 'NoCredentials',
        status: 0,
        text: expect.stringContaining('no AWS credentials') as string,
      });
    expect(seen).toEqual([]);
  });
});
