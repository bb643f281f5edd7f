import { createConsumer, type Consumer, type ConsumerState, type Verdict } from '../shared/signal/consumer.ts';
import type { FileSystem, Rng } from '../shared/ports.ts';
import type { RedisSubscription, SimulatedRedis } from './redis.ts';
import type { Timeline } from './timeline.ts';
import type { ClientSocket, SocketEnd } from './websockets.ts';

export type Transport = 'file' | 'redis' | 'websocket';

/** Creates a consumer's state machine; called at each start. */
export type ConsumerMaker = (state: ConsumerState | undefined) => Consumer;

export const protocolConsumer: ConsumerMaker = (state) =>
  createConsumer({
    markets: ['live'],
    instruments: true,
    maxClockSkewMs: 5000,
    ...(state === undefined ? {} : { state }),
  });

export interface ConsumerWeather {
  /** Restarts per hour. */
  readonly restarts: number;
  /** Stalls of a WebSocket reader per hour, and their maximum length. */
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
  /** The consumer's wall clock. */
  clockMs(): number;
  weather(): ConsumerWeather;
  /** null: no server is listening. */
  openSocket(end: SocketEnd): ClientSocket | null;
  onVerdict(text: string, clockMs: number, verdict: Verdict): void;
  trace(line: () => string): void;
}

const FILE_POLL_MS = 3000;
const RETRY_MS = 1000;
const DOWN_MS = 20_000;
const PAUSE_CHECK_MS = 5000;
const HOUR_MS = 3_600_000;

/**
 * Starts an expert advisor that listens on some transports, follows the protocol, and keeps its state on its own disk.
 */
export function startConsumer(options: ConsumerOptions): void {
  new ExpertAdvisor(options).begin();
}

class ExpertAdvisor {
  readonly #options: ConsumerOptions;
  /** State on disk. */
  #saved: string | undefined;
  /** null while it is not running. */
  #life: Life | null = null;

  constructor(options: ConsumerOptions) {
    this.#options = options;
  }

