import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { homePaths } from '../../../shared/home.ts';
import { loadSettings, type SignalsPolicy } from '../../../shared/policy/policy.ts';
import { S3_KEYS, type S3Server, startS3 } from '../../../test/s3_server.ts';
import { openStore } from '../../store/store.ts';
import { createArchive } from './archive.ts';
import { endpointOf, openArchivePlace, openBucket } from './open_archive_place.ts';
import { createSignalCopy } from './copy.ts';
import { openSignalTables } from './signal_tables.ts';
import { journalSignals, simulatedDay } from './signals.fixture.ts';

const KEYS = S3_KEYS;
const STRANGER = { AWS_ACCESS_KEY_ID: 'nobody', AWS_SECRET_ACCESS_KEY: 'hush-hush' };
const policy = loadSettings({ env: {} }).signals;

describe('the address of a bucket', () => {
  it.each([
    ['S3', 'eu-central-1', null, null],
    ['WASABI', 'eu-central-1', null, 'https://s3.eu-central-1.wasabisys.com'],
    ['B2', 'us-west-004', null, 'https://s3.us-west-004.backblazeb2.com'],
    ['S3', 'us-east-1', 'http://127.0.0.1:9000', 'http://127.0.0.1:9000'],
  ] as const)('of %s in %s with endpoint %s is %s', (archive_target, archive_region, archive_endpoint, expected) => {
    expect(endpointOf({ ...policy, archive_target, archive_region, archive_endpoint })).toBe(expected);
  });
});

describe('an archive in a bucket', () => {
  let folder: string;
  let server: S3Server;
  let port: number;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'minutehand-bucket-'));
    server = await startS3(join(folder, 's3'), ['archive']);
    ({ port } = server);
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  let proxy: Server | null = null;
  afterEach(() => {
    proxy?.closeAllConnections();
    proxy?.close();
    proxy = null;
  });

  const at = (change: Partial<SignalsPolicy> = {}): SignalsPolicy => ({
    ...policy,
    archive_target: 'S3',
    archive_path: 'archive/minutehand',
    archive_endpoint: `http://127.0.0.1:${port}`,
    ...change,
  });

  /** Answers 503 a number of times, like S3 at too high a request rate, then forwards everything. */
  async function slowDown(times: number): Promise<string> {
    let left = times;
    proxy = createServer((incoming, outgoing) => {
      if (left-- > 0) {
        incoming.resume();
        outgoing.writeHead(503, { 'content-type': 'application/xml' });
        outgoing.end(
          '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
        );
        return;
      }
      const { method, url, headers } = incoming;
      const passed = httpRequest({ port, host: '127.0.0.1', method, path: url, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(outgoing);
      });
      incoming.pipe(passed);
    });
    await new Promise<void>((resolve) => proxy!.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  }

  it('stores a day, returns it, and detects damage, like a folder', async () => {
    const paths = homePaths({ MINUTEHAND_HOME: join(folder, 'home') });
    const rows = simulatedDay('2026-03-02', { pairs: ['XAUUSD_XAGUSD'], minutes: 100 });
    journalSignals(paths.journal('live', 'main'), rows);
    const store = await openStore(paths.trainer);
    const tables = await openSignalTables(store, policy);
    await createSignalCopy(store, tables, paths).pass();
    const place = await openArchivePlace(at(), paths, KEYS);
    const archive = createArchive(store, tables, place, MACHINE_CLOCK);
    expect((await archive.archive('live', '2026-03-02')).written).toMatchObject({ rows: rows.length, part: 1 });
    expect(await archive.verify('live', '2026-03-02')).toMatchObject({ state: 'ok', archived: rows.length });
    expect(await archive.prune('live', '2026-03-02')).toBe(rows.length);
    expect(await archive.restore('live', '2026-03-02')).toMatchObject({ rows: rows.length, added: rows.length });
    const name = 'signals/live/2026/2026-03-02.jsonl.gz';
    const bytes = (await place.read(name))!;
    bytes[bytes.length >> 1]! ^= 1;
    await place.write(name, bytes);
    expect(await archive.verify('live', '2026-03-02')).toMatchObject({ state: 'damaged' });
    await expect(archive.prune('live', '2026-03-02')).rejects.toMatchObject({ code: 'ARCHIVE_DAMAGED' });
    place.close();
    await store.close();
  });

  it('has nothing under a name that was never written', async () => {
    const place = openBucket(at(), KEYS);
    expect(await place.read('signals/none')).toBeNull();
    place.close();
  });

  it.each([
    ['keys that are unknown to the server', () => at(), STRANGER, 'ARCHIVE_REFUSED'],
    ['a bucket that is not there', () => at({ archive_path: 'nowhere' }), KEYS, 'ARCHIVE_REFUSED'],
    ['a server that is down', () => at({ archive_endpoint: 'http://127.0.0.1:1' }), KEYS, 'ARCHIVE_UNREACHABLE'],
  ])('with %s is reported when reading and writing', async (_, wanted, keys, code) => {
    const place = openBucket(wanted(), keys);
    await expect(place.read('x')).rejects.toMatchObject({ code });
    const error: unknown = await place.write('x', Buffer.from('x')).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code });
    expect(String(error)).not.toContain(STRANGER.AWS_SECRET_ACCESS_KEY);
    place.close();
  });

  it('is retried at too high a request rate, then given up for this call', async () => {
    const patient = openBucket(at({ archive_endpoint: await slowDown(2) }), KEYS);
    await patient.write('slow', Buffer.from('down'));
    expect((await patient.read('slow'))!.toString()).toBe('down');
    patient.close();
    proxy!.close();
    const busy = openBucket(at({ archive_endpoint: await slowDown(99) }), KEYS);
    await expect(busy.write('slow', Buffer.from('x'))).rejects.toMatchObject({ code: 'ARCHIVE_UNREACHABLE' });
    busy.close();
  });
});
