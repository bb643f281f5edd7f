import { join } from 'node:path';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import type { EpochMs } from '../../shared/bar.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import type { HomePaths } from '../../shared/home.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { Bus, Clock, Rng, Scheduler } from '../../shared/ports.ts';
import { openJournal, type JournalFile } from '../../shared/store/journal.ts';
import type { RedisServer } from '../../test/redis_server.ts';
import { assembleDaemon, type Daemon, type DaemonObserver } from '../daemon.ts';
import { makeHome, type Minute } from '../handover.fixture.ts';
import { createRedisBus, redisBusOptions } from '../publish/redis_bus.ts';
import { openCuttablePath, type CuttablePath } from './cut.fixture.ts';
import type { LeaseStore } from './lease_store.ts';
import { openRedisLease } from './redis_lease.ts';
import {
  ISOLATING,
  SignalListener,
  type EVENTS,
  type HeardSignal,
  type TwoMachinesEvent,
  type TwoMachinesReport,
} from './two_machines.fixture.ts';

type EventKind = (typeof EVENTS)[number];

export interface MachinesInsideOptions {
  readonly folder: string;
  readonly settings: Settings;
  readonly bundle: string;
  readonly redis: RedisServer;
  /** Name of the lease: one per pair of machines. */
  readonly name: string;
  readonly leaseSeconds: number;
  readonly events: readonly EventKind[];
  /** How long a stopped machine stays stopped after the take-over. */
  readonly pauseMs: number;
  /** Milliseconds of a market minute, by the clock of the test. */
  readonly minuteMs: number;
  readonly history: readonly Minute[];
  readonly minutes: readonly Minute[];
  readonly rng: Rng;
  loadModels(folder: string): Promise<ModelSet>;
}

const POLL_MS = 10;
const STEP_MS = 10;
/** Between attempts to connect, real milliseconds. */
const RECONNECT_MS = 5;
const HOUR_MS = 3_600_000;
const SILENT = pino({ level: 'silent' });
const UNOBSERVED: DaemonObserver = {
  onSignals: () => undefined,
  onBar: () => undefined,
  refusedBars: () => ({}),
  onSeries: () => undefined,
  onSwap: () => undefined,
  onModelsRefused: () => undefined,
  onModelsFailed: () => undefined,
};

/**
 * The clock of the test, which a busy machine does not hurry: it advances by a step when all timers that were due have
 * run and all servers that can be reached have answered.
 */
class TestTime {
  nowMs = 0;
  readonly #timers = new Set<{ dueMs: number; readonly everyMs: number | null; readonly work: () => void }>();
  readonly #awaited = new Set<Promise<unknown>>();
  #isOver = false;

