import { barMinutesOf } from '../shared/pair.ts';
import {
  ALL_PARTS,
  SIGNAL_PARTS,
  type Bus,
  type BusMessage,
  type BusRefusal,
  type ResentMessage,
  type Rng,
} from '../shared/ports.ts';
import type { SimulatedProcess } from './process.ts';
import type { Timeline } from './timeline.ts';

/** Faults of Redis: latency and events per hour. */
export interface RedisWeather {
  /** One-way network latency: at least this, and up to `spreadMs` more. */
  readonly latencyMs: number;
  readonly spreadMs: number;
}

export interface RedisSubscription {
  unsubscribe(): void;
}

/** A Redis server independent of the daemon's processes. It eventually executes everything that reached its socket. */
export interface SimulatedRedis {
  /** The connection of a process; it reconnects as `daemon/publish/redis_bus.ts` does. */
  connect(process: SimulatedProcess): Bus;
  /** Delivers every signal published from now on, in order of execution, until the server ends. */
  subscribe(onSignal: (text: string) => void, onEnd: () => void): RedisSubscription | null;
  /** `GET minutehand:signal:<pair_id>`; null when it has expired or the server is down. */
  get(pairId: string): string | null;
  /** SHUTDOWN: all data is lost. */
  shutDown(): void;
  start(loadingMs: number): void;
  /** SIGSTOP and SIGCONT. */
  stall(): void;
  resume(): void;
  /** maxmemory reached: SET and XADD are refused, PUBLISH works. */
  isFull: boolean;
  /** Additional delay of every command. */
  slowMs: number;
  readonly isUp: boolean;
  /** Batches waiting at the server, and the maximum so far. */
  readonly waiting: number;
  readonly mostWaiting: number;
  /** Entries added to the stream. */
  readonly entries: number;
}

export interface RedisOptions {
  readonly timeline: Timeline;
  readonly rng: Rng;
  readonly weather: RedisWeather;
  readonly keyTtlMs: number;
  readonly connectTimeoutMs: number;
  onBatch(batch: readonly BusMessage[]): void;
  onResent(messages: readonly ResentMessage[]): void;
}

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5000;
/** Polling interval while the server does not answer. */
const GREETING_POLL_MS = 50;
const OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";
/** A full server takes messages, but no data. */
const DATA = SIGNAL_PARTS.key + SIGNAL_PARTS.stream;
const LOADING = 'LOADING Redis is loading the dataset in memory';

interface Request {
  /** Batches of one connection execute in order; across connections, in any order. */
  readonly connection: number;
  readonly batch: readonly (BusMessage & Partial<ResentMessage>)[];
  /** Those that are kept already are left as they are. */
  readonly isRepeated: boolean;
  /** Answers reach a connection that is still the same one. */
  answer(refusal: string | null): void;
}

/** A server and its network on the timeline of a world. */
export function createRedis(options: RedisOptions): SimulatedRedis {
  return new Server(options);
}

interface Subscriber {
  onSignal(text: string): void;
  onEnd(): void;
  /** Time at which the last signal reaches it. */
  lastMs: number;
}

class Server implements SimulatedRedis {
  readonly options: RedisOptions;
  isFull = false;
  slowMs = 0;
  mostWaiting = 0;
  entries = 0;
  /** Number of the server's process: messages in transit to an earlier one are lost. */
  life = 0;
  /** Accepts connections; it may be stalled or loading. */
  isRunning = true;
  #isStalled = false;
  #loadingUntilMs = 0;
  #busyUntilMs = 0;
  #connectionsMade = 0;
  #waiting: Request[] = [];
  readonly #keys = new Map<string, { text: string; untilMs: number }>();
  readonly #subscribers = new Set<Subscriber>();
  readonly #connections = new Set<Connection>();

  constructor(options: RedisOptions) {
    this.options = options;
  }

  get isUp(): boolean {
    return this.isRunning && !this.#isStalled && this.options.timeline.nowMs >= this.#loadingUntilMs;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  travelMs(): number {
    const { rng, weather } = this.options;
    return weather.latencyMs + rng.uniform() * weather.spreadMs;
  }

  // ---- connections ----

  connect(process: SimulatedProcess): Bus {
    return new Connection(this, process);
  }

  nextConnection(): number {
    return ++this.#connectionsMade;
  }

  attach(connection: Connection): void {
    this.#connections.add(connection);
  }

  detach(connection: Connection): void {
    this.#connections.delete(connection);
  }

