import { randomUUID } from 'node:crypto';
import { hostname, uptime } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { announce } from '../shared/address.ts';
import { SECONDS_PER_BAR, type OpenTime } from '../shared/bar.ts';
import { MACHINE_CLOCK, MACHINE_SCHEDULER } from '../shared/clock.ts';
import { DependencyWatch } from '../shared/dependencies/watch.ts';
import { describeError, knownError, MinutehandError } from '../shared/errors.ts';
import { MACHINE_FILES } from '../shared/files.ts';
import { warmUpSeconds } from '../shared/core/features/features.ts';
import { createAccess } from '../shared/http/access.ts';
import { exchangeOwner, type ExchangeOwner } from '../shared/owner/exchange_owner.ts';
import { noteKilled } from '../shared/fatal.ts';
import { removeForeignLinks } from '../shared/foreign_links.ts';
import { ownerOf } from '../shared/owner/owner.ts';
import { barSecondsOf, symbolsOf } from '../shared/pair.ts';
import { configAuthor, configValues, noteConfigStart } from '../shared/policy/config_starts.ts';
import type { Bus } from '../shared/ports.ts';
import { filesUnderUmask } from '../shared/private_files.ts';
import { readRuleBundle } from '../shared/bundle/rule/rule_bundle.ts';
import { PointerMarks } from '../shared/bundle/pointer_marks.ts';
import { barIntervalMs, loadSettings, shardOf, shardPairs, shardsOf, shardSubjects } from '../shared/policy/policy.ts';
import { unlessEnding } from '../shared/process/ending.ts';
import { requireDescriptors } from '../shared/process/descriptors.ts';
import { isLocked, lockHomeSoon } from '../shared/process/home_lock.ts';
import { openJournal, type JournalFile, type JournalStore } from '../shared/store/journal.ts';
import { collectionOf, IdleCollector } from './idle_gc.ts';
import { lowerEngineThreads, tuneEngine } from './v8_flags.ts';
import { assembleDaemon, type Daemon, type DaemonObserver } from './daemon.ts';
import type { DaemonProcessOptions } from './daemon_process_options.ts';
import type { Answer } from './decide/answer.ts';
import { readBarStream } from './feed/redis_stream.ts';
import { startPlayedFeed, type PlayedFeedOptions, type RunningFeed } from './feed/played.ts';
import { openReplay } from './feed/replayed.ts';
import { createSimulatedMarket } from '../shared/market/simulated_market.ts';
import { daemonChecks } from './health/daemon_dependencies.ts';
import type { HealthReport } from './health/health.ts';
import { askForLostModels } from './health/lost_models.ts';
import { openJournalThread, type JournalThread } from './journal/journal_thread.ts';
import { subjectWarmup } from './journal/recovery.ts';
import { keepRetention } from './journal/retention.ts';
import { learnLeaseServerId } from './lease/lease_server_id.ts';
import type { LeaseStore } from './lease/lease_store.ts';
import { openLeaseStore } from './lease/open_lease_store.ts';
import { watchProgress } from './health/progress.ts';
import { openDaemonLogs, type DaemonLogs } from './log/log.ts';
import { Exposition } from './metrics/exposition.ts';
import type { MetricsSource } from './metrics/metrics.ts';
import { Observed } from './metrics/observed.ts';
import { ProcessWatch } from './metrics/process_watch.ts';
import type { Pipeline } from './pipeline.ts';
import { watchPolicy } from './policy_watch.ts';
import type { FilePublisherOptions } from './publish/file.ts';
import { createFileThread } from './publish/file_thread.ts';
import type { Route } from './serve/http_route.ts';
import { openServer } from './serve/serve.ts';
import type { Server, ServerOptions } from './serve/server.ts';
import { awaitSuccession, directionLoaderOf, loaderOf, openBus, type Provisions } from './standby.ts';
import { allSettled, Undo } from './undo.ts';
import { CacheWarmer } from './warm/cache_warmer.ts';
import { IdleStates } from './warm/idle_states.ts';
import { DryRuns } from './dry_runs.ts';
import { RealTime } from './warm/real_time.ts';

