import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../../store/postgres_server.fixture.ts';
import { openStore, type Store } from '../../store/store.ts';
import { acknowledge, notify, resolve, type Notice } from './outbox.ts';

let folder: string;
let server: PostgresServer | null = null;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => server?.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-outbox-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const HALT: Notice = {
  key: 'kpi_halt:EURUSD_GBPUSD',
  event: 'kpi_halt',
  subject: 'EURUSD_GBPUSD',
  text: 'win rate 0.2 < 0.35',
};
const ADOPTED: Notice = {
  key: 'retrain_adopted:12',
  event: 'retrain_adopted',
  subject: 'run 12',
  text: 'adopted',
  isOnce: true,
};
const at = (nowMs: number) => ({ market: 'live' as const, nowMs });

const KINDS = [
  { kind: 'sqlite' as const, note: '', newUrl: () => Promise.resolve(join(folder, 'home', 'trainer.db')) },
  { kind: 'postgres' as const, note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
];

describe.each(KINDS)('the outbox on $kind $note', ({ note, newUrl }) => {
  let store: Store;
  beforeEach(async ({ skip }) => {
    if (note !== '') return skip(note);
    store = await openStore(await newUrl());
  });
  afterEach(async () => {
    if (note === '') await store.close();
  });

  const messages = async (): Promise<readonly string[]> =>
    (
      await store.db
        .selectFrom('core.alert_messages as m')
        .innerJoin('core.alerts as a', 'a.alert_id', 'm.alert_id')
        .select(['m.action', 'a.alert_key'])
        .orderBy('m.message_id')
        .execute()
    ).map(({ action, alert_key }) => `${action} ${alert_key}`);

  it('sends one message for a key, however often it is reported, and one when it is over', async () => {
    const results: boolean[] = [];
    for (const nowMs of [1, 2, 3])
      results.push(await store.transaction((tx) => notify(tx, at(nowMs), { ...HALT, text: `text ${nowMs}` })));
    expect(results).toEqual([true, false, false]);
    expect(await store.db.selectFrom('core.alerts').selectAll().execute()).toMatchObject([
      { count: 3, opened_ms: 1, last_ms: 3, text: 'text 3', severity: 'critical', resolved_ms: null },
    ]);
    expect(await store.transaction((tx) => resolve(tx, at(4), HALT.key))).toBe(true);
    expect(await store.transaction((tx) => resolve(tx, at(5), HALT.key))).toBe(false);
    expect(await messages()).toEqual([`trigger ${HALT.key}`, `resolve ${HALT.key}`]);
  });

  it('opens a new alert when a resolved one comes back', async () => {
    await notify(store.db, at(1), HALT);
    await resolve(store.db, at(2), HALT.key);
    expect(await notify(store.db, at(3), HALT)).toBe(true);
    expect(await messages()).toEqual([`trigger ${HALT.key}`, `resolve ${HALT.key}`, `trigger ${HALT.key}`]);
  });

  it('notifies of what happened once under its key once, ever', async () => {
    expect(await notify(store.db, at(1), ADOPTED)).toBe(true);
    expect(await notify(store.db, at(2), ADOPTED)).toBe(false);
    expect(await resolve(store.db, at(3), ADOPTED.key)).toBe(false);
    expect(await messages()).toEqual([`trigger ${ADOPTED.key}`]);
  });

  it('sends another message when an open alert becomes more severe, none when less', async () => {
    await notify(store.db, at(1), { ...HALT, severity: 'warning' });
    expect(await notify(store.db, at(2), { ...HALT, severity: 'critical' })).toBe(true);
    expect(await notify(store.db, at(3), { ...HALT, severity: 'info' })).toBe(false);
    expect(await store.db.selectFrom('core.alerts').select('severity').execute()).toEqual([{ severity: 'critical' }]);
    expect(await messages()).toEqual([`trigger ${HALT.key}`, `trigger ${HALT.key}`]);
  });

  it('drops a notification with the transaction that is rolled back', async () => {
    const failing = store.transaction(async (tx) => {
      await notify(tx, at(1), HALT);
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow('rolled back');
    expect(await messages()).toEqual([]);
    expect(await notify(store.db, at(2), HALT)).toBe(true);
  });

  it('acknowledges an open alert by key or number, once, and no alert of another market', async () => {
    await notify(store.db, at(1), HALT);
    await notify(store.db, { market: 'simulated', nowMs: 1 }, HALT);
    expect(await acknowledge(store.db, at(2), HALT.key, 'ana')).toEqual([HALT.key]);
    expect(await acknowledge(store.db, at(3), '1', 'ana')).toEqual([]);
    expect(await acknowledge(store.db, { market: 'simulated', nowMs: 3 }, '2', 'ana')).toEqual([HALT.key]);
    expect(await messages()).toEqual([
      `trigger ${HALT.key}`,
      `trigger ${HALT.key}`,
      `acknowledge ${HALT.key}`,
      `acknowledge ${HALT.key}`,
    ]);
  });

  it('keeps one open alert when two transactions report the same key at the same time', async () => {
    const both = await Promise.all([1, 2].map((nowMs) => store.transaction((tx) => notify(tx, at(nowMs), HALT))));
    expect(both.filter(Boolean)).toHaveLength(1);
    expect(await messages()).toEqual([`trigger ${HALT.key}`]);
  });
});
