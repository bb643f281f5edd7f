import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activate } from './activate.ts';
import { byMinute } from '../daemon/pipeline.fixture.ts';
import { readAddress } from '../shared/address.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import { homePaths } from '../shared/home.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { startRedis } from './redis_server.ts';
import { tinyBars, tinySettings, tinyModels, type SettingsOverrides } from './tiny_models.ts';

const OVERRIDES: SettingsOverrides = {
  retrain: { notification_disk_min_mb: 8, monitor_minutes: 10_080, notification_rate_per_minute: 60 },
  minutehand: {
    market: 'live',
    // Delivered: 2.5 and 5. Lowered so that a silent feed is detected after 90 s.
    feed: { straggler_timeout_ms: 400, silence_degraded_intervals: 1.5, silence_halt_intervals: 5 },
  },
};
const SETTINGS = tinySettings(OVERRIDES);
const MINUTE_MS = 60_000;
const LONG_MS = 600_000;
/** Days as of `getUTCDay`. */
const TUESDAY = 2;
const SATURDAY = 6;
/** Processes of a workplace run at another time of the week. */
const CLOCK = `
const RealDate = Date;
const now = () => RealDate.now() + Number(process.env.TEST_CLOCK_SHIFT);
globalThis.Date = class extends RealDate {
  constructor(...args) { super(...(args.length === 0 ? [now()] : args)); }
  static now() { return now(); }
};
`;

let folder: string;
let models: string;
const workplaces: Workplace[] = [];
const servers: Server[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-notified-'));
  models = join(folder, 'models');
  writeFileSync(join(folder, 'clock.mjs'), CLOCK);
  activate(models, (await tinyModels(models, { settings: SETTINGS, market: 'live' })).version);
}, LONG_MS);
afterAll(async () => {
  for (const workplace of workplaces) await workplace.remove();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

interface Arrival {
  readonly atMs: number;
  readonly what: string;
}

/** A server that receives notifications, and heartbeats on another path. */
async function receiver(): Promise<{ url: string; messages: Arrival[]; beats: number[] }> {
  const messages: Arrival[] = [];
  const beats: number[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const atMs = performance.now();
      if (request.url === '/beat') beats.push(atMs);
      else {
        const sent = JSON.parse(body) as { messages: { action: string; event: string }[] };
        for (const { action, event } of sent.messages) messages.push({ atMs, what: `${action} ${event}` });
      }
      response.end();
    });
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, messages, beats };
}

interface Scene extends Awaited<ReturnType<typeof receiver>> {
  readonly workplace: Workplace;
  readonly env: NodeJS.ProcessEnv;
  readonly daemon: Running;
  readonly trainer: Running;
  endFeed(): void;
  /** Seconds from `sinceMs` until this message; null when it does not come within `ms`. */
  secondsUntil(what: string, sinceMs: number, ms?: number): Promise<number | null>;
}

/** Offset from now to the next 12:00 UTC of this weekday (0 is Sunday). */
function shiftTo(weekday: number): number {
  const now = Date.now();
  const noon = Math.floor(now / 86_400_000) * 86_400_000 + 43_200_000;
  const days = (weekday - new Date(noon).getUTCDay() + 7) % 7;
  return noon + days * 86_400_000 - now;
}