/** A simulated market makes a week of bars in two hours: bars older than this many of its minutes are deleted. */
const SIMULATED_MEMORY_MINUTES = 30 * 1440;
const FORGET_EVERY_MS = 600_000;
const PROGRESS_MINUTES = 5000;
const POLICY_POLL_MS = 500;
/** Maximum wait of a successor, which has the lease, for its predecessor's port. */
const PORT_GRACE_MS = 2000;
const PORT_RETRY_MS = 10;
/** Of a request to the lease server, as a share of the lease's duration. */
const LEASE_TIMEOUT = 0.25;
/** Pairs whose memory is read at a time between bars. */
const TOUCHED_PAIRS = 64;

export interface RunningDaemon {
  readonly port: number;
  readonly bootId: string;
  readonly health: () => HealthReport;
  /** See watchProgress. */
  readonly isMoving: () => boolean;
  /**
   * Sends what is in progress and, when no other daemon waits to take over, halts every pair; stores the journal, frees
   * port and place, and logs why.
   */
  stop(reason?: string): Promise<void>;
}

/**
 * Starts the data plane on this machine: bars in, signals out.
 * @throws MinutehandError HOME_LOCKED, HOME_UNUSABLE, JOURNAL_WRITE, JOURNAL_DAMAGED, PORT_TAKEN, CONFIG_INVALID,
 * FILES_EXHAUSTED; the reason of `options.ending` when that was aborted before the end of the start
 */
export async function startDaemon(options: DaemonProcessOptions): Promise<RunningDaemon> {
  requireDescriptors();
  return run(options, await lockHomeSoon(placeOf(options)), null);
}

/** The lock of a shard's daemon. Called first, so that nothing is created for a shard that is not configured. */
function placeOf({ settings, paths, shard }: DaemonProcessOptions): string {
  shardPairs(settings.minutehand, shard);
  return paths.lock(`daemon_${shard}`);
}

/**
 * Starts the data plane when its lease is free: at once, or when the daemon that holds it ends, however it ends. Until
 * then nothing in the home is written except the lock of the standbys.
 * @param onWaiting called once when the lease is held and this daemon is the next
 * @returns null when `ending` was aborted while it waited
 * @throws as startDaemon, but HOME_LOCKED; MinutehandError ENGINE_MISSING
 */
export async function standBy(
  given: DaemonProcessOptions,
  ending: AbortSignal,
  onWaiting: () => void,
): Promise<RunningDaemon | null> {
  requireDescriptors();
  const options = { ...given, ending };
  if (!isLocked(placeOf(options))) {
    try {
      return await startDaemon(options);
    } catch (error) {
      if (!(error instanceof MinutehandError) || error.code !== 'HOME_LOCKED') throw error;
    }
  }
  const succession = await awaitSuccession(options, ending, onWaiting);
  if (succession === null) return null;
  return run(options, succession.unlock, succession.provisions).finally(() => succession.release());
}

async function run(
  options: DaemonProcessOptions,
  unlock: () => void,
  provisions: Provisions | null,
): Promise<RunningDaemon> {
  tuneEngine();
  lowerEngineThreads();
  const daemon = new DaemonProcess(options, unlock, provisions);
  try {
    return await daemon.start();
  } catch (error) {
    await daemon.rollBack();
    throw error;
  }
}

/** A daemon with its sockets, files and logs on this machine. */
class DaemonProcess {
  readonly #options: DaemonProcessOptions;
  readonly #provisions: Provisions | null;
  readonly #undo: Undo;
  readonly #logs: DaemonLogs;
  readonly #observed: Observed;
  #server: Server | null = null;
  #feed: RunningFeed | null = null;
  #collector: IdleCollector | null = null;
  #warmer: CacheWarmer | null = null;
  #dryRuns: DryRuns | null = null;
  #idleStates: IdleStates | null = null;
  #dependencies: DependencyWatch | null = null;
  /** null = no files are written. */
  #exchange: ExchangeOwner | null = null;
  #bus: Bus | null = null;

  constructor(options: DaemonProcessOptions, unlock: () => void, provisions: Provisions | null) {
    const { settings, paths, shard, clock } = options;
    const { log, feed } = settings.minutehand;
    this.#options = options;
    this.#provisions = provisions;
    this.#undo = new Undo(unlock);
    this.#logs = openDaemonLogs({ folder: paths.log, level: log.level, shard, budgetMs: feed.budget_ms });
    this.#undo.push(() => this.#logs.close());
    this.#observed = new Observed(feed.budget_ms, clock);
  }

