import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openJournal } from '../shared/store/journal.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../trainer/store/postgres_server.fixture.ts';
import { openStore } from '../trainer/store/store.ts';
import { openSignalTables } from '../trainer/control/history/signal_tables.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { passedGates } from './passed_gates.ts';
import { REDIS_NOTE, startRedis, type RedisServer } from './redis_server.ts';
import { skipNote } from './skip_note.ts';
import { copyUnder, tinyModels } from './tiny_models.ts';

const postgres: PostgresServer | null = await startPostgres();
const redis: RedisServer | null = await startRedis();
const note = skipNote(postgres === null || redis === null, postgres === null ? POSTGRES_NOTE : REDIS_NOTE);

const ACTIVE = '20240106_1200';
/** Of the market. */
const OUTAGE_MINUTES = 60;

describe.runIf(postgres !== null && redis !== null)(`an hour without store, queue and blobs${note}`, () => {
  let place: Workplace;
  let blobs: string;
  let databaseUrl: string;
  let queue: RedisServer;
  let up: Running;

  beforeAll(async () => {
    queue = redis!;
    place = createWorkplace({ minutehand: { simulated: { history_bars: 400, bar_interval_ms: 200 } } });
    const { version } = await tinyModels(place.models);
    copyUnder(place.models, version, ACTIVE, { gates: passedGates('pairs') });
    blobs = join(place.folder, 'blobs');
    mkdirSync(blobs);
    databaseUrl = await postgres!.createDatabase();
  });
  afterAll(async () => {
    await place?.remove();
    await queue?.stop();
    await postgres?.stop();
  });

  const env = (): NodeJS.ProcessEnv => ({
    MINUTEHAND_DATABASE_URL: databaseUrl,
    MINUTEHAND_QUEUE: 'bullmq',
    MINUTEHAND_REDIS_URL: queue.url,
    MINUTEHAND_BLOBS: blobs,
  });

  interface Answer {
    readonly pair: string;
    readonly time: number;
    readonly mode: string;
  }

  function answers(): Answer[] {
    const path = join(place.home, 'simulated_main.db');
    if (!existsSync(path)) return [];
    const journal = openJournal(path, { readOnly: true });
    try {
      return [...journal.signals()].map(({ pairId, time, body }) => {
        const { mode } = JSON.parse(`${body}}`) as { mode: string };
        return { pair: pairId, time, mode };
      });
    } finally {
      journal.close();
    }
  }

  it('costs no signal, and what was journaled meanwhile reaches the store', { timeout: 300_000 }, async () => {
    const promoted = await place.run(['models', 'promote', ACTIVE], { env: env() });
    expect(promoted.code, promoted.stderr).toBe(0);
    up = place.start(['up'], env());
    const ok = await eventually(
      () => `OK signals ${up.stderr()}${up.stdout()}`,
      () => answers().filter(({ mode }) => mode === 'OK').length >= 20 || undefined,
    );
    expect(ok).toBe(true);
    await eventually('the daemon in the fleet', async () => {
      const { stdout } = await place.run(['fleet', '--json'], { env: env() });
      const { installations } = JSON.parse(stdout) as {
        readonly installations: readonly { readonly daemons: readonly Readonly<Record<string, unknown>>[] }[];
      };
      const [daemon] = installations[0]?.daemons ?? [];
      return (daemon?.['presence'] === 'up' && Number(daemon['signalUs']) > 0) || undefined;
    });
    postgres!.pause();
    await queue.kill();
    renameSync(blobs, `${blobs}.gone`);
    const from = Math.max(...answers().map(({ time }) => time));
    await sleep(200 * OUTAGE_MINUTES);
    await eventually(
      () => `an hour of the market ${up.stderr()}`,
      () => Math.max(...answers().map(({ time }) => time)) >= from + 60 * OUTAGE_MINUTES || undefined,
    );
    const until = Math.max(...answers().map(({ time }) => time));
    postgres!.resume();
    renameSync(`${blobs}.gone`, blobs);
    queue = (await startRedis([], queue.port))!;
    const during = answers().filter(({ time }) => time > from && time < until);
    for (const id of place.settings.minutehand.pairs) {
      const own = during.filter(({ pair }) => pair === id);
      expect(own.map(({ time }) => time)).toEqual(own.map((_, i) => from + 60 * (i + 1)));
      expect(own.length).toBeGreaterThanOrEqual(OUTAGE_MINUTES - 1);
      expect(new Set(own.map(({ mode }) => mode))).toEqual(new Set(['OK']));
    }
    const store = await openStore(databaseUrl);
    try {
      const tables = await openSignalTables(store, place.settings.signals);
      const kept = async (): Promise<number> => {
        const rows = await tables.newest({ market: 'simulated' }, 100_000);
        const times = new Set(rows.map(({ pair_id, bar_time }) => `${pair_id} ${bar_time}`));
        return during.filter(({ pair, time }) => times.has(`${pair} ${time}`)).length;
      };
      await eventually(
        () => `the hour in the store ${up.stderr().slice(-2000)}`,
        async () => (await kept()) === during.length || undefined,
      );
    } finally {
      await store.close();
    }
    up.kill('SIGTERM');
    expect(await up.ended).toBe(0);
    const { code, stdout } = await place.run([
      ...['replay', '--journal', join(place.home, 'simulated_main.db'), '--models', place.models, '--json'],
    ]);
    expect(code, stdout).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ differences: [] });
  });
});
