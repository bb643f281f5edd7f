import type { Logger } from 'pino';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { describeError } from '../../shared/errors.ts';
import type { HomePaths } from '../../shared/policy/home.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import type { Clock } from '../../shared/ports.ts';
import { sendAlert } from '../schedule/alert.ts';
import { configValues, noteConfigChanges } from '../schedule/config_changes.ts';
import { createPasses } from '../schedule/passes.ts';
import { scheduleByCron, type Schedule } from '../schedule/schedule.ts';
import { openStore, storeUrl, type Store } from '../store/store.ts';
import { storeOpener } from '../store/store_opener.ts';
import { createArchive } from './archive.ts';
import { archiveAlone } from './archive_lock.ts';
import { openArchivePlace } from './open_archive_place.ts';
import { archiveRound, type ArchiveRound } from './archive_round.ts';
import { createSignalCopy } from './copy.ts';
import { noteArchived } from './note_archived.ts';
import { openSignalTables } from './signal_tables.ts';

export interface HistoryOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly log: Logger;
  say(line: string): void;
  /** Where the store, the archive's keys and the address for alerts may be named; the process's unless given. */
  readonly env?: NodeJS.ProcessEnv;
  readonly clock?: Clock;
  /** Pause after a round of archiving that failed. */
  readonly retryMs?: number;
}

export interface RunningHistory {
  /** Copies what journals have now. Never rejects. */
  pass(): Promise<void>;
  /** Archives the days of the live market that are over, and deletes what the history need not keep. Never rejects. */
  archive(): Promise<void>;
  stop(): Promise<void>;
}

const EVERY_MS = 2000;
/** A store that is away is asked again so often. */
const STORE_RETRY_MS = 10_000;
const ARCHIVE_RETRY_MS = 600_000;
/** A mount that comes late, or a server that restarts, is no reason to wake anyone. */
const ALERT_AFTER = 3;
/** A simulated market can say in a day what a live one says in two months: its history is as short as its journal, and is archived only when asked for. */
const SIMULATED_HISTORY_MS = 12 * 3_600_000;
const FORGET_EVERY_MS = 600_000;

/**
 * Copies every signal that daemons have journaled into the store, archives the days that are over and deletes old rows that the archive holds, as long as the trainer runs.
 * Journals, store and archive may each be away and come back: what cannot be done now is done later, and nothing is deleted before it is proven to be elsewhere.
 */
