import { afterAll, afterEach, beforeAll, describe, expect, it, type TestContext, vi } from 'vitest';
import { MACHINE_SCHEDULER } from '../shared/clock.ts';
import { LeaseKeeper } from '../daemon/lease/lease_keeper.ts';
import { openLeaseStore } from '../daemon/lease/open_lease_store.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../trainer/store/postgres_server.fixture.ts';
import { REDIS_NOTE, startRedis, type RedisServer } from './redis_server.ts';

vi.setConfig({ testTimeout: 150_000 });

// A loaded machine stalls a process for half a second.
const LEASE_MS = 1000;
const MAX_ERROR_MS = 30_000;

let redis: RedisServer | null;
let postgres: PostgresServer | null;
beforeAll(async () => {
  [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
});
const toClose: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0)) await close();
});
afterAll(async () => {
  await redis?.stop();
  await postgres?.stop();
});

interface Machine {
  readonly keeper: LeaseKeeper;
  /** How far its wall clock is ahead, ms. A clock that runs at a wrong rate makes no step. */
  aheadMs: number;
  readonly events: string[];
}

async function machine(url: string, name: string, holder: string): Promise<Machine> {
  const events: string[] = [];
  const store = await openLeaseStore({ url, name, holder, timeoutMs: 10_000 });
  const own: { aheadMs: number } = { aheadMs: 0 };
  const keeper = new LeaseKeeper({
    ...{ leaseMs: LEASE_MS, holder, floor: 0, store, scheduler: MACHINE_SCHEDULER, maxStepMs: MAX_ERROR_MS },
    clockMs: () => performance.now(),
    clockOffsetMs: () => 0,
    wallMs: () => Date.now() + own.aheadMs,
    isReady: () => true,
    onTaken: () => void events.push('taken'),
    onLosing: () => Promise.resolve(),
    onLost: () => void events.push('lost'),
    onClock: (errorMs) => void events.push(`clock ${Math.round(errorMs / 1000)}`),
    onSeen: () => undefined,
    onServer: () => undefined,
  });
  toClose.push(() => keeper.close());
  keeper.start();
  return Object.assign(own, { keeper, events });
}

const pass = (durations: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durations * LEASE_MS));
const SOON = { timeout: 40_000, interval: 20 };
let names = 0;

describe.each(['redis', 'postgres'] as const)('the clock of a holder, against that of %s', (kind) => {
  const urlFor = async (context: { skip(note: string): never }): Promise<string> =>
    kind === 'redis'
      ? (redis?.url ?? context.skip(REDIS_NOTE))
      : ((await postgres?.createDatabase()) ?? context.skip(POSTGRES_NOTE));

  it.for([90_000, -90_000])(
    'off by %i ms, gives the lease to a standby whose clock is right, and does not take it back',
    async (aheadMs: number, context: TestContext) => {
      const url = await urlFor(context);
      const name = `live:${++names}`;
      const holder = await machine(url, name, 'a');
      await expect.poll(() => holder.keeper.isHolder(), SOON).toBe(true);
      const standby = await machine(url, name, 'b');
      await pass(3);
      expect(standby.events).toEqual([]);
      // Within what is allowed.
      holder.aheadMs = Math.sign(aheadMs) * (MAX_ERROR_MS - 2000);
      await pass(3);
      expect([holder.keeper.isHolder(), holder.keeper.clockErrorMs]).toEqual([true, null]);
      holder.aheadMs = aheadMs;
      await expect.poll(() => standby.keeper.isHolder(), SOON).toBe(true);
      expect(holder.events).toEqual(['taken', `clock ${aheadMs / 1000}`, 'lost']);
      expect(Math.abs(holder.keeper.clockErrorMs! - aheadMs)).toBeLessThan(5000);
      await pass(6);
      expect([holder.keeper.isHolder(), standby.keeper.isHolder()]).toEqual([false, true]);
      // The one with the right clock ends: better than none.
      await standby.keeper.close();
      await expect.poll(() => holder.keeper.isHolder(), SOON).toBe(true);
    },
  );

  it('takes the lease again when nobody else does, and two with the same error do not pass it to and fro', async (context) => {
    const url = await urlFor(context);
    const name = `live:${++names}`;
    const holder = await machine(url, name, 'a');
    await expect.poll(() => holder.keeper.isHolder(), SOON).toBe(true);
    holder.aheadMs = 60_000;
    await expect.poll(() => holder.events, SOON).toEqual(['taken', 'clock 60', 'lost', 'taken']);
    const other = await machine(url, name, 'b');
    other.aheadMs = 60_000;
    await pass(8);
    expect(holder.events).toHaveLength(4);
    expect(other.events).toEqual([]);
    expect(holder.keeper.isHolder()).toBe(true);
    holder.aheadMs = 0;
    await expect.poll(() => holder.keeper.clockErrorMs, SOON).toBeNull();
    // An error of its own later on.
    other.aheadMs = 0;
    await expect.poll(() => other.keeper.clockErrorMs, SOON).toBeNull();
    holder.aheadMs = 60_000;
    await expect.poll(() => other.keeper.isHolder(), SOON).toBe(true);
  });
});
