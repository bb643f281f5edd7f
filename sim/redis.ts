import type { Bus, BusMessage, Rng } from '../shared/ports.ts';
import type { SimulatedProcess } from './process.ts';
import type { Timeline } from './timeline.ts';

/** What the weather does to Redis. */
export interface RedisWeather {
  /** One way through the network: at least this, and up to `spreadMs` more. */
  readonly latencyMs: number;
  readonly spreadMs: number;
}

export interface RedisSubscription {
  unsubscribe(): void;
}

/** A Redis server outside the daemon: it outlives every daemon, and whatever reached its socket is executed sooner or later. */
export interface SimulatedRedis {
  /** The connection of a process, which mends itself as that of `daemon/publish/redis_bus.ts` does. */
  connect(process: SimulatedProcess): Bus;
  /** Every signal published from now on, in the order in which Redis executed them; until the server ends. */
  subscribe(onSignal: (text: string) => void, onEnd: () => void): RedisSubscription | null;
  /** `GET minutehand:signal:<pair_id>`; null when it has expired or the server is away. */
  get(pairId: string): string | null;
  /** SHUTDOWN, and all it held is gone. */
  shutDown(): void;
  start(loadingMs: number): void;
  /** SIGSTOP and SIGCONT. */
  stall(): void;
  resume(): void;
  /** maxmemory reached: SET and XADD are refused, PUBLISH needs no memory. */
  isFull: boolean;
  /** How much longer every command takes. */
  slowMs: number;
  readonly isUp: boolean;
  /** Batches that wait at the server, and the most that ever did. */
  readonly waiting: number;
  readonly mostWaiting: number;
  /** Entries taken by the stream. */
  readonly entries: number;
}

export interface RedisOptions {
  readonly timeline: Timeline;
  readonly rng: Rng;
  readonly weather: RedisWeather;
  readonly keyTtlMs: number;
  readonly connectTimeoutMs: number;
  onBatch(batch: readonly BusMessage[]): void;
}

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5000;
const OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";
const LOADING = 'LOADING Redis is loading the dataset in memory';

interface Request {
  /** Batches of one connection are executed in their order; those of two, as it comes. */
  readonly connection: number;
  readonly batch: readonly BusMessage[];
  /** Answers reach a connection that is still the same one. */
  answer(refusal: string | null): void;
}