  /** @throws MinutehandError as startDaemon */
  async start(): Promise<RunningDaemon> {
    const { settings, paths, shard } = this.#options;
    const journalPath = paths.journal(settings.minutehand.market, shard);
    try {
      return await this.#startWith(journalPath);
    } catch (error) {
      if (knownError(error)?.code !== 'DATABASE_DAMAGED') throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new MinutehandError('JOURNAL_DAMAGED', { seen: `${journalPath}: ${reason}`, cause: error });
    }
  }

  async #startWith(journalPath: string): Promise<RunningDaemon> {
    const { settings, paths, shard } = this.#options;
    const { market } = settings.minutehand;
    const log = this.#logs.events;
    this.#claimExchange();
    const store = openJournal(journalPath);
    this.#undo.push(() => store.close());
    const journal = this.#openJournalThread(journalPath, store);
    this.#goOn();
    this.#noteConfiguration();
    const processWatch = new ProcessWatch();
    this.#undo.push(() => processWatch.close());
    const daemon = await this.#assemble(store, journal);
    this.#goOn();
    this.#followPolicy(daemon);
    this.#watchDependencies(daemon, journalPath);
    this.#askForLostModels(daemon);
    const metrics = new Exposition(this.#metricsSource(daemon), processWatch);
    // The first text of a process takes some milliseconds, later ones a fraction of one.
    await metrics.text();
    this.#goOn();
    const port = await this.#listen(daemon, metrics);
    this.#undo.push(async () => {
      await this.#feed?.stop();
      await daemon.signOff(() => isLocked(paths.lock(`standby_${shard}`)));
    });
    this.#goOn();
    if (market !== 'live') this.#feed = await startPlayed(this.#options, daemon.pipeline, journal, log);
    else this.#keepRetention(daemon, store, journal, journalPath);
    return {
      port,
      bootId: daemon.bootId,
      health: daemon.health,
      isMoving: watchProgress(daemon.pipeline.queue),
      stop: (reason = 'asked to') => {
        log.info({ reason }, 'daemon ends');
        return this.#undo.unwind();
      },
    };
  }

  /** Between the steps of a start. @throws the reason of `ending` when that was aborted */
  #goOn(): void {
    this.#options.ending?.throwIfAborted();
  }

  #followPolicy({ pipeline }: Daemon): void {
    const { settings, paths, shard, print } = this.#options;
    const watch = watchPolicy({
      paths,
      print,
      files: MACHINE_FILES,
      scheduler: MACHINE_SCHEDULER,
      pollMs: POLICY_POLL_MS,
      pairs: shardPairs(settings.minutehand, shard),
      policyHash: () => pipeline.status.policyHash,
      log: this.#logs.events,
      load: () => loadSettings(),
      apply: (input, now) => {
        pipeline.inputs.apply(input);
        // Journaled at once, and not with the next bar.
        void pipeline.idleWindow().then(() => pipeline.settled());
        this.#noteConfiguration(now);
      },
    });
    this.#undo.push(() => watch.stop());
    // A standby has the models that it loaded at its start.
    watch.check();
  }

  /** @throws MinutehandError EXCHANGE_TAKEN */
  #claimExchange(): void {
    const { settings, paths, print, signalsUmask = null } = this.#options;
    if (!settings.minutehand.transports.files.enabled) return;
    for (const link of removeForeignLinks(paths.signals)) {
      const { code, message, next } = new MinutehandError('EXCHANGE_LINK', { seen: link });
      print(`${code}: ${message} ${next}`);
    }
    const files = signalsUmask === null ? MACHINE_FILES : filesUnderUmask(signalsUmask);
    const exchange = exchangeOwner(paths.signals, ownerOf(settings, paths), files);
    exchange.claim();
    this.#exchange = exchange;
    this.#undo.push(() => exchange.release());
  }

  #watchDependencies(daemon: Daemon, journalPath: string): void {
    const { settings, paths, clock, print } = this.#options;
    const { inputs } = daemon.pipeline;
    const log = this.#logs.events;
    const wallMs = (): number => clock.nowMs();
    const watch = new DependencyWatch({
      checks: daemonChecks({
        settings,
        paths,
        journalPath,
        wallMs,
        uptimeMs,
        modelsInUse: daemon.modelsInUse,
        redisStates: daemon.redisStates,
        exchange: this.#exchange,
        redisTakenBy: () => this.#bus?.takenBy ?? null,
        leaseClock: daemon.checkLeaseClock,
      }),
      scheduler: MACHINE_SCHEDULER,
      nowMs: wallMs,
      whenIdle: () => daemon.pipeline.idleWindow(),
      onFault: ({ dependency, code, message, next }) => {
        inputs.apply({ kind: 'degraded', what: dependency });
        log.error({ code, dependency }, message);
        print(`${code}: ${message} ${next}`);
      },
      onWell: (dependency) => {
        inputs.apply({ kind: 'recovered', what: dependency });
        log.info({ dependency }, 'a dependency is well again');
      },
    });
    this.#dependencies = watch;
    this.#undo.push(() => watch.stop());
    watch.start();
  }

  #askForLostModels({ pipeline, health }: Daemon): void {
    const { recoverModels: recover, clock, print } = this.#options;
    if (recover === undefined) return;
    this.#undo.push(
      askForLostModels({
        health,
        recover,
        scheduler: MACHINE_SCHEDULER,
        nowMs: () => clock.monotonicUs() / 1000,
        whenIdle: () => pipeline.idleWindow(),
        log: this.#logs.events,
        print,
      }),
    );
  }

  /** For the audit of the trainer, which is no reason not to trade. */
  #noteConfiguration(settings = this.#options.settings): void {
    const { paths, shard, clock } = this.#options;
    try {
      noteConfigStart(paths.configStarts(shard), {
        ...configAuthor(`daemon ${shard}`, process.env),
        at_ms: clock.nowMs(),
        policy_hash: settings.policyHash,
        values: configValues(settings),
      });
    } catch (error) {
      this.#logs.events.warn({ err: error }, 'the configuration was not noted for the audit');
    }
  }

  async rollBack(): Promise<void> {
    await this.#undo
      .unwind()
      .catch((failure: unknown) => this.#logs.events.error({ err: failure }, 'not everything was undone'));
  }

  async #learnLeaseServer(store: LeaseStore): Promise<void> {
    const { settings, paths } = this.#options;
    const { url, seconds } = settings.minutehand.lease;
    if (url === null) return;
    const closing = new AbortController();
    this.#undo.push(() => closing.abort());
    const learning = learnLeaseServerId(store, { home: paths.home, url, waitMs: 1000 * seconds }, closing.signal);
    await unlessEnding(this.#options.ending, learning);
  }

  #openJournalThread(path: string, store: JournalFile): JournalThread {
    const { events } = this.#logs;
    const onDeath = (error: MinutehandError): void => {
      events.error(describeError(error), 'the journal is written by the main thread from here on');
      this.#options.print(`${error.code}: ${error.message} The main thread writes it from now on. ${error.next}`);
    };
    const journal = openJournalThread({ path, store, scheduler: MACHINE_SCHEDULER, onDeath });
    this.#undo.push(() => journal.close());
    return journal;
  }

  async #assemble(store: JournalStore, journalWriter: JournalThread): Promise<Daemon> {
    const { settings, paths, shard, clock, print, maxWaitingRows, ending, signalsUmask = null } = this.#options;
    const { market, transports } = settings.minutehand;
    const { redis } = transports;
    const lease = await openLease(this.#options);
    if (lease !== undefined) await this.#learnLeaseServer(lease.store);
    const bus = this.#provisions === null ? openBus(this.#options) : this.#provisions.bus;
    this.#bus = bus;
    this.#undo.push(() => bus?.close());
    const daemon = await assembleDaemon(
      {
        clock,
        scheduler: MACHINE_SCHEDULER,
        files: MACHINE_FILES,
        store,
        openHistory: () => openJournal(paths.journal(market, shard), { readOnly: true }),
        journalWriter,
        bus,
        lease,
        ...(redis.enabled === 'off' ? {} : { readBarStream: (listener) => readBarStream(redis, listener) }),
        openSignalFiles: (given) =>
          createFileThread({ ...this.#whileClaimed(given), scheduler: MACHINE_SCHEDULER, umask: signalsUmask }),
        loadModels: this.#provisions?.loadModels ?? loaderOf(this.#options),
        loadDirection: directionLoaderOf(this.#options),
        loadRule: (folder) => readRuleBundle(folder),
        pointerMarks: (kind) => new PointerMarks(paths.home, `daemon_${shard}`, kind, () => clock.nowMs()),
      },
      {
        settings,
        paths,
        shard,
        log: this.#logs.events,
        print,
        ...(maxWaitingRows === undefined ? {} : { maxWaitingRows }),
        ending,
        observer: this.#observer(),
        isFeedOpen: () => market === 'live' || this.#feed?.begun === true,
        faults: () => this.#dependencies?.faults ?? [],
      },
    );
    this.#undo.push(() => allSettled([this.#server?.close() ?? Promise.resolve(), daemon.stop()]));
    const { pipeline } = daemon;
    this.#collector = new IdleCollector({
      scheduler: MACHINE_SCHEDULER,
      idleWindow: () => pipeline.idleWindow(),
      isIdle: () => pipeline.queue.isIdle && this.#warmer?.isMinuteOpen !== true,
      collect: collectionOf('minor'),
    });
    this.#warmer = this.#warmCaches(pipeline);
    this.#idleStates = this.#permitted(
      'processors stay awake for 3 ms after each bar',
      () => new IdleStates({ clock, scheduler: MACHINE_SCHEDULER }),
    );
    this.#undo.push(() => this.#idleStates?.close());
    return daemon;
  }

  /**
   * Files are written only while the folder is claimed. A process that was suspended for longer than a claim lasts, or
   * cannot renew its claim, stops writing until it has the claim again; consumers see its last signals expire.
   */
  #whileClaimed(given: Omit<FilePublisherOptions, 'files'>): Omit<FilePublisherOptions, 'files'> {
    const claimedUntilMs = (): number => this.#exchange?.claimedUntilMs() ?? 0;
    const { deadlineMs, mayWrite } = given;
    return {
      ...given,
      deadlineMs: () => Math.min(deadlineMs?.() ?? Infinity, claimedUntilMs()),
      mayWrite: () => mayWrite?.() !== false && uptimeMs() < claimedUntilMs(),
    };
  }

  #warmCaches(pipeline: Pipeline): CacheWarmer {
    const { settings, shard, clock } = this.#options;
    const scheduler = MACHINE_SCHEDULER;
    const subjects = shardSubjects(settings.minutehand, shard);
    const pairs = shardPairs(settings.minutehand, shard);
    const ofMinutes = subjects.filter((subject) => barSecondsOf(subject) === SECONDS_PER_BAR).length;
    const isIdle = (): boolean => pipeline.queue.isIdle;
    const dryRuns = new DryRuns({ settings, pairs, clock, scheduler, models: () => pipeline.status.models, isIdle });
    this.#dryRuns = dryRuns;
    const shards = shardsOf(settings.minutehand).length;
    const realTime = this.#permitted(
      'this thread has real-time priority while bars are due',
      () => new RealTime(shards),
    );
    let next = 0;
    const warmer = new CacheWarmer({
      clock,
      scheduler,
      feedIntervalMs: barIntervalMs(settings),
      subjects: ofMinutes,
      isIdle,
      onExpected: (isExpected) => {
        if (isExpected) return realTime?.begin();
        realTime?.end();
        // Collections that waited for the missing bars.
        this.#collector?.note(0);
      },
      warm: () => {
        for (let i = 0; i < Math.min(TOUCHED_PAIRS, pairs.length); i++) pipeline.touch(next++ % pairs.length);
        const before = dryRuns.answered;
        dryRuns.run().then(
          () => this.#collector?.note(dryRuns.answered - before),
          (error: unknown) => {
            warmer.stop();
            this.#logs.events.warn({ err: error }, 'a dry run failed');
          },
        );
      },
    });
    this.#undo.push(() => warmer.stop());
    return warmer;
  }

  /** @returns null where the system does not permit it */
  #permitted<T>(what: string, open: () => T): T | null {
    const { events } = this.#logs;
    try {
      const opened = open();
      events.info(what);
      return opened;
    } catch (error) {
      events.info({ err: error }, `not permitted: ${what}`);
      return null;
    }
  }

  #observer(): DaemonObserver {
    const observed = this.#observed;
    const logs = this.#logs;
    const noteAnswered = (batch: readonly Answer[]): void => {
      this.#warmer?.note(batch);
      this.#collector?.note(batch.length);
    };
    return {
      onSignals(batch, timing, models, bootId) {
        observed.batch(batch, timing);
        logs.batch(batch, timing, models, bootId);
        noteAnswered(batch);
      },
      onBar: (outcome) => {
        if (outcome === 'accepted') this.#idleStates?.forbid();
        observed.bar(outcome);
      },
      refusedBars: () =>
        Object.fromEntries([...observed.bars].filter(([code, count]) => count > 0 && String(code).startsWith('BAR_'))),
      onSeries: (outcome) => observed.series.add(outcome),
      onSwap: () => observed.swap(),
      onModelsRefused: (code) => observed.modelRefused(code),
      onModelsFailed: (code) => observed.modelFailed(code),
    };
  }

  #metricsSource({ pipeline, publishers, lateBars, lease, streamLost }: Daemon): MetricsSource {
    const connections = (): number => this.#server?.connections ?? 0;
    return {
      clock: this.#options.clock,
      observed: this.#observed,
      logs: this.#logs,
      status: pipeline.status,
      publishers,
      lateBars,
      lease,
      streamLost,
      dryRuns: () => this.#dryRuns?.answered ?? 0,
      dependencies: () => this.#dependencies?.states ?? [],
      server: {
        get connections() {
          return connections();
        },
      },
    };
  }

  /** @returns the port */
  async #listen(daemon: Daemon, metrics: Exposition): Promise<number> {
    const { settings, paths, shard, token, clock } = this.#options;
    const { market, feed, transports } = settings.minutehand;
    const log = this.#logs.events;
    const { host, allowed_hosts, loopback_needs_token, engine, max_buffered_bytes } = transports.daemon;
    const server = await openServerOf(this.#provisions !== null, {
      host,
      port: shardOf(settings.minutehand, shard).port,
      engine,
      routes: [...daemon.routes, metricsRoute(metrics)],
      webSockets: daemon.webSockets,
      maxBodyBytes: feed.max_body_bytes,
      maxBufferedBytes: max_buffered_bytes,
      authorize: createAccess({
        host,
        allowedHosts: allowed_hosts,
        token,
        loopbackNeedsToken: loopback_needs_token,
        needsAuthorization: ({ path }) => path === '/bars' || path === '/series',
      }),
      onError: (error) => log.error({ err: error }, 'unexpected error'),
    });
    this.#server = server;
    daemon.attach(server);
    daemon.readBars();
    noteKilled(paths, shard, clock.nowMs());
    this.#undo.push(announce(paths.address(`daemon_${shard}`), { host, port: server.port }));
    const { engine: served, engineNote } = server;
    if (engineNote !== null) log.info(`The server engine is ws. ${engineNote}`);
    log.info({ port: server.port, engine: served, market, boot_id: daemon.bootId }, 'daemon listens');
    return server.port;
  }

  /** Of a live market: old signals are deleted. */
  #keepRetention({ pipeline }: Daemon, store: JournalFile, journal: JournalThread, journalPath: string): void {
    const { settings, paths, clock } = this.#options;
    const log = this.#logs.events;
    const days = settings.signals.signals_journal_days;
    if (days === null) return;
    const endRetention = keepRetention({
      store,
      prune: (bounds, limit) => journal.prune(bounds, limit),
      journalPath,
      archivedPath: paths.archivedSignals,
      days,
      files: MACHINE_FILES,
      clock,
      scheduler: MACHINE_SCHEDULER,
      idleWindow: () => pipeline.idleWindow(),
      onFailure: (error) => log.error(describeError(error), 'old signals not deleted from the journal'),
      onPruned: (signals) => log.debug({ signals }, 'old signals deleted from the journal'),
    });
    this.#undo.push(endRetention);
  }
}

