import { MARKETS } from '../../../shared/signal/signal.ts';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import type { Clock } from '../../../shared/ports.ts';
import { atMostOneWaiting } from '../../../shared/in_turn.ts';
import { configValues, followConfigStarts, noteConfigChanges } from '../schedule/config_changes.ts';
import { NO_NOTIFIER, type Notifier } from '../notify/notifier.ts';
import { createPasses } from '../schedule/passes.ts';
import { STORE_RETRY_MS, type StoreWork, type StoreWorkOptions } from '../schedule/store_work.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { keptTime } from '../cron/kept_times.ts';
import { type Schedule, scheduleByCron } from '../cron/schedule.ts';
import { openStore, type Store, storeUrl } from '../../store/store.ts';
import { storeOpener } from '../../store/store_opener.ts';
import { Archiving, type OpenHistory } from './archiving.ts';
import { createSignalCopy } from './copy.ts';
import { openSignalTables } from './signal_tables.ts';
import type { Logger } from 'pino';
import { readPointer } from '../../../shared/policy/approved.ts';
import { homePaths } from '../../../shared/home.ts';
import { loadSettings, type Settings } from '../../../shared/policy/policy.ts';
import { configAuthor } from '../../../shared/policy/config_starts.ts';

/**
 * Records configurations that signals refer to. `audit.config_changes` has the values at the trainer's start; if a
 * daemon was started with another configuration since then, the configuration is read again.
 */
class PolicyWatch {
  readonly #settings: Settings;
  readonly #log: Logger;
  readonly #env: NodeJS.ProcessEnv;
  readonly #clock: Clock;
  #current: string;
  readonly #unknown = new Set<string>();

  constructor(settings: Settings, log: Logger, env: NodeJS.ProcessEnv, clock: Clock) {
    this.#settings = settings;
    this.#log = log;
    this.#env = env;
    this.#clock = clock;
    this.#current = settings.policyHash;
  }

