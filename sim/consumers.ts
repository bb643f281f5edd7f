import { createConsumer, type Consumer, type ConsumerState, type Verdict } from '../shared/signal/consumer.ts';
import type { FileSystem, Rng } from '../shared/ports.ts';
import type { RedisSubscription, SimulatedRedis } from './redis.ts';
import type { Timeline } from './timeline.ts';
import type { ClientSocket, SocketEnd } from './websockets.ts';

export type Transport = 'file' | 'redis' | 'websocket';

/** What stands behind a consumer, as it makes and makes again its state machine. */
export type ConsumerMaker = (state: ConsumerState | undefined) => Consumer;

export const protocolConsumer: ConsumerMaker = (state) =>
  createConsumer({ markets: ['live'], maxClockSkewMs: 5000, ...(state === undefined ? {} : { state }) });

export interface ConsumerWeather {
  /** Restarts per hour. */
  readonly restarts: number;
  /** How often per hour a WebSocket reader stands still, and for how long at most. */
  readonly pauses: number;
  readonly pauseMs: number;
}

export interface ConsumerOptions {
  readonly name: string;
  readonly transports: readonly Transport[];
  readonly pairIds: readonly string[];
  readonly timeline: Timeline;
  readonly rng: Rng;
  readonly files: FileSystem;
  readonly signalsFolder: string;
  readonly redis: SimulatedRedis;
  readonly make: ConsumerMaker;
  /** Its wall clock. */
  clockMs(): number;
  weather(): ConsumerWeather;
  /** null: nobody listens there. */
  openSocket(end: SocketEnd): ClientSocket | null;
  onVerdict(text: string, clockMs: number, verdict: Verdict): void;
  trace(line: () => string): void;
}

const FILE_POLL_MS = 3000;
const RETRY_MS = 1000;
const DOWN_MS = 20_000;
const PAUSE_CHECK_MS = 5000;
const HOUR_MS = 3_600_000;

/** An expert advisor: it listens on some transports, obeys by the protocol, and keeps its state on a disk of its own. */
export function startConsumer(options: ConsumerOptions): void {
  const { timeline, rng, redis, files, transports } = options;
  let saved: string | undefined;
  let consumer: Consumer | null = null;
  /** Counts the lives, so that what was meant for an earlier one is not heard by a later one. */
  let life = 0;
  let subscription: RedisSubscription | null = null;
  let socket: ClientSocket | null = null;
  const lastSeen = new Map<string, string>();

  function take(text: string): void {
    if (consumer === null) return;
    const clockMs = options.clockMs();
    const verdict = consumer.take(text, clockMs);
    // Saved before the orders are carried out: an end in between may miss an entry, and never doubles one.
    saved = JSON.stringify(consumer.state());
    options.onVerdict(text, clockMs, verdict);
  }

  const inLife = (work: () => void): (() => void) => {
    const mine = life;
    return () => {
      if (mine === life) work();
    };
  };
  const again = (ms: number, work: () => void): void => void timeline.at(timeline.nowMs + ms, inLife(work));

  // ---- files ----

  function readFiles(): void {
    again(FILE_POLL_MS, readFiles);
    for (const pairId of options.pairIds) {
      const path = `${options.signalsFolder}/${pairId}/signal.json`;
      const stat = files.stat(path);
      if (stat === null) continue;
      const mark = `${stat.inode} ${stat.bytes} ${stat.modifiedMs}`;
      // Most readers look for a change first; now and then one reads the same again.
      if (lastSeen.get(pairId) === mark && rng.uniform() > 0.02) continue;
      lastSeen.set(pairId, mark);
      try {
        take(files.read(path).toString());
      } catch {
        // Not readable now: the next look.
      }
    }
  }

  // ---- Redis ----

  function subscribe(): void {
    const mine = inLife(() => again(RETRY_MS, subscribe));
    const ofLife = life;
    subscription = redis.subscribe((text) => ofLife === life && take(text), mine);
    if (subscription === null) return again(RETRY_MS, subscribe);
    for (const pairId of options.pairIds) {
      const text = redis.get(pairId);
      if (text !== null) take(text);
    }
  }

  // ---- WebSocket ----

  function connect(): void {
    const ofLife = life;
    socket = options.openSocket({
      onMessage: (text) => ofLife === life && take(text),
      onClose: inLife(() => {
        socket = null;
        again(RETRY_MS, connect);
      }),
    });
    if (socket === null) again(RETRY_MS, connect);
  }

  function pause(): void {
    const { pauses, pauseMs } = options.weather();
    again(pauses === 0 ? HOUR_MS / 60 : (HOUR_MS / pauses) * rng.uniform() * 2, pause);
    if (pauses === 0 || socket === null) return;
    const paused = socket;
    const untilMs = timeline.nowMs + rng.uniform() * pauseMs;
    paused.isPaused = true;
    const goOn = (): void => {
      if (timeline.nowMs >= untilMs || options.weather().pauses === 0) paused.isPaused = false;
      else timeline.at(timeline.nowMs + PAUSE_CHECK_MS, goOn);
    };
    goOn();
  }

  // ---- lives ----

  function start(): void {
    consumer = options.make(saved === undefined ? undefined : (JSON.parse(saved) as ConsumerState));
    if (transports.includes('file')) readFiles();
    if (transports.includes('redis')) subscribe();
    if (transports.includes('websocket')) {
      connect();
      pause();
    }
  }

  function restart(): void {
    const { restarts } = options.weather();
    timeline.at(timeline.nowMs + (restarts === 0 ? HOUR_MS / 30 : (HOUR_MS / restarts) * rng.uniform() * 2), restart);
    if (restarts === 0 || consumer === null) return;
    life++;
    consumer = null;
    subscription?.unsubscribe();
    socket?.close();
    [subscription, socket] = [null, null];
    lastSeen.clear();
    options.trace(() => `${options.name}: killed`);
    timeline.at(timeline.nowMs + rng.uniform() * DOWN_MS, start);
  }

  timeline.at(1, start);
  timeline.at(60_000, restart);
}