export function startHistory(options: HistoryOptions): RunningHistory {
  const { settings, paths, log, say, env = process.env, clock = MACHINE_CLOCK, retryMs = ARCHIVE_RETRY_MS } = options;
  const { archive_cron: cron, signals_history_days: historyDays } = settings.signals;
  let stopped = false;
  let retry: NodeJS.Timeout | undefined;
  let forgottenMs = 0;
  const policy = policyWatch(options, env, clock);

  const opener = storeOpener(async () => {
    const store = await openStore(storeUrl(env, paths), clock);
    try {
      const tables = await openSignalTables(store, settings.signals);
      return { store, tables, copy: createSignalCopy(store, tables, paths) };
    } catch (error) {
      await store.close();
      throw error;
    }
  });

  async function copyOnce(): Promise<void> {
    const { store, tables, copy } = await opener.get();
    const { failures, policyHashes } = await copy.pass(() => !stopped);
    for (const hash of policyHashes) await policy.see(store, hash);
    const nowMs = clock.nowMs();
    // A clock that is set back must not keep it from forgetting.
    if (Math.abs(nowMs - forgottenMs) >= FORGET_EVERY_MS) {
      await tables.remove(store.db, 'simulated', 0, nowMs - SIMULATED_HISTORY_MS);
      forgottenMs = nowMs;
    }
    if (failures.length > 0) throw failures[0]!;
  }

  /** One thing at a time: passes that overlap would copy the same rows, and rounds of archiving want all of them copied. */
  const passes = createPasses({
    work: copyOnce,
    everyMs: EVERY_MS,
    retryMs: STORE_RETRY_MS,
    onFailed({ code, message }) {
      say(`Signals cannot be copied into the history (${code}: ${message}); they wait in their journals.`);
      log.error({ code, message }, 'signals cannot be copied into the history');
    },
    onRecovered: () => say('Signals are copied into the history again.'),
  });

  let failedRounds = 0;
  async function archiveOnce(): Promise<void> {
    clearTimeout(retry);
    if (stopped) return;
    try {
      // A day is archived when all of it has been copied.
      const uncopied = await passes.once();
      if (uncopied !== null) throw uncopied;
      const { failures } = await oneRound();
      if (failures.length > 0) throw failures[0]!;
      if (failedRounds > 0) say('Signals are archived again.');
      failedRounds = 0;
    } catch (error) {
      if (!stopped) await reportFailure(error);
    }
  }

  async function oneRound(): Promise<ArchiveRound> {
    const { store, tables, copy } = await opener.get();
    const place = await openArchivePlace(settings.signals, paths, env);
    try {
      return await archiveAlone(store, paths, async () => {
        const archive = createArchive(store, tables, place, clock);
        const copied = await copy.copied('live');
        const round = await archiveRound({
          archive,
          market: 'live',
          historyDays,
          clock,
          isWanted: () => !stopped,
          onDay: ({ day, parts, written }) => {
            if (written !== null) log.info({ day, part: written.part, rows: written.rows, bytes: written.bytes, parts: parts.length }, 'signals archived'); // prettier-ignore
          },
        });
        if (round.failures.length === 0) await noteArchived({ archive, paths, clock, copied });
        return round;
      });
    } finally {
      place.close();
    }
  }

  async function reportFailure(error: unknown): Promise<void> {
    const { code, message, next } = describeError(error);
    retry = setTimeout(() => void archive(), retryMs);
    // Somebody else does it.
    if (code === 'ARCHIVE_RUNNING') return;
    failedRounds++;
    log.error({ code, message, failed_rounds: failedRounds }, 'signals cannot be archived');
    if (failedRounds === 1)
      say(`Signals cannot be archived (${code}: ${message}); nothing is deleted, and it is tried again.`);
    if (failedRounds !== ALERT_AFTER) return;
    const text = `minutehand: signals could not be archived ${failedRounds} times in a row. ${message} ${next}`;
    const details = { code, archive_target: settings.signals.archive_target, failed_rounds: failedRounds };
    await sendAlert({ settings, env, log }, { kind: 'archive_failed', text, details });
  }

  const archive = (): Promise<void> => passes.inTurn(archiveOnce);

  let rounds: Schedule | null = null;
  if (cron !== null) {
    rounds = scheduleByCron(cron, archive);
    say(`Signals are archived by schedule "${cron}" (UTC), next at ${rounds.next()?.toISOString() ?? 'never'}.`);
    // A machine that is off at that time makes up for it when it is on.
    void archive();
  }
  passes.begin();

  return {
    pass: () => passes.pass(),
    archive,
    async stop() {
      stopped = true;
      rounds?.stop();
      await passes.stop();
      // A round that was under way may have failed.
      clearTimeout(retry);
      await opener.close();
    },
  };
}

interface PolicyWatch {
  see(store: Store, hash: string): Promise<void>;
}

/**
 * Signals name the configuration that they were decided by, and `audit.config_changes` has its values from the start of the trainer on: when a daemon was started with another one since,
 * it is read again.
 */
function policyWatch({ settings, log }: HistoryOptions, env: NodeJS.ProcessEnv, clock: Clock): PolicyWatch {
  let current = settings.policyHash;
  const unknown = new Set<string>();
  return {
    async see(store, hash) {
      if (hash === current || unknown.has(hash)) return;
      let found: Settings | null = null;
      try {
        found = loadSettings({ configDir: settings.sources.configDir, env });
      } catch (error) {
        log.warn({ err: error }, 'the configuration cannot be read again');
      }
      if (found?.policyHash !== hash) {
        unknown.add(hash);
        log.warn({ policy_hash: hash }, 'signals were decided by a configuration that is not in config/ (any more)');
        return;
      }
      await noteConfigChanges(store, configValues(found), clock, hash);
      current = hash;
      unknown.clear();
      log.info({ policy_hash: hash }, 'a change of the configuration was noted');
    },
  };
}