  begin(): void {
    const { timeline } = this.#options;
    timeline.at(1, () => this.#start());
    timeline.at(60_000, () => this.#restart());
  }

  #start(): void {
    const { transports, make, timeline } = this.#options;
    const consumer = make(this.#saved === undefined ? undefined : (JSON.parse(this.#saved) as ConsumerState));
    const life = new Life(timeline, (text) => this.#take(consumer, text));
    this.#life = life;
    if (transports.includes('file')) new FileListener(this.#options, life).read();
    if (transports.includes('redis')) new RedisListener(this.#options, life).subscribe();
    if (transports.includes('websocket')) {
      const listener = new SocketListener(this.#options, life);
      listener.connect();
      listener.pause();
    }
  }

  #take(consumer: Consumer, text: string): void {
    const clockMs = this.#options.clockMs();
    const verdict = consumer.take(text, clockMs);
    // The state is saved before the orders are executed: a crash in between may miss an entry but never doubles one.
    this.#saved = JSON.stringify(consumer.state());
    this.#options.onVerdict(text, clockMs, verdict);
  }

  #restart(): void {
    const { name, timeline, rng, weather, trace } = this.#options;
    const { restarts } = weather();
    const nextMs = restarts === 0 ? HOUR_MS / 30 : (HOUR_MS / restarts) * rng.uniform() * 2;
    timeline.at(timeline.nowMs + nextMs, () => this.#restart());
    if (restarts === 0 || this.#life === null) return;
    this.#life.end();
    this.#life = null;
    trace(() => `${name}: killed`);
    timeline.at(timeline.nowMs + rng.uniform() * DOWN_MS, () => this.#start());
  }
}

/** One run of the program. Messages sent to it are not delivered to a later run. */
class Life {
  readonly #timeline: Timeline;
  readonly #take: (text: string) => void;
  readonly #endListeners: (() => void)[] = [];
  #isOver = false;

  constructor(timeline: Timeline, take: (text: string) => void) {
    this.#timeline = timeline;
    this.#take = take;
  }

  take(text: string): void {
    if (!this.#isOver) this.#take(text);
  }

  /** Wraps `work` to do nothing once this run is over. */
  during(work: () => void): () => void {
    return () => {
      if (!this.#isOver) work();
    };
  }

  after(ms: number, work: () => void): void {
    this.#timeline.at(this.#timeline.nowMs + ms, this.during(work));
  }

  onEnd(listener: () => void): void {
    this.#endListeners.push(listener);
  }

  end(): void {
    this.#isOver = true;
    for (const listener of this.#endListeners) listener();
  }
}

class FileListener {
  readonly #options: ConsumerOptions;
  readonly #life: Life;
  readonly #lastSeen = new Map<string, string>();

  constructor(options: ConsumerOptions, life: Life) {
    this.#options = options;
    this.#life = life;
  }

  read(): void {
    const { files, pairIds, signalsFolder, rng } = this.#options;
    this.#life.after(FILE_POLL_MS, () => this.read());
    for (const pairId of pairIds) {
      const path = `${signalsFolder}/${pairId}/signal.json`;
      const stat = files.stat(path);
      if (stat === null) continue;
      const mark = `${stat.inode} ${stat.bytes} ${stat.modifiedMs}`;
      // Most readers skip an unchanged file; occasionally one reads it again.
      if (this.#lastSeen.get(pairId) === mark && rng.uniform() > 0.02) continue;
      this.#lastSeen.set(pairId, mark);
      try {
        this.#life.take(files.read(path).toString());
      } catch {
        // Not readable now: retried at the next poll.
      }
    }
  }
}

class RedisListener {
  readonly #options: ConsumerOptions;
  readonly #life: Life;
  #subscription: RedisSubscription | null = null;

  constructor(options: ConsumerOptions, life: Life) {
    this.#options = options;
    this.#life = life;
    life.onEnd(() => this.#subscription?.unsubscribe());
  }

  subscribe(): void {
    const { redis, pairIds } = this.#options;
    const retry = (): void => this.#life.after(RETRY_MS, () => this.subscribe());
    this.#subscription = redis.subscribe((text) => this.#life.take(text), this.#life.during(retry));
    if (this.#subscription === null) return retry();
    for (const pairId of pairIds) {
      const text = redis.get(pairId);
      if (text !== null) this.#life.take(text);
    }
  }
}

class SocketListener {
  readonly #options: ConsumerOptions;
  readonly #life: Life;
  #socket: ClientSocket | null = null;

  constructor(options: ConsumerOptions, life: Life) {
    this.#options = options;
    this.#life = life;
    life.onEnd(() => this.#socket?.close());
  }

  connect(): void {
    this.#socket = this.#options.openSocket({
      onMessage: (text) => this.#life.take(text),
      onClose: this.#life.during(() => {
        this.#socket = null;
        this.#retry();
      }),
    });
    if (this.#socket === null) this.#retry();
  }

  #retry(): void {
    this.#life.after(RETRY_MS, () => this.connect());
  }

  /** Stalls the reader occasionally. */
  pause(): void {
    const { timeline, rng, weather } = this.#options;
    const { pauses, pauseMs } = weather();
    const nextMs = pauses === 0 ? HOUR_MS / 60 : (HOUR_MS / pauses) * rng.uniform() * 2;
    this.#life.after(nextMs, () => this.pause());
    if (pauses === 0 || this.#socket === null) return;
    const paused = this.#socket;
    const untilMs = timeline.nowMs + rng.uniform() * pauseMs;
    paused.isPaused = true;
    const goOn = (): void => {
      if (timeline.nowMs >= untilMs || weather().pauses === 0) paused.isPaused = false;
      else timeline.at(timeline.nowMs + PAUSE_CHECK_MS, goOn);
    };
    goOn();
  }
}
