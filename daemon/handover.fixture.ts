import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { WebSocket } from 'ws';
import { activate } from '../test/activate.ts';
import type { Bar, OpenTime } from '../shared/bar.ts';
import { homePaths, type HomePaths } from '../shared/home.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { Rng } from '../shared/ports.ts';
import type { Signal } from '../shared/signal/signal.ts';
import { verifySignal } from '../shared/signal/verify.ts';
import { isConnectionLost } from '../test/connection_lost.ts';
import type { RunningProgram } from '../test/program.ts';
import type { HealthReport } from './health/health.ts';
import { SIGNALS_CHANNEL } from './publish/redis_bus.ts';

const RETRY_MS = 10;
/** Which hand-over has no standby: the daemon ends by SIGTERM, the next one is started afterward. */
const LONELY_HANDOVER = 2;
/** Bars per request of a feeder that catches up. */
const CATCH_UP_MINUTES = 20;

export interface Minute {
  readonly time: OpenTime;
  readonly bars: readonly Bar[];
}

export interface HandoverOptions {
  readonly folder: string;
  readonly settings: Settings;
  /** A trained bundle. */
  readonly bundle: string;
  /** Daemons to be ended. */
  readonly handovers: number;
  /** Interval between minutes of the market. */
  readonly minuteMs: number;
  /** Minutes that warm the features, sent as history. */
  readonly history: readonly Minute[];
  /** Minutes that are answered in turn; the run ends with the last. */
  readonly minutes: readonly Minute[];
  readonly rng: Rng;
  start(args: readonly string[], env: NodeJS.ProcessEnv): RunningProgram;
  onProgress(done: number): void;
}

/** One ended daemon, and its outcome. */
export interface Handover {
  readonly how: 'SIGTERM' | 'SIGKILL';
  readonly bootId: string;
  /** State of the standby: ready to take over, just started, or started only after the end. */
  readonly standby: 'ready' | 'starting' | 'none';
  /** Time at which it was signaled or killed. */
  readonly atMs: number;
  /** From then until its process was gone. */
  readonly endedMs: number;
  /** Until the next daemon listened. */
  readonly listensMs: number;
  readonly nextBootId: string;
}

export interface Received {
  readonly atMs: number;
  readonly signal: Signal;
  readonly text: string;
}

export interface HandoverReport {
  readonly paths: HomePaths;
  readonly handovers: readonly Handover[];
  /** Standbys that were killed while they waited. */
  readonly killedStandbys: number;
  /** All that reached one reader of Redis, and one reader of WebSocket, in the order of arrival. */
  readonly byRedis: readonly Received[];
  readonly byWebSocket: readonly Received[];
  /** Number of minutes of the market that were sent. */
  readonly minutes: number;
  /** By minute: when it was over, by the clock of `Received`. */
  readonly dueMs: ReadonlyMap<OpenTime, number>;
}

/** A home with an active bundle and settings in a file. */
export function makeHome(folder: string, settings: Settings, bundle: string): { paths: HomePaths; file: string } {
  const paths = homePaths({ MINUTEHAND_HOME: folder });
  const version = bundle.split('/').at(-1)!;
  mkdirSync(paths.models, { recursive: true });
  cpSync(bundle, join(paths.models, version), { recursive: true });
  activate(paths.models, version);
  const file = join(folder, 'settings.json');
  writeFileSync(file, JSON.stringify(settings));
  return { paths, file };
}

export async function sendBars(url: string, minutes: readonly Minute[], query = ''): Promise<Response> {
  const wire = minutes.flatMap(({ bars }) => bars.map((bar) => ({ ...bar, time: bar.time * 1000 })));
  return fetch(`${url}/bars${query}`, { method: 'POST', body: JSON.stringify(wire) });
}

interface Daemon {
  readonly program: RunningProgram;
  /** Resolves when it is the next; never when it did not have to wait. */
  readonly waiting: Promise<void>;
  readonly listening: Promise<string>;
  isWaiting: boolean;
}

/**
 * A continuous market, and daemons on one home and one port that are ended at random times, by SIGTERM or SIGKILL.
 * There are always two of them; when the active one ends, the other takes over and a new standby starts. Sometimes the
 * standby is killed.
 */