/** A warm daemon with models that receives a bar each minute, a trainer that monitors it, and the first heartbeat. */
async function scene(weekday: number, extra: NodeJS.ProcessEnv = {}, home?: (path: string) => void): Promise<Scene> {
  const { minutehand } = OVERRIDES;
  const enabled = extra['MINUTEHAND_REDIS_URL'] === undefined ? 'off' : 'auto';
  const workplace = createWorkplace({
    ...OVERRIDES,
    minutehand: { ...minutehand, transports: { redis: { enabled } } },
  });
  workplaces.push(workplace);
  mkdirSync(workplace.home);
  home?.(workplace.home);
  cpSync(models, workplace.models, { recursive: true });
  const receiving = await receiver();
  const shiftMs = shiftTo(weekday);
  const env: NodeJS.ProcessEnv = {
    NODE_OPTIONS: `--import ${pathToFileURL(join(folder, 'clock.mjs')).href}`,
    TEST_CLOCK_SHIFT: String(shiftMs),
    MINUTEHAND_WEBHOOK_URL: `${receiving.url}/hook`,
    MINUTEHAND_HEARTBEAT_URL: `${receiving.url}/beat`,
    ...extra,
  };
  const daemon = workplace.start(['daemon'], env);
  const trainer = workplace.start(['trainer'], env);
  const { port } = await eventually(
    () => `the daemon: ${daemon.stdout()}${daemon.stderr()}`,
    () => readAddress(homePaths({ MINUTEHAND_HOME: workplace.home }).address('daemon_main')),
  );
  const endFeed = await feed(`http://127.0.0.1:${port}`, shiftMs);
  // Not by `expect.poll`, which takes the test that began last for its own.
  await eventually('the first heartbeat', () => receiving.beats.length, 4);
  async function secondsUntil(what: string, sinceMs: number, ms = 240_000): Promise<number | null> {
    const until = performance.now() + ms;
    for (;;) {
      const found = receiving.messages.find((one) => one.what === what && one.atMs > sinceMs);
      if (found !== undefined) return Math.round((found.atMs - sinceMs) / 100) / 10;
      if (performance.now() > until) return null;
      await sleep(100);
    }
  }
  return { ...receiving, workplace, env, daemon, trainer, endFeed, secondsUntil };
}

/** Before the market of foreign exchange closes on a Friday, in summer and in winter. */
const FRIDAY_BEFORE_NOON_HOURS = 16;

/**
 * Sends the history at once, then a bar of each symbol per minute; on a Saturday the history of the Friday alone.
 * @returns a function that stops it
 */
async function feed(url: string, shiftMs: number): Promise<() => void> {
  const warmup = warmupBars(SETTINGS.minutehand.windows) + 5;
  const market = byMinute(tinyBars(SETTINGS, warmup + 60));
  const minuteOf = (ms: number): number => Math.floor((ms + shiftMs) / MINUTE_MS);
  const isSaturday = new Date(Date.now() + shiftMs).getUTCDay() === SATURDAY;
  const end = minuteOf(Date.now()) - (isSaturday ? FRIDAY_BEFORE_NOON_HOURS * 60 : 0);
  const first = end - warmup;
  const post = async (from: number, to: number, query = ''): Promise<void> => {
    const bars = market
      .slice(from, to)
      .flatMap(({ bars }, i) => bars.map((bar) => ({ ...bar, time: (first + from + i) * MINUTE_MS })));
    await fetch(`${url}/bars${query}`, { method: 'POST', body: JSON.stringify(bars) }).catch(() => undefined);
  };
  await post(0, warmup - 1, '?backfill=1');
  if (isSaturday) return () => undefined;
  let sent = warmup - 1;
  const tick = (): void => {
    const closed = minuteOf(Date.now()) - first;
    if (closed > sent) void post(sent, (sent = closed));
  };
  tick();
  const timer = setInterval(tick, 250);
  return () => clearInterval(timer);
}