  /** Records the configuration of a signal if it is new. @param hash its policy_hash */
  async see(store: Store, hash: string): Promise<void> {
    if (hash === this.#current || this.#unknown.has(hash)) return;
    let found: Settings | null = null;
    try {
      const isApproved = readPointer(homePaths(this.#env).policy) !== null;
      found = loadSettings({ env: this.#env, ...(!isApproved && { configDir: this.#settings.sources.configDir }) });
    } catch (error) {
      this.#log.warn({ err: error }, 'the configuration cannot be read again');
    }
    if (found?.policyHash !== hash) {
      this.#unknown.add(hash);
      const text = 'signals were decided by a configuration that is not in config/ (any more)';
      this.#log.warn({ policy_hash: hash }, text);
      return;
    }
    await noteConfigChanges(store, configValues(found), this.#clock, hash, configAuthor('trainer', this.#env));
    this.#current = hash;
    this.#unknown.clear();
    this.#log.info({ policy_hash: hash }, 'a change of the configuration was noted');
  }
}

export interface HistoryOptions extends StoreWorkOptions {
  readonly notifier?: Notifier;
  /** Pause after a failed round of archiving. */
  readonly retryMs?: number;
}

export interface RunningHistory extends StoreWork {
  /** Archives finished days of the live market, and prunes the history. Never rejects. */
  archive(): Promise<void>;
}

const EVERY_MS = 2000;
const ARCHIVE_RETRY_MS = 600_000;
/**
 * A simulated market can produce as many signals in a day as a live one in two months, so its history is as short as
 * its journal, and is archived only on request.
 */
const SIMULATED_HISTORY_MS = 12 * 3_600_000;
const FORGET_EVERY_MS = 600_000;

/**
 * While the trainer runs, copies every journaled signal into the store, archives finished days and deletes old rows
 * that are archived. Journals, store and archive may each be unavailable for a time: failed work is retried, and
 * nothing is deleted before it is verified elsewhere.
 */
export function startHistory(options: HistoryOptions): RunningHistory {
  const { settings, paths, log, print, env = process.env, clock = MACHINE_CLOCK, retryMs = ARCHIVE_RETRY_MS } = options;
  let stopped = false;
  const opener = storeOpener(() => openHistory(options, env, clock));
  const copyOnce = copying(
    options,
    () => opener.get(),
    () => !stopped,
    env,
    clock,
  );

  /** Sequential: concurrent passes would copy the same rows, and archive rounds need all of them copied. */
  const passes = createPasses({
    work: copyOnce,
    everyMs: EVERY_MS,
    retryMs: STORE_RETRY_MS,
    onFailed({ code, message }) {
      print(`Signals cannot be copied into the history (${code}: ${message}); they wait in their journals.`);
      log.error({ code, message }, 'signals cannot be copied into the history');
    },
    onRecovered: () => print('Signals are copied into the history again.'),
  });
  const archiving = new Archiving({
    settings,
    paths,
    log,
    env,
    clock,
    retryMs,
    print,
    notifier: options.notifier ?? NO_NOTIFIER,
    open: () => opener.get(),
    copyAll: () => passes.once(),
    again: () => void archive(),
  });
  const archive = atMostOneWaiting(() => passes.inTurn(() => archiving.once()));
  const rounds = scheduleRounds(settings.signals.archive_cron, archive, options);
  passes.begin();

  return {
    pass: () => passes.pass(),
    archive,
    async stop() {
      stopped = true;
      archiving.stop();
      rounds?.stop();
      await passes.stop();
      // The current round may have failed.
      archiving.cancelRetry();
      await opener.close();
    },
  };
}

async function openHistory(
  { settings, paths }: HistoryOptions,
  env: NodeJS.ProcessEnv,
  clock: Clock,
): Promise<OpenHistory> {
  const store = await openStore(storeUrl(env, paths), clock);
  try {
    const tables = await openSignalTables(store, settings.signals);
    return { store, tables, copy: createSignalCopy(store, tables, paths) };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * One pass over the journals: copies, records changed configurations, and periodically deletes old rows of the
 * simulated market.
 */
function copying(
  { settings, paths, log }: HistoryOptions,
  open: () => Promise<OpenHistory>,
  isWanted: () => boolean,
  env: NodeJS.ProcessEnv,
  clock: Clock,
): () => Promise<void> {
  const policy = new PolicyWatch(settings, log, env, clock);
  let forgottenMs = 0;
  return async () => {
    const { store, tables, copy } = await open();
    const { failures, policyHashes } = await copy.pass(isWanted);
    await followConfigStarts(store, paths.home);
    for (const hash of policyHashes) await policy.see(store, hash);
    const nowMs = clock.nowMs();
    // Also runs after the clock was set back.
    if (Math.abs(nowMs - forgottenMs) >= FORGET_EVERY_MS) {
      for (const market of MARKETS)
        if (market !== 'live') await tables.remove(store.db, market, 0, nowMs - SIMULATED_HISTORY_MS);
      forgottenMs = nowMs;
    }
    if (failures.length > 0) throw failures[0]!;
  };
}

/** @returns null if archiving is not scheduled */
function scheduleRounds(
  cron: string | null,
  archive: () => Promise<void>,
  { paths, log, print }: HistoryOptions,
): Schedule | null {
  if (cron === null) return null;
  const rounds = scheduleByCron(cron, archive, {
    kept: keptTime(MACHINE_FILES, paths.schedules, 'archive', cron),
    onMissed: (text) => print(`Archiving is made up: ${text}.`),
    onError: (err) => log.error({ err }, 'the last time of archiving cannot be kept'),
  });
  print(`Signals are archived by schedule "${cron}" (UTC), next at ${rounds.next()?.toISOString() ?? 'never'}.`);
  // Days that an earlier round could not archive.
  void archive();
  return rounds;
}
