import { existsSync } from 'node:fs';
import type { Logger } from 'pino';
import { describeError, MinutehandError } from '../../../shared/errors.ts';
import { InTurn } from '../../../shared/in_turn.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Clock, Scheduler } from '../../../shared/ports.ts';
import type { AuditEntry } from './audit.ts';
import { appendWithKept, keepEntry, type KeptEntry } from './kept_audit.ts';

/** An answer waits no longer than this for its entry, which is kept then. */
const APPEND_MS = 2000;
const RETRY_MS = 10_000;
/** Entries that could not even be kept, in memory. */
const IN_MEMORY_MAX = 10_000;
/** That wait for the store, each for `APPEND_MS` at most. */
const APPENDS_MAX = 1000;

export interface AuditTrailOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly paths: HomePaths;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly log: Logger;
}

/**
 * The audit of a running trainer. What an entry tells has happened, so that recording it never fails: it goes into the
 * store, else into the file of kept entries, else it waits in memory; the latter two are tried again every ten seconds.
 */
export class AuditTrail {
  readonly #options: AuditTrailOptions;
  readonly #endRetries: () => void;
  /** A store that does not answer holds them; what finds no place is kept in the file. */
  readonly #appends = new InTurn({
    most: APPENDS_MAX,
    what: 'entries',
    full: (seen) => new MinutehandError('STORE_UNUSABLE', { seen: `${seen} wait for the store` }),
  });
  readonly #inMemory: KeptEntry[] = [];

  constructor(options: AuditTrailOptions) {
    this.#options = options;
    this.#endRetries = options.scheduler.every(RETRY_MS, () => void this.retry());
  }

  /** Never rejects. */
  async record(entry: AuditEntry): Promise<void> {
    const { clock, log } = this.#options;
    const kept: KeptEntry = { entry, at_ms: clock.nowMs() };
    try {
      await this.#appendInTime(kept);
      log.info(entry, 'a write');
      if (this.#inMemory.length > 0) void this.retry();
    } catch (error) {
      const { code, message } = describeError(error);
      log.error({ ...entry, code, reason: message }, 'an audit entry waits for the store');
      await this.#keep(kept);
    }
  }

  /** Takes over what waits. Never rejects. */
  async retry(): Promise<void> {
    if (!existsSync(this.#options.paths.keptAudit) && this.#inMemory.length === 0) return;
    await this.#appends
      .own(async () => {
        for (const kept of this.#inMemory.splice(0)) await this.#keep(kept);
        await this.#append([]);
      })
      .catch(() => undefined);
  }

  /** Ends the retries, and waits for appends in progress, not for a store that does not answer. */
  async stop(): Promise<void> {
    this.#endRetries();
    await this.#inTime(this.#appends.settled(), () => undefined).catch(() => undefined);
    for (const kept of this.#inMemory.splice(0)) await this.#keep(kept);
  }

  /** An append that begins too late is left out; one that ends too late is found when the kept entry is taken over. */
  async #appendInTime(kept: KeptEntry): Promise<void> {
    let isLate = false;
    const appended = this.#appends.run(async () => {
      if (!isLate) await this.#append([kept]);
    });
    await this.#inTime(appended, () => (isLate = true));
  }

  async #inTime(work: Promise<unknown>, onLate: () => void): Promise<void> {
    let cancel = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = this.#options.scheduler.after(APPEND_MS, () => {
        onLate();
        reject(new MinutehandError('STORE_UNUSABLE', { seen: `no answer within ${APPEND_MS} ms` }));
      });
    });
    try {
      await Promise.race([work, late]);
    } finally {
      cancel();
    }
  }

  #append(entries: readonly KeptEntry[]): Promise<void> {
    const { env, paths, log } = this.#options;
    return appendWithKept(env, paths, entries, (error) =>
      log.error(describeError(error), 'the anchor of an audit entry waits'),
    );
  }

  async #keep(kept: KeptEntry): Promise<void> {
    const { paths, log } = this.#options;
    try {
      await keepEntry(paths, kept);
    } catch (error) {
      const isRoom = this.#inMemory.length < IN_MEMORY_MAX;
      if (isRoom) this.#inMemory.push(kept);
      log.error(
        { ...kept, ...describeError(error) },
        isRoom ? 'an audit entry waits in memory' : 'an audit entry is lost',
      );
    }
  }
}