describe('real processes', { concurrent: true, timeout: LONG_MS }, () => {
  it('notify of a killed daemon within 90 s, and of its return', async () => {
    const { workplace, env, daemon, endFeed, secondsUntil } = await scene(TUESDAY);
    const sinceMs = performance.now();
    daemon.kill('SIGKILL');
    const seconds = await secondsUntil('trigger daemon_dead', sinceMs);
    endFeed();
    workplace.start(['daemon'], env);
    const back = await secondsUntil('resolve daemon_dead', sinceMs);
    console.log(`kill -9 of the daemon: webhook after ${seconds} s, resolved after ${back} s`);
    expect(seconds).toBeLessThan(90);
    expect(back).not.toBeNull();
  });

  it('stop the heartbeat when the trainer is killed, and its unit sends the notification', async () => {
    const { workplace, env, trainer, beats, secondsUntil, endFeed } = await scene(TUESDAY);
    const sinceMs = performance.now();
    trainer.kill('SIGKILL');
    const unit = await workplace.run(['alerts', 'unit', 'minutehand-trainer.service'], { env });
    expect(unit.code).toBe(0);
    const seconds = await secondsUntil('trigger unit_failed', sinceMs);
    await sleep(90_000);
    endFeed();
    expect(beats.filter((atMs) => atMs > sinceMs)).toEqual([]);
    console.log(`kill -9 of the trainer: webhook by the unit after ${seconds} s, no heartbeat in 90 s`);
    expect(seconds).not.toBeNull();
  });

  it('stop the heartbeat when daemon and trainer are killed, and notify of the daemon when the trainer is back', async () => {
    const { workplace, env, daemon, trainer, beats, secondsUntil, endFeed } = await scene(TUESDAY);
    const sinceMs = performance.now();
    daemon.kill('SIGKILL');
    trainer.kill('SIGKILL');
    endFeed();
    await sleep(70_000);
    expect(beats.filter((atMs) => atMs > sinceMs)).toEqual([]);
    const againMs = performance.now();
    workplace.start(['trainer'], env);
    const seconds = await secondsUntil('trigger daemon_dead', againMs);
    console.log(`kill -9 of both: no heartbeat in 70 s; webhook ${seconds} s after the trainer was started again`);
    expect(seconds).toBeLessThan(90);
  });

  it('notify of a full disk from memory', async () => {
    let mounted = '';
    try {
      const { workplace, secondsUntil, endFeed, beats } = await scene(TUESDAY, {}, (path) => {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', path]);
        mounted = path;
      });
      const sinceMs = performance.now();
      const ballast = join(workplace.home, 'ballast');
      const { bavail, bsize } = statfsSync(workplace.home);
      execFileSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=4096', `count=${(bavail * bsize) / 4096}`], {
        stdio: 'ignore',
      });
      const disk = await secondsUntil('trigger disk', sinceMs);
      const degraded = await secondsUntil('trigger daemon_degraded', sinceMs);
      const beatsBefore = beats.length;
      rmSync(ballast);
      const back = await secondsUntil('resolve disk', sinceMs);
      console.log(`full disk: disk after ${disk} s, DEGRADED after ${degraded} s, resolved after ${back} s`);
      expect([disk, degraded, back]).not.toContain(null);
      await eventually('a heartbeat of the mended installation', () => beats.length > beatsBefore, 4);
      endFeed();
    } finally {
      await workplaces
        .find(({ home }) => home === mounted)
        ?.remove()
        .catch(() => undefined);
      if (mounted !== '' && existsSync(mounted)) execFileSync('umount', ['-l', mounted]);
    }
  });

  it('notify of Redis that was stopped as of a dependency, and of its return', async ({ skip }) => {
    const redis = await startRedis();
    if (redis === null) return skip('redis-server is not installed');
    const { secondsUntil, endFeed } = await scene(TUESDAY, { MINUTEHAND_REDIS_URL: redis.url });
    const sinceMs = performance.now();
    await redis.kill();
    const seconds = await secondsUntil('trigger dependency', sinceMs);
    const again = await startRedis([], redis.port);
    const back = await secondsUntil('resolve dependency', sinceMs);
    endFeed();
    await again!.stop();
    console.log(`Redis stopped: webhook after ${seconds} s, resolved after ${back} s`);
    expect(seconds).toBeLessThan(90);
    expect(back).not.toBeNull();
  });

  it('notify of a feed that goes silent on a Tuesday', async () => {
    const { secondsUntil, endFeed, messages } = await scene(TUESDAY);
    const sinceMs = performance.now();
    endFeed();
    const seconds = await secondsUntil('trigger feed_silent', sinceMs);
    console.log(`feed silent on a Tuesday: webhook after ${seconds} s; ${messages.map(({ what }) => what).join(', ')}`);
    expect(seconds).not.toBeNull();
  });

  it('notify of nothing where the newest bars are of Friday, and the heartbeat goes on', async () => {
    const { messages, beats } = await scene(SATURDAY);
    const sinceMs = performance.now();
    await sleep(240_000);
    console.log(`feed silent on a Saturday: ${messages.length} messages in 240 s, ${beats.length} heartbeats`);
    expect(messages).toEqual([]);
    expect(beats.filter((atMs) => atMs > sinceMs + 120_000).length).toBeGreaterThan(0);
  });
});
