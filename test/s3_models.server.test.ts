import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Blobs } from '../shared/blob/blobs.ts';
import { openBlobs } from '../shared/blob/open_blobs.ts';
import { s3Address } from '../shared/blob/s3_address.ts';
import { openS3Bucket } from '../shared/blob/s3_bucket.ts';
import { listVersions, readActive } from '../shared/bundle/bundle.ts';
import { sha256Hex } from '../shared/sha256.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { S3_KEYS, startS3, type S3Server } from './s3_server.ts';
import { copyUnder, tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let folder: string;
let server: S3Server;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-s3-'));
  server = await startS3(join(folder, 's3'), ['models', 'fleet']);
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const urlOf = (bucket: string): string => `s3://${bucket}/desk/live?region=us-east-1&endpoint=${server.endpoint}`;
const objectsOf = (bucket: string) =>
  openS3Bucket({
    address: s3Address(new URL(urlOf(bucket))),
    env: S3_KEYS,
    errorOf: ({ text }) => new Error(text) as never,
  });

describe('models that are delivered into a bucket', () => {
  let from: Workplace;
  let to: Workplace;
  let version: string;
  beforeAll(async () => {
    from = createWorkplace({ retrain: { delivery_target: urlOf('models') } });
    to = createWorkplace();
    ({ version } = await tinyModels(from.models, { settings: from.settings }));
    copyUnder(from.models, version, '20240106_1200');
  });
  afterAll(() => Promise.all([from.remove(), to.remove()]));

  const deliver = () => from.call(['models', 'deliver', '--json'], { env: S3_KEYS });
  const receive = async (place = urlOf('models'), env: NodeJS.ProcessEnv = S3_KEYS) => {
    const { code, stdout } = await to.call(['models', 'receive', place, '--json'], { env });
    return { code, document: JSON.parse(stdout) as unknown };
  };

  it('are read there: what is active is activated, a candidate never', async () => {
    expect(await receive()).toMatchObject({ code: 1, document: { error: { code: 'DELIVERY_MISSING' } } });
    const first = await deliver();
    expect(first.code, first.stderr).toBe(0);
    expect(await receive()).toMatchObject({ code: 0, document: { received: [] } });
    expect(listVersions(to.models)).toEqual([]);
    await from.call(['models', 'promote', version]);
    expect((await deliver()).code).toBe(0);
    expect(await receive()).toMatchObject({ code: 0, document: { received: [{ version }] } });
    expect(readActive(to.models)?.version).toBe(version);
    expect(readdirSync(to.models)).toContain(version);
    const again = JSON.parse((await deliver()).stdout) as { sent: number; removed: number };
    expect(again).toMatchObject({ sent: 0, removed: 0 });
  });

  it('are sent again where an object is damaged there, and never taken in damaged', async () => {
    const bucket = objectsOf('models');
    const objects = await bucket.list('objects');
    expect(objects.length).toBeGreaterThan(5);
    rmSync(to.models, { recursive: true });
    rmSync(join(to.home, 'delivered'), { recursive: true });
    for (const more of [0, 1]) {
      for (const one of objects) await bucket.put(`objects/${one.name}`, Buffer.alloc(one.bytes + more));
      expect(await receive()).toMatchObject({ code: 1, document: { error: { code: 'DELIVERY_DAMAGED' } } });
    }
    const repaired = JSON.parse((await deliver()).stdout) as { sent: number };
    expect(repaired.sent).toBe(objects.length);
    await bucket.put('objects/nobody_needs_it', Buffer.from('x'));
    expect(JSON.parse((await deliver()).stdout)).toMatchObject({ sent: 0, removed: 1 });
    expect(await receive()).toMatchObject({ code: 0, document: { received: [{ version }] } });
  });

  it('are refused by name: a wrong key, a bucket that is not there, a server that is gone, a wrong address', async () => {
    const codeOf = async (...args: Parameters<typeof receive>): Promise<unknown> =>
      ((await receive(...args)).document as { error: { code: string } }).error.code;
    const stranger = { AWS_ACCESS_KEY_ID: 'nobody', AWS_SECRET_ACCESS_KEY: 'hush-hush' };
    expect(await codeOf(urlOf('models'), stranger)).toBe('DELIVERY_REFUSED');
    expect(await codeOf(urlOf('elsewhere'))).toBe('DELIVERY_REFUSED');
    expect(await codeOf('s3://models?endpoint=http://127.0.0.1:9')).toBe('DELIVERY_UNREACHABLE');
    expect(await codeOf('s3://models?zone=eu')).toBe('USAGE');
  });
});

describe('blobs in a bucket', () => {
  let blobs: Blobs;
  beforeAll(() => {
    blobs = openBlobs(urlOf('fleet'), S3_KEYS);
  });

  it('are what their name says, or an error: changed and gone', async () => {
    const bytes = Buffer.from('a model');
    const hash = await blobs.put(bytes);
    expect([hash, await blobs.put(bytes)]).toEqual([sha256Hex(bytes), hash]);
    expect(Buffer.from(await blobs.get(hash))).toEqual(bytes);
    expect([await blobs.has(hash), await blobs.has('0'.repeat(64))]).toEqual([true, false]);
    const bucket = objectsOf('fleet');
    await bucket.put(`blobs/${hash.slice(0, 2)}/${hash}`, Buffer.from('a mod3l'));
    await expect(blobs.get(hash)).rejects.toMatchObject({ code: 'BLOB_DAMAGED' });
    await bucket.remove(`blobs/${hash.slice(0, 2)}/${hash}`);
    await expect(blobs.get(hash)).rejects.toMatchObject({ code: expect.stringMatching(/^BLOB/) as string });
  });

  it('keep the first result of a key, and have none of another', async () => {
    const key = 'b'.repeat(64);
    expect(await blobs.result(key)).toBeNull();
    const first = await blobs.keep(key, { hash: 'c'.repeat(64), maker: 'one' });
    expect(await blobs.keep(key, { hash: 'd'.repeat(64), maker: 'two' })).toEqual(first);
    expect(await blobs.result(key)).toEqual(first);
  });

  it('are in a folder of the bucket for each fleet with a name', async () => {
    const key = 'e'.repeat(64);
    const red = openBlobs(urlOf('fleet'), S3_KEYS, 'fleet-red');
    await red.keep(key, { hash: 'f'.repeat(64), maker: 'red' });
    expect([await red.result(key), await blobs.result(key)]).toEqual([{ hash: 'f'.repeat(64), maker: 'red' }, null]);
    const bucket = objectsOf('fleet');
    expect(await bucket.list('fleet-red/results/ee')).toMatchObject([{ name: key }]);
  });
});