  subscribe(onSignal: (text: string) => void, onEnd: () => void): RedisSubscription | null {
    if (!this.isUp) return null;
    const subscriber = { onSignal, onEnd, lastMs: this.options.timeline.nowMs };
    this.#subscribers.add(subscriber);
    return { unsubscribe: () => void this.#subscribers.delete(subscriber) };
  }

  // ---- commands ----

  get(pairId: string): string | null {
    const key = this.#keys.get(pairId);
    return this.isUp && key !== undefined && key.untilMs > this.options.timeline.nowMs ? key.text : null;
  }

  /** Executes one command after the other. */
  receive(request: Request): void {
    const { timeline } = this.options;
    this.#waiting.push(request);
    this.mostWaiting = Math.max(this.mostWaiting, this.#waiting.length);
    const ofLife = this.life;
    this.#busyUntilMs = Math.max(this.#busyUntilMs, timeline.nowMs) + this.slowMs;
    timeline.at(
      this.#busyUntilMs,
      () => {
        if (ofLife === this.life && !this.#isStalled) this.#executeUpTo(request);
      },
      true,
    );
  }

  #executeUpTo(request: Request): void {
    while (this.#waiting.includes(request)) this.#execute(this.#waiting.shift()!);
  }

  #execute({ batch, isRepeated, answer }: Request): void {
    const { timeline, keyTtlMs } = this.options;
    if (timeline.nowMs < this.#loadingUntilMs) return answer(LOADING);
    if (isRepeated && this.isFull) return answer(OUT_OF_MEMORY);
    const lacking = batch.filter(({ pairId, text }) => !isRepeated || this.get(pairId) !== text);
    for (const { text, lacking: parts = ALL_PARTS } of lacking)
      if (parts !== DATA) for (const subscriber of this.#subscribers) this.#deliver(subscriber, text);
    if (this.isFull) return answer(OUT_OF_MEMORY);
    for (const { pairId, text } of lacking) {
      this.#keys.set(pairId, { text, untilMs: timeline.nowMs + keyTtlMs + (barMinutesOf(pairId) - 1) * 60_000 });
      this.entries++;
    }
    answer(null);
  }

  #deliver(subscriber: Subscriber, text: string): void {
    const { timeline } = this.options;
    subscriber.lastMs = Math.max(subscriber.lastMs, timeline.nowMs + this.travelMs());
    timeline.at(subscriber.lastMs, () => this.#subscribers.has(subscriber) && subscriber.onSignal(text), true);
  }

  // ---- faults ----

  shutDown(): void {
    if (!this.isRunning) return;
    this.isRunning = false;
    this.life++;
    this.#waiting = [];
    this.#keys.clear();
    this.#busyUntilMs = 0;
    for (const connection of [...this.#connections]) connection.serverEnded();
    this.#connections.clear();
    for (const subscriber of [...this.#subscribers]) {
      this.#subscribers.delete(subscriber);
      subscriber.onEnd();
    }
  }

  start(loadingMs: number): void {
    this.isRunning = true;
    this.#isStalled = false;
    this.#loadingUntilMs = this.options.timeline.nowMs + loadingMs;
  }

  stall(): void {
    this.#isStalled = true;
  }

  resume(): void {
    if (!this.#isStalled) return;
    const { timeline, rng } = this.options;
    this.#isStalled = false;
    this.#busyUntilMs = timeline.nowMs;
    while (this.#waiting.length > 0) {
      const lines = [...new Set(this.#waiting.map(({ connection }) => connection))];
      const line = lines[rng.integer(lines.length)];
      const first = this.#waiting.findIndex(({ connection }) => connection === line);
      this.#execute(this.#waiting.splice(first, 1)[0]!);
    }
  }
}

/** The connection of one process, across reconnects. */
class Connection implements Bus {
  readonly #server: Server;
  readonly #process: SimulatedProcess;
  readonly #timeline: Timeline;
  /** Current attempt: replies to an earlier one are discarded. */
  #current: number;
  #state: 'up' | 'down' | null = null;
  #attempts = 0;
  #isClosing = false;
  #lastArrivalMs = 0;
  /** Callbacks that mark each unanswered batch as lost. */
  readonly #pending = new Set<() => void>();
  readonly #listeners: ((state: 'up' | 'down', detail: string) => void)[] = [];

  constructor(server: Server, process: SimulatedProcess) {
    this.#server = server;
    this.#process = process;
    this.#timeline = server.options.timeline;
    this.#current = server.nextConnection();
    process.onDeath(() => server.detach(this));
    process.at(this.#timeline.nowMs, () => this.#attempt());
  }

  get ready(): boolean {
    return this.#process.alive && this.#state === 'up';
  }

  onState(listener: (state: 'up' | 'down', detail: string) => void): void {
    this.#listeners.push(listener);
  }

  reset(): void {
    this.#process.call(() => this.#hangUp('reset'));
  }

  close(): Promise<void> {
    this.#isClosing = true;
    this.#server.detach(this);
    return Promise.resolve();
  }

  serverEnded(): void {
    if (!this.#process.alive) return;
    this.#process.at(
      this.#timeline.nowMs + this.#server.travelMs(),
      () => this.#state === 'up' && this.#hangUp('Connection is closed.'),
    );
  }

  // ---- state ----

  #enter(next: 'up' | 'down', detail: string): void {
    if (this.#state === next || this.#isClosing) return;
    this.#state = next;
    for (const listener of this.#listeners) listener(next, detail);
  }

  #hangUp(detail: string): void {
    this.#current = this.#server.nextConnection();
    this.#server.detach(this);
    for (const lose of [...this.#pending]) lose();
    this.#pending.clear();
    this.#enter('down', detail);
    if (this.#isClosing) return;
    const retryMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(this.#attempts++, 10), MAX_RETRY_MS);
    this.#process.at(this.#timeline.nowMs + retryMs, () => this.#attempt());
  }

  #attempt(): void {
    if (this.#isClosing || this.#state === 'up') return;
    const mine = (this.#current = this.#server.nextConnection());
    this.#process.at(this.#timeline.nowMs + 2 * this.#server.travelMs(), () => {
      if (mine !== this.#current || this.#isClosing) return;
      if (!this.#server.isRunning) return this.#hangUp('connect ECONNREFUSED');
      this.#greet(mine, this.#timeline.nowMs + this.#server.options.connectTimeoutMs);
    });
  }

  /** Waits for the server to answer, until `untilMs`. */
  #greet(mine: number, untilMs: number): void {
    if (mine !== this.#current || this.#isClosing) return;
    if (this.#server.isUp) {
      this.#attempts = 0;
      this.#server.attach(this);
      this.#enter('up', 'connected');
    } else if (!this.#server.isRunning || this.#timeline.nowMs >= untilMs) this.#hangUp('connect ETIMEDOUT');
    else this.#process.at(this.#timeline.nowMs + GREETING_POLL_MS, () => this.#greet(mine, untilMs));
  }

  // ---- batches ----

  send(batch: readonly BusMessage[]): Promise<BusRefusal | null> {
    return this.#transmit(batch, false);
  }

  resend(messages: readonly ResentMessage[]): Promise<BusRefusal | null> {
    return this.#transmit(messages, true);
  }

  #transmit(batch: Request['batch'], isRepeated: boolean): Promise<BusRefusal | null> {
    return this.#process.call(() => {
      if (this.#state !== 'up') return Promise.reject(new Error('not connected'));
      const { onBatch, onResent } = this.#server.options;
      if (isRepeated) onResent(batch as readonly ResentMessage[]);
      else onBatch(batch);
      return new Promise((resolve, reject) => {
        const lose = (): void => reject(new Error('Connection is closed.'));
        this.#pending.add(lose);
        this.#dispatch(batch, isRepeated, (words) => {
          const left = words === OUT_OF_MEMORY ? DATA : ALL_PARTS;
          const lacking = batch.map((message) => message.lacking ?? left);
          if (this.#pending.delete(lose)) resolve(words === null ? null : { words, signals: batch.length, lacking });
        });
      });
    });
  }

  #dispatch(batch: Request['batch'], isRepeated: boolean, onAnswer: (refusal: string | null) => void): void {
    const server = this.#server;
    const mine = this.#current;
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, this.#timeline.nowMs + server.travelMs());
    const ofLife = server.life;
    // A batch in transit is independent of its sender: usually the end of the process or connection does not stop it.
    this.#timeline.at(
      this.#lastArrivalMs,
      () => {
        if (ofLife !== server.life || !server.isRunning) return;
        if (mine !== this.#current && server.options.rng.integer(2) === 0) return;
        const answer = (refusal: string | null): void => this.#answered(mine, refusal, onAnswer);
        server.receive({ connection: mine, batch, isRepeated, answer });
      },
      true,
    );
  }

  #answered(mine: number, refusal: string | null, onAnswer: (refusal: string | null) => void): void {
    if (!this.#process.alive || mine !== this.#current) return;
    this.#process.at(this.#timeline.nowMs + this.#server.travelMs(), () => {
      if (mine === this.#current) onAnswer(refusal);
    });
  }
}
