import { sql, type Kysely, type Selectable } from 'kysely';
import type { Clock } from '../../shared/ports.ts';
import type { Store } from '../store/store.ts';
import type { SignalDaysTable, Tables } from '../store/tables.ts';
import type { Manifest } from './archive_file.ts';

/** The store's records of the days of one history table and of their parts in one place. */
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

  /** sha256 of each part of a day that was written into this place, as far as is recorded. */
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

  /** Records a day of which `parts` are all that the archive has, with `archived` rows of the history in it. */
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
   * Records that the rows of a day are deleted, where it still has `added` rows.
   * @param on the transaction that deletes them
   * @returns whether it has
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

  /** Days up to `lastDay` with rows that the archive lacks, oldest first. */
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

  /** Archived days before `before` with rows in the history, oldest first, but those that were restored since then. */
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
