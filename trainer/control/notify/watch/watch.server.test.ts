import type { MarketKind } from '../../../../shared/signal/signal.ts';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { announce } from '../../../../shared/address.ts';
import type { Bar, EpochMs, OpenTime } from '../../../../shared/bar.ts';
import { MACHINE_CLOCK } from '../../../../shared/clock.ts';
import type { DependencyFault } from '../../../../shared/dependencies/watch.ts';
import { noteFatal } from '../../../../shared/fatal.ts';
import { homePaths, type HomePaths } from '../../../../shared/home.ts';
import { openJournal } from '../../../../shared/store/journal.ts';
import { lockHome, type Unlock } from '../../../../shared/process/home_lock.ts';
import { liftStops, readHalts } from '../../../../shared/bundle/halts.ts';
import { tinySettings } from '../../../../test/tiny_settings.ts';
import { startWatch, type Watch } from './watch.ts';

const PLACE = hostname();
const HEALTHY = {
  market: 'simulated',
  boot_id: 'b1',
  model_version: 'v1',
  model_refused: null,
  silent_pairs: [],
  expired_pairs: [],
  halts: [] as object[],
  lease: null,
  halts_refused: null,
  degradations: [] as string[],
  dependencies: [],
  late_bars: null,
  redis: 'off',
  redis_missed: 0,
  last_bars: {},
};
type Health = typeof HEALTHY;

/** A daemon as others see it: a lock, an address and an answer. */
interface FakeDaemon {
  health: Health;
  server: Server;
  unlock: Unlock;
}

let paths: HomePaths;
let daemons: Record<'fx' | 'metals', FakeDaemon>;
let open: Set<string>;
let raised: string[];
let faults: DependencyFault[];
let watch: Watch;
let nowMs: number;
const tiny = tinySettings({ retrain: { notification_disk_min_mb: 1 } });
const settings = {
  ...tiny,
  minutehand: {
    ...tiny.minutehand,
    shards: {
      fx: { pairs: ['EURUSD_GBPUSD', 'AUDUSD_USDCAD'], port: 1 },
      metals: { pairs: ['XAUUSD_XAGUSD'], port: 2 },
    },
  },
};

async function fakeDaemon(shard: string): Promise<FakeDaemon> {
  const server = createServer((_, response) => response.end(JSON.stringify({ ...daemon.health, shard })));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  announce(paths.address(`daemon_${shard}`), { host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  const daemon: FakeDaemon = { health: HEALTHY, server, unlock: lockHome(paths.lock(`daemon_${shard}`)) };
  return daemon;
}

beforeEach(async () => {
  paths = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(tmpdir(), 'minutehand-watch-')) });
  daemons = { fx: await fakeDaemon('fx'), metals: await fakeDaemon('metals') };
  open = new Set();
  raised = [];
  faults = [];
  nowMs = Date.now();
  watch = newWatch();
});

const newWatch = (market: MarketKind = 'simulated'): Watch =>
  startWatch({
    settings: { ...settings, minutehand: { ...settings.minutehand, market } },
    paths,
    log: pino({ level: 'silent' }),
    clock: { ...MACHINE_CLOCK, nowMs: () => nowMs as EpochMs },
    faults: () => faults,
    notifier: {
      openKeys: () => Promise.resolve([...open]),
      raise({ key, isOnce }) {
        raised.push(key);
        if (isOnce !== true) open.add(key);
        return Promise.resolve();
      },
      clear(key) {
        open.delete(key);
        return Promise.resolve();
      },
    },
  });
afterEach(async () => {
  await watch.stop();
  for (const { server, unlock } of Object.values(daemons)) {
    server.closeAllConnections();
    server.close();
    unlock();
  }
  rmSync(paths.home, { recursive: true, force: true });
});

const keys = (): string[] => [...open].sort();
const halt = { pair_id: 'all', reason: 'drawdown', seen: '5 %', limit: '3 %' };