/** Counts suspension: a clock of Node does not. */
const uptimeMs = (): number => uptime() * 1000;

async function openLease({ settings, shard, clock }: DaemonProcessOptions) {
  const { market, lease } = settings.minutehand;
  if (lease.url === null) return undefined;
  const holder = `${hostname()}/${process.pid}/${randomUUID()}`;
  const store = await openLeaseStore({
    url: lease.url,
    name: `${market}:${shard}`,
    holder,
    timeoutMs: 1000 * lease.seconds * LEASE_TIMEOUT,
  });
  // The server knows no other clock than that of a machine.
  const isOfMachine = clock === MACHINE_CLOCK;
  return { store, holder, clockMs: uptimeMs, ...(isOfMachine && { wallMs: () => clock.nowMs() }) };
}

function metricsRoute(metrics: Exposition): Route {
  return {
    method: 'GET',
    path: '/metrics',
    handle: async () => ({ status: 200, contentType: metrics.contentType, body: await metrics.text() }),
  };
}

/** A killed predecessor may hold the port slightly longer than the lock. */
async function openServerOf(isSuccessor: boolean, options: ServerOptions): Promise<Server> {
  const deadlineMs = performance.now() + (isSuccessor ? PORT_GRACE_MS : 0);
  for (;;) {
    try {
      return await openServer(options);
    } catch (error) {
      if (!(error instanceof MinutehandError) || error.code !== 'PORT_TAKEN' || performance.now() >= deadlineMs)
        throw error;
      await sleep(PORT_RETRY_MS);
    }
  }
}

