import type { Logger } from 'pino';
import { describeError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { Clock } from '../../../shared/ports.ts';
import type { Notifier } from '../notify/notifier.ts';
import type { Store } from '../../store/store.ts';
import { createArchive } from './archive.ts';
import { archiveAlone } from './archive_lock.ts';
import { archiveRound, type ArchiveRound } from './archive_round.ts';
import type { SignalCopy } from './copy.ts';
import { noteArchived } from './note_archived.ts';
import { openArchivePlace } from './open_archive_place.ts';
import type { SignalTables } from './signal_tables.ts';

/** The store, with access to its history. */
export interface OpenHistory {
  readonly store: Store;
  readonly tables: SignalTables;
  readonly copy: SignalCopy;
}

export interface ArchivingOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly log: Logger;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly notifier: Notifier;
  /** Pause after a failed round. */
  readonly retryMs: number;
  print(line: string): void;
  open(): Promise<OpenHistory>;
  /**
   * Copies the rows of the journals, since a day is archived only once all of it was copied.
   * @returns the error; null = none
   */
  copyAll(): Promise<unknown>;
  /** Requests another round. */
  again(): void;
}

/** Failures before an alert: a late mount or a restarting server needs none. */
const ALERT_AFTER = 3;

/** Rounds of archiving the live market, retried after a pause until they succeed. */
export class Archiving {
  readonly #options: ArchivingOptions;
  #retry: NodeJS.Timeout | undefined;
  #failedRounds = 0;
  #stopped = false;

  constructor(options: ArchivingOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async once(): Promise<void> {
    this.cancelRetry();
    if (this.#stopped) return;
    try {
      const uncopied = await this.#options.copyAll();
      if (uncopied !== null) throw uncopied;
      const { failures } = await this.#round();
      if (failures.length > 0) throw failures[0]!;
      if (this.#failedRounds > 0) this.#options.print('Signals are archived again.');
      await this.#options.notifier.clear('archive_failed');
      this.#failedRounds = 0;
    } catch (error) {
      if (!this.#stopped) await this.#report(error);
    }
  }

  /** Ends a round after the current day. */
  stop(): void {
    this.#stopped = true;
  }

  cancelRetry(): void {
    clearTimeout(this.#retry);
  }

  async #round(): Promise<ArchiveRound> {
    const { settings, paths, env, clock, log, open } = this.#options;
    const { store, tables, copy } = await open();
    const place = await openArchivePlace(settings.signals, paths, env);
    try {
      return await archiveAlone(store, paths, async () => {
        const archive = createArchive(store, tables, place, clock);
        const copied = await copy.copied('live');
        const round = await archiveRound({
          archive,
          market: 'live',
          historyDays: settings.signals.signals_history_days,
          clock,
          isWanted: () => !this.#stopped,
          onDay: ({ day, parts, written }) => {
            if (written === null) return;
            const { part, rows, bytes } = written;
            log.info({ day, part, rows, bytes, parts: parts.length }, 'signals archived');
          },
        });
        if (round.failures.length === 0) await noteArchived({ archive, paths, clock, copied });
        return round;
      });
    } finally {
      place.close();
    }
  }

  async #report(error: unknown): Promise<void> {
    const { settings, log, retryMs, print, again, notifier } = this.#options;
    const { code, message, next } = describeError(error);
    this.#retry = setTimeout(again, retryMs);
    // Another process is archiving.
    if (code === 'ARCHIVE_RUNNING') return;
    const rounds = ++this.#failedRounds;
    log.error({ code, message, failed_rounds: rounds }, 'signals cannot be archived');
    if (rounds === 1)
      print(`Signals cannot be archived (${code}: ${message}); nothing is deleted, and the next attempt follows.`);
    if (rounds !== ALERT_AFTER) return;
    const text = `${rounds} rounds in a row failed; nothing is deleted. ${message}`;
    const details = { code, archive_target: settings.signals.archive_target, failed_rounds: rounds };
    const key = 'archive_failed';
    await notifier.raise({ key, event: key, subject: 'signal archive', text, command: next, details });
  }
}