describe('the watch of several shards', () => {
  it('keeps their alerts apart: one that is well again clears its own only', async () => {
    await watch.look();
    expect([keys(), watch.isWell()]).toEqual([[], true]);
    daemons.fx.health = { ...HEALTHY, degradations: ['journal'] };
    await watch.look();
    expect(keys()).toEqual([`daemon_degraded:fx@${PLACE}:journal`]);
    daemons.metals.health = { ...HEALTHY, degradations: ['journal', 'file'] };
    await watch.look();
    const ofMetals = [`daemon_degraded:metals@${PLACE}:file`, `daemon_degraded:metals@${PLACE}:journal`];
    expect(keys()).toEqual([`daemon_degraded:fx@${PLACE}:journal`, ...ofMetals]);
    daemons.fx.health = HEALTHY;
    await watch.look();
    expect(keys()).toEqual(ofMetals);
    daemons.metals.health = HEALTHY;
    await watch.look();
    expect([keys(), watch.isWell()]).toEqual([[], true]);
    expect(raised.sort()).toEqual([`daemon_degraded:fx@${PLACE}:journal`, ...ofMetals].sort());
  });

  it('ends an alert on all pairs only when each of them says that nothing is halted', async () => {
    daemons.fx.health = { ...HEALTHY, halts: [halt] };
    daemons.metals.health = { ...HEALTHY, halts: [halt] };
    await watch.look();
    expect(keys()).toEqual(['kpi_halt:all']);
    daemons.fx.health = HEALTHY;
    await watch.look();
    expect(keys()).toEqual(['kpi_halt:all']);
    // It does not answer: nobody knows what it has halted.
    daemons.metals.server.closeAllConnections();
    await new Promise((resolve) => daemons.metals.server.close(resolve));
    await watch.look();
    expect(keys()).toEqual(['kpi_halt:all']);
    daemons.metals.unlock();
    daemons.metals = await fakeDaemon('metals');
    await watch.look();
    expect(keys()).toEqual([]);
  });

  it('tells of received bars that an import would refuse: of a euro that costs ten times as much', async () => {
    await watch.stop();
    const path = paths.journal('live', 'fx');
    mkdirSync(dirname(path), { recursive: true });
    const journal = openJournal(path);
    const bars = Array.from({ length: 60 }, (_, i): Bar => {
      const close = 10.8 + (i % 7) / 1000;
      return { symbol: 'EURUSD', time: (i * 60) as OpenTime, open: close, high: close, low: close, close, volume: i };
    });
    journal.append(
      bars.map((bar) => ({ kind: 'bar', subject: bar.symbol, time: bar.time, bar, backfill: true })),
      [],
    );
    journal.close();
    watch = newWatch('live');
    await watch.look();
    const both = [`feed_stopped:${PLACE}`, `feed_suspect:${PLACE}`];
    expect(keys()).toEqual(both);
    await watch.look();
    expect([...raised].sort()).toEqual(both);
    const stopped = settings.minutehand.pairs.filter((pair) => pair.includes('EURUSD'));
    expect((readHalts(paths.models).stops ?? []).map(({ pair_id }) => pair_id)).toEqual(stopped);
    // A person resumes although the feed is as it was.
    liftStops(paths.models, stopped, new Date(nowMs));
    await watch.look();
    expect(readHalts(paths.models).stops).toBeUndefined();
    nowMs += 3_600_000;
    await watch.look();
    expect(readHalts(paths.models).stops).toHaveLength(stopped.length);
    nowMs += 3_600_000;
    rmSync(path);
    await watch.look();
    for (const key of both) expect(keys()).not.toContain(key);
    expect(readHalts(paths.models).stops).toHaveLength(stopped.length);
  });

  it('does not take the answer of one for that of another', async () => {
    const { port } = daemons.fx.server.address() as AddressInfo;
    // The port of a shard that was started with another configuration.
    announce(paths.address('daemon_metals'), { host: '127.0.0.1', port });
    daemons.fx.health = { ...HEALTHY, degradations: ['journal'] };
    await watch.look();
    expect([keys(), watch.isWell()]).toEqual([[`daemon_degraded:fx@${PLACE}:journal`], false]);
  });

  it('tells of the error that ended one of them, lately', async () => {
    noteFatal(paths, 'metals', new Error('an end'), Date.now() - 60_000);
    noteFatal(paths, 'fx', new Error('an end of last month'), Date.now() - 30 * 86_400_000);
    await watch.look();
    expect(raised).toEqual([expect.stringMatching(new RegExp(`^daemon_fatal:metals@${PLACE}:`))]);
  });

  it('knows nothing of daemons without the home: it raises and clears no alert of theirs', async () => {
    daemons.fx.health = { ...HEALTHY, degradations: ['journal'], halts: [halt] };
    await watch.look();
    const before = keys();
    expect(before).toHaveLength(2);
    faults = [
      {
        dependency: 'home_folder',
        code: 'FOLDER_UNUSABLE',
        message: 'gone',
        next: '',
        since: new Date().toISOString(),
      },
    ];
    rmSync(paths.home, { recursive: true });
    await watch.look();
    expect(keys()).toEqual([...before, `dependency:trainer@${PLACE}:home_folder`].sort());
    expect(watch.isWell()).toBe(false);
  });
});
