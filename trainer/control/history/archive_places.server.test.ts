import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ARCHIVE_TARGET_NAMES, isFolderTarget, type ArchiveTarget } from '../../../shared/archive_targets.ts';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { homePaths } from '../../../shared/home.ts';
import { loadSettings, type SignalsPolicy } from '../../../shared/policy/policy.ts';
import { S3_KEYS, startS3, type S3Server } from '../../../test/s3_server.ts';
import { openStore, type Store } from '../../store/store.ts';
import { createArchive, type SignalArchive } from './archive.ts';
import type { ArchivePlace } from './archive_place.ts';
import { createSignalCopy } from './copy.ts';
import { openArchivePlace } from './open_archive_place.ts';
import { proveRestore } from './prove_restore.ts';
import { openSignalTables } from './signal_tables.ts';
import { journalSignals, simulatedDay } from './signals.fixture.ts';

const DAY = '2026-03-02';
const KEYS = S3_KEYS;
const NAME = 'signals/live/2026/2026-03-02.jsonl.gz';
const policy = loadSettings({ env: {} }).signals;

/** As each provider is configured; those with a bucket answer at the address of one S3 server here. */
const TARGETS = ARCHIVE_TARGET_NAMES;

let folder: string;
let server: S3Server;
let port: number;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-places-'));
  server = await startS3(
    join(folder, 's3'),
    TARGETS.map((target) => target.toLowerCase()),
  );
  ({ port } = server);
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function policyOf(target: ArchiveTarget): SignalsPolicy {
  const isFolder = isFolderTarget(target);
  return {
    ...policy,
    archive_target: target,
    archive_path: isFolder ? join(folder, target) : `${target.toLowerCase()}/of/this`,
    archive_region: target === 'B2' ? 'us-west-004' : 'eu-central-1',
    archive_endpoint: isFolder ? null : `http://127.0.0.1:${port}`,
  };
}

describe.each(TARGETS)('an archive of target %s', (target) => {
  let place: ArchivePlace;
  let store: Store;
  let archive: SignalArchive;
  const rows = simulatedDay(DAY, { pairs: ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'], minutes: 60, boots: 2 });
  const prove = (of = place) => proveRestore({ archive, place: of, policy, clock: MACHINE_CLOCK }, 'live', DAY);

  beforeAll(async () => {
    const paths = homePaths({ MINUTEHAND_HOME: join(folder, `home_${target}`) });
    // The mount point of a network drive is there before.
    if (target === 'NAS') mkdirSync(join(folder, target));
    place = await openArchivePlace(policyOf(target), paths, KEYS);
    journalSignals(paths.journal('live', 'main'), rows);
    store = await openStore(paths.trainer);
    const tables = await openSignalTables(store, policy);
    await createSignalCopy(store, tables, paths).pass();
    archive = createArchive(store, tables, place, MACHINE_CLOCK);
  });
  afterAll(async () => {
    place?.close();
    await store?.close();
  });

  it('has no name that was not written, and replaces and returns any bytes, of none and of many', async () => {
    expect(await place.read('a/b/none')).toBeNull();
    for (const bytes of [Buffer.alloc(0), Buffer.from([0, 255, 13, 10]), Buffer.alloc(3_000_000, 7)]) {
      await place.write('a/b/bytes', bytes);
      expect((await place.read('a/b/bytes'))!.equals(bytes)).toBe(true);
    }
  });

  it('keeps a day, which is proven by restoring it without the store, and pruned only then', async () => {
    await expect(prove()).rejects.toMatchObject({ code: 'ARCHIVE_MISSING' });
    expect((await archive.archive('live', DAY)).written).toMatchObject({ part: 1, rows: rows.length });
    expect(await prove()).toEqual({ day: DAY, rows: rows.length });
    expect(await archive.prune('live', DAY)).toBe(rows.length);
    // Now the archive is all there is.
    expect(await prove()).toEqual({ day: DAY, rows: rows.length });
    expect(await archive.restore('live', DAY)).toEqual({ day: DAY, rows: rows.length, added: rows.length });
  });

  it('is not proven when a byte has changed, or a file is gone', async () => {
    const whole = (await place.read(NAME))!;
    const changed = Buffer.from(whole);
    changed[changed.length >> 1]! ^= 1;
    await place.write(NAME, changed);
    await expect(prove()).rejects.toMatchObject({ code: 'ARCHIVE_DAMAGED' });
    await place.write(NAME, whole);
    expect(await prove()).toMatchObject({ rows: rows.length });
    const without: ArchivePlace = {
      ...place,
      read: (name) => (name === NAME ? Promise.resolve(null) : place.read(name)),
    };
    await expect(prove(without)).rejects.toMatchObject({ code: 'ARCHIVE_DAMAGED' });
  });
});