/** A server and its network on the timeline of a world. */
export function createRedis(options: RedisOptions): SimulatedRedis {
  const { timeline, rng, weather } = options;
  let isUp = true;
  let isStalled = false;
  let loadingUntilMs = 0;
  let busyUntilMs = 0;
  let life = 0;
  let entries = 0;
  let connectionsMade = 0;
  let mostWaiting = 0;
  let waiting: Request[] = [];
  const keys = new Map<string, { text: string; untilMs: number }>();
  const subscribers = new Set<{ onSignal(text: string): void; onEnd(): void; lastMs: number }>();
  const connections = new Set<() => void>();

  const travelMs = (): number => weather.latencyMs + rng.uniform() * weather.spreadMs;

  function execute({ batch, answer }: Request): void {
    if (timeline.nowMs < loadingUntilMs) return answer(LOADING);
    for (const { text } of batch)
      for (const subscriber of subscribers) {
        subscriber.lastMs = Math.max(subscriber.lastMs, timeline.nowMs + travelMs());
        timeline.at(subscriber.lastMs, () => subscribers.has(subscriber) && subscriber.onSignal(text), true);
      }
    if (server.isFull) return answer(OUT_OF_MEMORY);
    for (const { pairId, text } of batch) {
      keys.set(pairId, { text, untilMs: timeline.nowMs + options.keyTtlMs });
      entries++;
    }
    answer(null);
  }

  /** One command after the other, each when the one before it is done. */
  function receive(request: Request): void {
    waiting.push(request);
    mostWaiting = Math.max(mostWaiting, waiting.length);
    const ofLife = life;
    busyUntilMs = Math.max(busyUntilMs, timeline.nowMs) + server.slowMs;
    timeline.at(
      busyUntilMs,
      () => {
        if (ofLife === life && !isStalled) executeUpTo(request);
      },
      true,
    );
  }

  function executeUpTo(request: Request): void {
    while (waiting.includes(request)) execute(waiting.shift()!);
  }

  function connect(process: SimulatedProcess): Bus {
    let state: 'up' | 'down' | null = null;
    let connection = ++connectionsMade;
    let attempts = 0;
    let closing = false;
    const pending = new Set<() => void>();
    const listeners: ((state: 'up' | 'down', detail: string) => void)[] = [];

    function enter(next: 'up' | 'down', detail: string): void {
      if (state === next || closing) return;
      state = next;
      for (const listener of listeners) listener(next, detail);
    }

    function hangUp(detail: string): void {
      connection = ++connectionsMade;
      connections.delete(onServerEnd);
      for (const lose of [...pending]) lose();
      pending.clear();
      enter('down', detail);
      if (closing) return;
      const retryMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempts++, 10), MAX_RETRY_MS);
      process.at(timeline.nowMs + retryMs, attempt);
    }

    const onServerEnd = (): void => {
      if (process.alive)
        process.at(timeline.nowMs + travelMs(), () => state === 'up' && hangUp('Connection is closed.'));
    };

    function attempt(): void {
      if (closing || state === 'up') return;
      const mine = (connection = ++connectionsMade);
      process.at(timeline.nowMs + 2 * travelMs(), () => {
        if (mine !== connection || closing) return;
        if (!isUp) return hangUp('connect ECONNREFUSED');
        const isReady = (): boolean => isUp && !isStalled && timeline.nowMs >= loadingUntilMs;
        const greet = (untilMs: number): void => {
          if (mine !== connection || closing) return;
          if (isReady()) {
            attempts = 0;
            connections.add(onServerEnd);
            enter('up', 'connected');
          } else if (!isUp || timeline.nowMs >= untilMs) hangUp('connect ETIMEDOUT');
          else process.at(timeline.nowMs + 50, () => greet(untilMs));
        };
        greet(timeline.nowMs + options.connectTimeoutMs);
      });
    }

    process.onDeath(() => connections.delete(onServerEnd));
    process.at(timeline.nowMs, attempt);
    let lastArrivalMs = 0;

    return {
      get ready() {
        return process.alive && state === 'up';
      },
      send: (batch) =>
        process.call(() => {
          if (state !== 'up') return Promise.reject(new Error('not connected'));
          options.onBatch(batch);
          return new Promise((resolve, reject) => {
            const mine = connection;
            const lose = (): void => reject(new Error('Connection is closed.'));
            pending.add(lose);
            lastArrivalMs = Math.max(lastArrivalMs, timeline.nowMs + travelMs());
            const ofLife = life;
            // Underway it belongs to nobody: the end of the process or of the connection does not call it back, most of the time.
            timeline.at(
              lastArrivalMs,
              () => {
                if (ofLife !== life || !isUp) return;
                if (mine !== connection && rng.integer(2) === 0) return;
                receive({
                  connection: mine,
                  batch,
                  answer: (refusal) => {
                    if (!process.alive || mine !== connection) return;
                    process.at(timeline.nowMs + travelMs(), () => {
                      if (mine !== connection || !pending.delete(lose)) return;
                      resolve(refusal === null ? null : { words: refusal, signals: batch.length });
                    });
                  },
                });
              },
              true,
            );
          });
        }),
      reset: () => process.call(() => hangUp('reset')),
      onState: (listener) => void listeners.push(listener),
      close() {
        closing = true;
        connections.delete(onServerEnd);
        return Promise.resolve();
      },
    };
  }

  const server: SimulatedRedis = {
    isFull: false,
    slowMs: 0,
    get isUp() {
      return isUp && !isStalled && timeline.nowMs >= loadingUntilMs;
    },
    get waiting() {
      return waiting.length;
    },
    get mostWaiting() {
      return mostWaiting;
    },
    get entries() {
      return entries;
    },
    connect,
    subscribe(onSignal, onEnd) {
      if (!server.isUp) return null;
      const subscriber = { onSignal, onEnd, lastMs: timeline.nowMs };
      subscribers.add(subscriber);
      return { unsubscribe: () => void subscribers.delete(subscriber) };
    },
    get(pairId) {
      const key = keys.get(pairId);
      return server.isUp && key !== undefined && key.untilMs > timeline.nowMs ? key.text : null;
    },
    shutDown() {
      if (!isUp) return;
      isUp = false;
      life++;
      waiting = [];
      keys.clear();
      busyUntilMs = 0;
      for (const end of [...connections]) end();
      connections.clear();
      for (const subscriber of [...subscribers]) {
        subscribers.delete(subscriber);
        subscriber.onEnd();
      }
    },
    start(loadingMs) {
      isUp = true;
      isStalled = false;
      loadingUntilMs = timeline.nowMs + loadingMs;
    },
    stall() {
      isStalled = true;
    },
    resume() {
      if (!isStalled) return;
      isStalled = false;
      busyUntilMs = timeline.nowMs;
      while (waiting.length > 0) {
        const lines = [...new Set(waiting.map(({ connection }) => connection))];
        const line = lines[rng.integer(lines.length)];
        execute(
          waiting.splice(
            waiting.findIndex(({ connection }) => connection === line),
            1,
          )[0]!,
        );
      }
    },
  };
  return server;
}
