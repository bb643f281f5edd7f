import { sql, type Kysely, type Selectable } from 'kysely';
import type { Clock } from '../../../shared/ports.ts';
import type { Store } from '../../store/store.ts';
import type { SignalDaysTable } from '../../store/schema/signals.ts';
import type { Tables } from '../../store/schema/schema.ts';
import type { Manifest } from './archive_file.ts';

/** Records in the store of the days of one history table, and of their parts in one archive. */
export class ArchiveIndex {
  readonly #store: Store;
  readonly #history: string;
  readonly #place: string;
  readonly #clock: Clock;

  constructor(store: Store, history: string, place: string, clock: Clock) {
    this.#store = store;
    this.#history = history;
    this.#place = place;
    this.#clock = clock;
  }

  day(market: string, day: string): Promise<Selectable<SignalDaysTable> | undefined> {
    return this.#store.db
      .selectFrom('core.signal_days')
      .selectAll()
      .where('history_table', '=', this.#history)
      .where('market', '=', market)
      .where('day', '=', day)
      .executeTakeFirst();
  }

  /** Recorded SHA-256 of each part of a day written into this archive. */
  async parts(market: string, day: string): Promise<ReadonlyMap<number, string>> {
    const rows = await this.#store.db
      .selectFrom('core.signal_archives')
      .select(['part', 'sha256'])
      .where('place', '=', this.#place)
      .where('market', '=', market)
      .where('day', '=', day)
      .execute();
    return new Map(rows.map(({ part, sha256 }) => [part, sha256]));
  }

  /** Records an archived day: all its parts, and the number of archived history rows. */
  async record(market: string, day: string, parts: readonly Manifest[], archived: number): Promise<void> {
    await this.#store.transaction(async (on) => {
      for (const { part, rows, bytes, content_bytes, sha256 } of parts) {
        const archived_ms = this.#clock.nowMs();
        await on
          .insertInto('core.signal_archives')
          .values({ place: this.#place, market, day, part, rows, bytes, content_bytes, sha256, archived_ms })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
      }
      await on
        .updateTable('core.signal_days')
        .set({ archived })
        .where('history_table', '=', this.#history)
        .where('market', '=', market)
        .where('day', '=', day)
        .execute();
    });
  }

  /**
   * Records the deletion of a day's rows, provided it still has `added` rows.
   * @param on the deleting transaction
   * @returns whether it had
   */
  async markPruned(on: Kysely<Tables>, market: string, day: string, added: number): Promise<boolean> {
    const locked = await on
      .updateTable('core.signal_days')
      .set({ pruned_ms: this.#clock.nowMs(), restored_ms: null })
      .where('history_table', '=', this.#history)
      .where('market', '=', market)
      .where('day', '=', day)
      .where('added', '=', added)
      .returning('day')
      .execute();
    return locked.length > 0;
  }

  async markRestored(market: string, day: string): Promise<void> {
    const restored = { restored_ms: this.#clock.nowMs(), pruned_ms: null };
    await this.#store.db
      .insertInto('core.signal_days')
      .values({ history_table: this.#history, market, day, added: 0, archived: 0, ...restored })
      .onConflict((conflict) => conflict.columns(['history_table', 'market', 'day']).doUpdateSet(restored))
      .execute();
  }

  /** Days up to `lastDay` with unarchived rows, oldest first. */
  async due(market: string, lastDay: string): Promise<readonly string[]> {
    const rows = await this.#store.db
      .selectFrom('core.signal_days')
      .select('day')
      .where('history_table', '=', this.#history)
      .where('market', '=', market)
      .where('day', '<=', lastDay)
      .where(sql.ref('added'), '>', sql.ref('archived'))
      .orderBy('day')
      .execute();
    return rows.map(({ day }) => day);
  }

  /** Archived days before `before` with rows in the history, oldest first, excluding those restored since then. */
  async prunable(market: string, before: string, restoredSinceMs: number): Promise<readonly string[]> {
    const rows = await this.#store.db
      .selectFrom('core.signal_days')
      .select('day')
      .where('history_table', '=', this.#history)
      .where('market', '=', market)
      .where('day', '<', before)
      .where('pruned_ms', 'is', null)
      .where(sql.ref('added'), '=', sql.ref('archived'))
      .where((is) => is.or([is('restored_ms', 'is', null), is('restored_ms', '<', restoredSinceMs)]))
      .orderBy('day')
      .execute();
    return rows.map(({ day }) => day);
  }
}