  after(ms: number, work: () => void, everyMs: number | null = null): () => void {
    const timer = { dueMs: this.nowMs + ms, everyMs, work };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  pass(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Stands still until it has settled; @returns what ends that */
  await(promise: Promise<unknown>): () => void {
    const settled = promise.catch(() => undefined);
    this.#awaited.add(settled);
    const end = (): void => void this.#awaited.delete(settled);
    void settled.then(end);
    return end;
  }

  async run(): Promise<void> {
    while (!this.#isOver) {
      while (this.#awaited.size > 0) await Promise.race([...this.#awaited, sleep(POLL_MS)]);
      this.nowMs += STEP_MS;
      for (const timer of [...this.#timers]) {
        if (timer.dueMs > this.nowMs || !this.#timers.has(timer)) continue;
        if (timer.everyMs === null) this.#timers.delete(timer);
        else timer.dueMs = this.nowMs + timer.everyMs;
        timer.work();
      }
      await turn();
      await turn();
    }
  }

  end(): void {
    this.#isOver = true;
  }
}

/** Gate of a process's effects: none while it is stopped (SIGSTOP), and none after its end. */
class Gate {
  readonly #time: TestTime;
  #state: 'running' | 'stopped' | 'dead' = 'running';
  readonly #waiting = new Set<() => void>();

  constructor(time: TestTime) {
    this.#time = time;
  }

  readonly run = (work: () => void): void => {
    if (this.#state === 'running') work();
    else if (this.#state === 'stopped') this.#waiting.add(work);
  };

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  /** A promise that settles only while the process runs. */
  async pass<Value>(promise: Promise<Value>): Promise<Value> {
    const settled = await promise.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    await new Promise<void>((resolve) => this.run(resolve));
    if ('error' in settled) throw settled.error;
    return settled.value;
  }

  stop(): void {
    this.#state = 'stopped';
  }

  resume(): void {
    if (this.#state === 'stopped') this.#state = 'running';
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const work of waiting) this.run(work);
  }

  kill(): void {
    this.#state = 'dead';
    this.#waiting.clear();
  }

  /** A timer that is due again while its process is stopped fires once. */
  readonly scheduler: Scheduler = {
    afterTurn: (work) => void setImmediate(() => this.run(work)),
    after: (ms, work) => this.#time.after(ms, () => this.run(work)),
    every: (ms, work) => this.#time.after(ms, () => this.run(work), ms),
  };
}

/** A process: daemon, lease and Redis as of `main.ts`, behind a gate. */
interface Process {
  readonly gate: Gate;
  readonly daemon: Daemon;
  readonly store: JournalFile;
  readonly lease: LeaseStore;
  readonly bus: Bus;
}

/** A machine in this process, with its own home and its own proxies to the servers. */
class InsideMachine {
  readonly paths: HomePaths;
  readonly #options: MachinesInsideOptions;
  readonly #settings: Settings;
  readonly #leaseWay: CuttablePath;
  readonly #way: CuttablePath;
  readonly #time: TestTime;
  readonly #nowMs: () => number;
  readonly #hear: (text: string) => void;
  readonly #stores: JournalFile[] = [];
  #process: Process | null = null;
  #clockStepMs = 0;
  #isCut = false;
  #endWait: () => void = () => undefined;
  /** Index of the next minute to be sent. */
  #next = 0;

  constructor(
    home: { readonly paths: HomePaths; readonly settings: Settings },
    ways: readonly [lease: CuttablePath, redis: CuttablePath],
    options: MachinesInsideOptions,
    time: TestTime,
    nowMs: () => number,
    hear: (text: string) => void,
  ) {
    this.#time = time;
    this.paths = home.paths;
    this.#settings = home.settings;
    [this.#leaseWay, this.#way] = ways;
    this.#options = options;
    this.#nowMs = nowMs;
    this.#hear = hear;
  }

  get role(): 'holder' | 'standby' | null {
    const daemon = this.#process?.daemon;
    const isReady = daemon !== undefined && daemon.pipeline.status.models !== null;
    const lease = isReady ? daemon.lease() : null;
    // A standby that does not reach the server cannot take over.
    return lease?.server === 'up' ? lease.role : null;
  }

  start(): Promise<void> {
    const started = this.#start();
    this.#time.await(started);
    return started;
  }

  async #start(): Promise<void> {
    const { leaseSeconds, minuteMs, loadModels, name } = this.#options;
    const gate = new Gate(this.#time);
    const rate = 60_000 / minuteMs;
    const clock: Clock = {
      nowMs: () => Math.round(this.#nowMs() + this.#clockStepMs) as EpochMs,
      monotonicUs: () => this.#time.nowMs * 1000 * rate,
    };
    const store = openJournal(this.paths.journal('live', 'main'));
    this.#stores.push(store);
    const holder = `${this.paths.home}/${this.#stores.length}`;
    const url = `redis://127.0.0.1:${this.#leaseWay.port}`;
    const lease = openRedisLease({ url, name, holder, timeoutMs: 250 * leaseSeconds });
    const bus = createRedisBus(redisBusOptions(this.#settings.minutehand.transports.redis));
    const gated: LeaseStore = {
      exchange: (request) => gate.pass(this.#asked(lease.exchange(request))),
      onLost: (listener) => lease.onLost(() => gate.run(listener)),
      reset: () => lease.reset(),
      close: () => lease.close(),
    };
    const daemon = await assembleDaemon(
      {
        clock,
        scheduler: gate.scheduler,
        files: MACHINE_FILES,
        store,
        bus,
        lease: { store: gated, holder, clockMs: () => this.#time.nowMs },
        loadModels: (folder) => gate.pass(loadModels(folder)),
      },
      {
        settings: this.#settings,
        paths: this.paths,
        shard: 'main',
        log: SILENT,
        observer: UNOBSERVED,
        print: () => undefined,
        isFeedOpen: () => true,
      },
    );
    daemon.attach({
      engine: 'inside',
      engineNote: null,
      publishAll: (messages) => {
        if (!gate.isDead) for (const { text } of messages) this.#hear(text);
      },
    });
    this.#process = { gate, daemon, store, lease, bus };
    this.#next = this.#resumeAt(store);
  }

  /** The clock waits for a server that can be reached. */
  #asked<Answer>(answer: Promise<Answer>): Promise<Answer> {
    const settled = answer.catch(async (error: unknown) => {
      await sleep(RECONNECT_MS);
      throw error;
    });
    if (!this.#isCut) this.#endWait = this.#time.await(settled);
    return settled;
  }

  /** Behind the newest minute of which the journal has every bar. */
  #resumeAt(store: JournalFile): number {
    const times = [...store.lastBars().values()];
    const newest = times.length === 0 ? -Infinity : Math.min(...times);
    const { history, minutes } = this.#options;
    return [...history, ...minutes].findIndex(({ time }) => time > newest);
  }

  /** Hands over what is over by the market's clock. */
  feed(all: readonly Minute[], firstLive: number): void {
    const running = this.#process;
    if (running === null) return;
    running.gate.run(() => {
      for (let minute; (minute = all[this.#next]) !== undefined; this.#next++) {
        if ((minute.time + 60) * 1000 > this.#nowMs()) return;
        const text = JSON.stringify(minute.bars.map((bar) => ({ ...bar, time: bar.time * 1000 })));
        try {
          running.daemon.intake(text, this.#next < firstLive);
        } catch {
          // It is signing off: the next process reads on from its journal.
          return;
        }
      }
    });
  }

  /** @returns what undoes it */
  strike(kind: EventKind): () => Promise<void> | void {
    const { gate, daemon } = this.#process!;
    switch (kind) {
      case 'kill':
        this.#kill();
        return () => this.start();
      case 'end': {
        const ended = daemon.signOff(() => false).then(() => daemon.stop());
        return async () => {
          await ended;
          this.#kill();
          await this.start();
        };
      }
      case 'cut':
      case 'part': {
        const cut = kind === 'cut' ? [this.#leaseWay, this.#way] : [this.#leaseWay];
        for (const way of cut) way.cut();
        this.#isCut = true;
        this.#endWait();
        return () => {
          this.#isCut = false;
          for (const way of cut) way.mend();
        };
      }
      case 'pause':
        gate.stop();
        return () => gate.resume();
      case 'clock':
        this.#clockStepMs = HOUR_MS - this.#clockStepMs;
        return () => void (this.#clockStepMs = HOUR_MS - this.#clockStepMs);
    }
  }

  #kill(): void {
    const { gate, lease, bus } = this.#process!;
    this.#process = null;
    gate.kill();
    void lease.close();
    void bus.close();
  }

  async close(): Promise<void> {
    if (this.#process !== null) {
      this.#process.gate.resume();
      await this.#process.daemon.signOff(() => false);
      await this.#process.daemon.stop();
      this.#kill();
    }
    for (const store of this.#stores) store.close();
    for (const way of [this.#leaseWay, this.#way]) await way.close();
  }
}

async function openMachine(
  folder: string,
  options: MachinesInsideOptions,
  time: TestTime,
  nowMs: () => number,
  hear: (text: string) => void,
): Promise<InsideMachine> {
  const { settings, redis, leaseSeconds, bundle } = options;
  const leaseWay = await openCuttablePath(redis.port);
  const way = await openCuttablePath(redis.port);
  const { transports } = settings.minutehand;
  const url = `redis://127.0.0.1:${way.port}`;
  const own: Settings = {
    ...settings,
    minutehand: {
      ...settings.minutehand,
      lease: { url, seconds: leaseSeconds },
      transports: { ...transports, redis: { ...transports.redis, enabled: 'auto', url } },
    },
  };
  const { paths } = makeHome(folder, own, bundle);
  const machine = new InsideMachine({ paths, settings: own }, [leaseWay, way], options, time, nowMs, hear);
  await machine.start();
  return machine;
}

/** As `runTwoMachines`, with both machines in this process: real daemons, journals, Redis and lease; no sockets. */
export async function runMachinesInside(options: MachinesInsideOptions): Promise<TwoMachinesReport> {
  const { redis, history, minutes, minuteMs, rng, events, folder } = options;
  const startMs = (minutes[0]!.time + 30) * 1000;
  const time = new TestTime();
  const nowMs = (): number => startMs + (60_000 / minuteMs) * time.nowMs;
  const listener = await SignalListener.open(redis.url, nowMs);

  const machines = await Promise.all(
    ['a', 'b'].map((name) => openMachine(join(folder, name), options, time, nowMs, listener.from('websocket'))),
  );
  const all = [...history, ...minutes];
  const feed = (): void => machines.forEach((machine) => machine.feed(all, history.length));
  const endFeed = time.after(POLL_MS, feed, POLL_MS);
  const running = time.run();
  const happened: TwoMachinesEvent[] = [];
  let untilMs = 0;
  const holderAndStandby = async (): Promise<InsideMachine> => {
    for (;;) {
      const roles = machines.map(({ role }) => role);
      if (roles.includes('holder') && roles.includes('standby')) return machines[roles.indexOf('holder')]!;
      await time.pass(POLL_MS);
    }
  };
  try {
    await holderAndStandby();
    await time.pass(2 * minuteMs);
    for (const kind of events) {
      const holder = await holderAndStandby();
      await time.pass(rng.uniform() * minuteMs);
      const taken = listener.takeover();
      const { fence } = listener;
      const struckMs = nowMs();
      const atMs = time.nowMs;
      const heal = holder.strike(kind);
      await taken;
      const takeoverMs = time.nowMs - atMs;
      const answeredMs = nowMs();
      const saidHalt = ISOLATING.includes(kind) ? endsWithHalt(listener.heard, fence) : null;
      if (kind === 'pause') await time.pass(options.pauseMs);
      await time.pass(rng.uniform() * minuteMs);
      await heal();
      happened.push({ kind, fence, struckMs, healedMs: nowMs(), answeredMs, takeoverMs, saidHalt });
    }
    await holderAndStandby();
    await time.pass(4 * minuteMs);
    untilMs = nowMs();
  } finally {
    endFeed();
    for (const machine of machines) await machine.close();
    time.end();
    await running;
    listener.close();
  }
  const sent = minutes.filter(({ time }) => (time + 60) * 1000 <= untilMs).map(({ time }) => time);
  const homes = machines.map(({ paths }) => paths);
  const leaseMs = (1000 * options.leaseSeconds * 60_000) / minuteMs;
  return { homes, heard: listener.heard, sent, events: happened, leaseMs };
}

/** Whether the last signal with this fence of each pair has mode HALT. */
function endsWithHalt(heard: readonly HeardSignal[], fence: number): boolean {
  // One transport may bring an earlier one later.
  const all = heard.flatMap(({ signal }) => (signal.fence === fence ? signal : [])).sort((x, y) => x.seq - y.seq);
  const last = new Map(all.map((signal) => [signal.pair_id, signal]));
  return last.size > 0 && [...last.values()].every(({ mode }) => mode === 'HALT');
}