export async function runHandovers(options: HandoverOptions): Promise<HandoverReport> {
  const { folder, settings, rng, minuteMs, minutes } = options;
  const { paths, file } = makeHome(folder, settings, options.bundle);
  const { daemon: address, redis } = settings.minutehand.transports;
  const url = `http://127.0.0.1:${address.port}`;
  const nowMs = (): number => performance.now();

  // ---- readers ----

  const received = { redis: [] as Received[], webSocket: [] as Received[] };
  const receive = (list: Received[], text: string): void =>
    void list.push({ atMs: nowMs(), signal: verifySignal(text), text });
  const subscriber = new Redis(redis.url, { protocol: 2 });
  await subscriber.subscribe(SIGNALS_CHANNEL);
  subscriber.on('message', (_channel, lines: string) =>
    lines.split('\n').forEach((text) => receive(received.redis, text)),
  );

  let isOver = false;
  let socket: WebSocket | null = null;
  const connect = (): void => {
    if (isOver) return;
    const opened = (socket = new WebSocket(`${url.replace('http', 'ws')}/signals`));
    opened.on('message', (data: Buffer) => receive(received.webSocket, data.toString()));
    opened.on('error', () => undefined);
    opened.on('close', () => void setTimeout(connect, RETRY_MS));
  };

  // ---- daemons ----

  function startStandby(): Daemon {
    const program = options.start([file, '--standby'], { MINUTEHAND_HOME: folder });
    let onWaiting: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => (onWaiting = resolve));
    const read = async (): Promise<string> => {
      for (;;) {
        const event = JSON.parse(await program.line()) as { waiting?: true; bootId?: string };
        if (event.bootId !== undefined) return event.bootId;
        if (event.waiting !== true) continue;
        started.isWaiting = true;
        onWaiting();
      }
    };
    const started: Daemon = { program, waiting, listening: read(), isWaiting: false };
    // The rejection of a standby that is killed is not used.
    started.listening.catch(() => undefined);
    return started;
  }

  // ---- the feeder: as the expert advisor does it ----

  const dueMs = new Map<OpenTime, number>();
  let due = 0;
  let sent = 0;
  const indexOf = new Map(minutes.map(({ time }, index) => [time, index]));
  async function feed(): Promise<void> {
    let bootId: string | null = null;
    while (!isOver || sent < due) {
      if (sent >= due && bootId !== null) {
        await sleep(2);
        continue;
      }
      try {
        if (bootId === null) {
          const health = (await (await fetch(`${url}/healthz`)).json()) as HealthReport;
          const lasts = Object.values(health.last_bars).map((time) => (Date.parse(time) / 1000) as OpenTime);
          // Every symbol has the oldest of them: a resent bar counts as a duplicate.
          sent = Math.max(0, indexOf.get(Math.min(...lasts) as OpenTime) ?? 0);
          bootId = health.boot_id;
          continue;
        }
        const until = Math.min(due, sent + CATCH_UP_MINUTES);
        const answer = await sendBars(url, minutes.slice(sent, until), `?boot_id=${bootId}`);
        if (answer.status === 409) bootId = null;
        else if (answer.status === 200 || answer.status === 202) sent = until;
        else if (answer.status < 500) throw new Error(`${answer.status}: ${await answer.text()}`);
        else await sleep(RETRY_MS);
      } catch (error) {
        // No server listens, or it ended before its answer.
        if (!isConnectionLost(error)) throw error;
        await sleep(RETRY_MS);
      }
    }
  }

  // ---- the run ----

  const handovers: Handover[] = [];
  let killedStandbys = 0;
  let active = startStandby();
  let bootId = await active.listening;
  const sending = await sendBars(url, options.history, '?backfill=1');
  if (sending.status !== 200) throw new Error(await sending.text());
  connect();
  const feeding = feed();
  const clock = setInterval(() => {
    if (due >= minutes.length) return;
    dueMs.set(minutes[due]!.time, nowMs());
    due++;
  }, minuteMs);
  let next = startStandby();
  try {
    while (handovers.length < options.handovers) {
      // Mostly there is one that is ready; at times it has only just been started.
      if (rng.uniform() < 0.9) await next.waiting;
      await sleep(rng.uniform() * 2 * minuteMs);
      if (rng.uniform() < 0.1) {
        await next.program.kill('SIGKILL');
        killedStandbys++;
        next = startStandby();
        continue;
      }
      if (handovers.length === LONELY_HANDOVER) {
        await next.program.kill('SIGKILL');
        const atMs = nowMs();
        await active.program.kill('SIGTERM');
        const endedMs = nowMs() - atMs;
        next = startStandby();
        const nextBootId = await next.listening;
        handovers.push({
          how: 'SIGTERM',
          bootId,
          standby: 'none',
          atMs,
          endedMs,
          listensMs: nowMs() - atMs,
          nextBootId,
        });
        active = next;
        bootId = nextBootId;
        next = startStandby();
        continue;
      }
      const how = rng.uniform() < 0.5 ? 'SIGTERM' : 'SIGKILL';
      const standby = next.isWaiting ? 'ready' : 'starting';
      const atMs = nowMs();
      const ended = active.program.kill(how).then(() => nowMs() - atMs);
      const nextBootId = await next.listening;
      const listensMs = nowMs() - atMs;
      handovers.push({ how, bootId, standby, atMs, endedMs: await ended, listensMs, nextBootId });
      active = next;
      bootId = nextBootId;
      next = startStandby();
      options.onProgress(handovers.length);
    }
    await next.waiting;
    clearInterval(clock);
    isOver = true;
    await feeding;
    // The standby is no longer needed.
    await next.program.kill('SIGTERM');
    await active.program.kill('SIGTERM');
    // Pending messages for this reader come before the answer.
    await subscriber.ping();
  } finally {
    clearInterval(clock);
    isOver = true;
    for (const { program } of [active, next]) await program.kill('SIGKILL');
    (socket as WebSocket | null)?.terminate();
    subscriber.disconnect();
  }
  return {
    paths,
    handovers,
    killedStandbys,
    byRedis: received.redis,
    byWebSocket: received.webSocket,
    minutes: due,
    dueMs,
  };
}