async function startPlayed(
  options: DaemonProcessOptions,
  pipeline: Pipeline,
  journal: JournalThread,
  log: Logger,
): Promise<RunningFeed> {
  const { settings, print, ending } = options;
  const { simulated } = settings.minutehand;
  const { market, historyBars, title } = await playedMarket(options);
  const lastTimes = [...pipeline.status.lastTimes.values()];
  const resumeAfter = lastTimes.length === 0 ? null : (Math.max(...lastTimes) as OpenTime);
  print(
    resumeAfter === null
      ? `${title}: ${historyBars} minutes of history …`
      : `${title}: continues after ${new Date(resumeAfter * 1000).toISOString()}.`,
  );
  const feed = await startPlayedFeed({
    market,
    historyBars,
    barIntervalMs: simulated.bar_interval_ms,
    resumeAfter,
    sink: pipeline.inputs,
    hasModels: () => pipeline.status.models !== null,
    awaitModelsMs: simulated.await_models_ms,
    settled: () => pipeline.settled(),
    ending,
    onProgress: (done, total) => {
      if (done === total || done % PROGRESS_MINUTES === 0) print(`${title}: ${done} of ${total} minutes of history.`);
    },
    onEnd: () => print(`${title}: its last minute has been played; no bar follows.`),
  });
  const warmUp = warmUpOf(options);
  const forgetting = setInterval(() => {
    const newest = Math.max(...pipeline.status.lastTimes.values());
    const signals = newest - SIMULATED_MEMORY_MINUTES * 60;
    journal
      .forgetMinutes({ signals: signals as OpenTime, inputs: (signals - warmUp) as OpenTime })
      .catch((error: unknown) => log.error(describeError(error), 'old minutes not deleted'));
  }, FORGET_EVERY_MS);
  return {
    get begun() {
      return feed.begun;
    },
    async stop() {
      clearInterval(forgetting);
      await feed.stop();
    },
  };
}

/** The simulated market of the settings, or the history that `minutehand try` has put into this home. */
async function playedMarket({
  settings: { minutehand },
  paths,
  shard,
}: DaemonProcessOptions): Promise<Pick<PlayedFeedOptions, 'market' | 'historyBars'> & { readonly title: string }> {
  const { seed, start, history_bars: historyBars } = minutehand.simulated;
  const symbols = symbolsOf(shardSubjects(minutehand, shard)).sort();
  if (minutehand.market === 'replay')
    return { ...(await openReplay(paths.replay, symbols)), title: 'Replay of history' };
  const market = createSimulatedMarket({ seed, symbols, start: (Date.parse(start) / 1000) as OpenTime });
  return { market, historyBars, title: 'Simulated market' };
}

/** Seconds of bars before a signal that its features are a function of, with room for minutes without bars. */
function warmUpOf({ settings, shard }: DaemonProcessOptions): number {
  const { windows } = settings.minutehand;
  const warmupOf = subjectWarmup(windows);
  const longest = shardSubjects(settings.minutehand, shard).map((own) => 2 * warmupOf(own) * barSecondsOf(own));
  return Math.max(warmUpSeconds(windows), ...longest);
}
