import { utcDay } from '../../../shared/utc_day.ts';
import { hostname } from 'node:os';
import { setImmediate as loopTurn } from 'node:timers/promises';
import { sql, type Kysely } from 'kysely';
import { MinutehandError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Store } from '../../store/store.ts';
import type { Tables } from '../../store/schema/schema.ts';
import {
  journalFiles,
  openJournalRows,
  type JournalFile,
  type JournaledRow,
  type JournalRows,
} from './journal_rows.ts';
import type { SignalTables } from './signal_tables.ts';

export interface CopyCounts {
  /** Rows that are new in the history. */
  readonly added: number;
  /** policy_hash of the newest signal read from each journal. */
  readonly policyHashes: readonly string[];
  /** Errors of journals that could not be read completely. */
  readonly failures: readonly MinutehandError[];
}

/** Copies journaled signals into the history. */
export interface SignalCopy {
  /**
   * Copies all new rows. Each batch is one transaction together with the read position, so the process may be killed at
   * any time without losses; duplicates are impossible, because a row's key is the identity of the published signal
   * (boot, pair, seq).
   * @param isWanted called between two batches
   */
  pass(isWanted?: () => boolean): Promise<CopyCounts>;
  /** Copied part of each journal of a market, by path. */
  copied(market: JournalFile['market']): Promise<ReadonlyMap<string, CopiedSignals>>;
}

/** Position of the last copied signal in a journal. */
export interface CopiedSignals {
  readonly signalRow: number;
  readonly fingerprint: string;
}

const BATCH_ROWS = 1000;

export function createSignalCopy(store: Store, tables: SignalTables, paths: HomePaths): SignalCopy {
  return new JournalCopy(store, tables, paths);
}

class JournalCopy implements SignalCopy {
  readonly #store: Store;
  readonly #tables: SignalTables;
  readonly #paths: HomePaths;
  readonly #positions: CopyPositions;

  constructor(store: Store, tables: SignalTables, paths: HomePaths) {
    this.#store = store;
    this.#tables = tables;
    this.#paths = paths;
    this.#positions = new CopyPositions(store.db, tables.history);
  }

  async pass(isWanted: () => boolean = () => true): Promise<CopyCounts> {
    let added = 0;
    const policyHashes = new Set<string>();
    const failures: MinutehandError[] = [];
    for (const file of journalFiles(this.#paths.home)) {
      let journal: JournalRows | null = null;
      try {
        journal = openJournalRows(file);
        if (journal === null) continue;
        for (let row = await this.#positions.in(file, journal); isWanted();) {
          const batch = journal.after(row, BATCH_ROWS);
          if (batch.length === 0) break;
          added += await this.#keep(file, batch);
          const last = batch.at(-1)!;
          if (batch.length < BATCH_ROWS) policyHashes.add(last.signal.policy_hash);
          row = last.signalRow;
          await loopTurn();
        }
      } catch (error) {
        // An unreadable journal does not affect the others; errors of the store end the pass.
        if (!(error instanceof MinutehandError)) throw error;
        failures.push(error);
      } finally {
        journal?.close();
      }
    }
    return { added, policyHashes: [...policyHashes], failures };
  }

  async copied(market: JournalFile['market']): Promise<ReadonlyMap<string, CopiedSignals>> {
    const copied = new Map<string, CopiedSignals>();
    for (const file of journalFiles(this.#paths.home).filter((one) => one.market === market)) {
      const position = await this.#positions.of(file);
      if (position !== null) copied.set(file.path, position);
    }
    return copied;
  }

  /** Adds a batch and the new position in one transaction. @returns number of new rows */
  async #keep(file: JournalFile, batch: readonly JournaledRow[]): Promise<number> {
    const last = batch.at(-1)!;
    const signals = batch.map(({ signal }) => signal);
    const added = await this.#store.transaction(async (on) => {
      let sum = 0;
      for (const [day, rows] of Map.groupBy(signals, ({ generated_at_ms }) => utcDay(generated_at_ms))) {
        const count = await this.#tables.add(on, rows);
        sum += count;
        if (count > 0) await this.#countDay(on, file.market, day, count);
      }
      await this.#tables.keepNewest(on, signals);
      await this.#positions.write(on, file, last);
      return sum;
    });
    this.#positions.remember(file, last);
    return added;
  }

  /** Adds to a day's row count; a pruned day has rows again. */
  async #countDay(on: Kysely<Tables>, market: JournalFile['market'], day: string, count: number): Promise<void> {
    const values = { history_table: this.#tables.history, market, day, added: count, archived: 0 };
    await on
      .insertInto('core.signal_days')
      .values({ ...values, pruned_ms: null, restored_ms: null })
      .onConflict((conflict) =>
        conflict
          .columns(['history_table', 'market', 'day'])
          .doUpdateSet({ added: sql`${sql.ref('core.signal_days.added')} + ${count}`, pruned_ms: null }),
      )
      .execute();
  }
}

/** Position up to which each journal was copied into a history: in the store, cached in memory. */
class CopyPositions {
  readonly #db: Kysely<Tables>;
  readonly #history: string;
  readonly #known = new Map<string, CopiedSignals>();

  constructor(db: Kysely<Tables>, history: string) {
    this.#db = db;
    this.#history = history;
  }

  /** null if nothing of the journal was copied. */
  async of(file: JournalFile): Promise<CopiedSignals | null> {
    const known = this.#known.get(keyOf(file));
    if (known !== undefined) return known;
    const row = await this.#db
      .selectFrom('core.signal_copies')
      .select(['signal_row', 'fingerprint'])
      .where('journal', '=', keyOf(file))
      .where('history_table', '=', this.#history)
      .executeTakeFirst();
    return row === undefined ? null : { signalRow: row.signal_row, fingerprint: row.fingerprint };
  }

  /** The row of a journal after which copying continues. */
  async in(file: JournalFile, journal: JournalRows): Promise<number> {
    const position = await this.of(file);
    if (position === null) return 0;
    const there = journal.fingerprintOf(position.signalRow);
    if (there === position.fingerprint) return position.signalRow;
    // Either the journal has deleted the copied rows, and copying continues after them, or it is another journal, to be
    // read from its beginning.
    const first = there === null ? journal.first() : null;
    return first !== null && first > position.signalRow ? first - 1 : 0;
  }

  async write(on: Kysely<Tables>, file: JournalFile, { signalRow, fingerprint, signal }: JournaledRow): Promise<void> {
    const row = { signal_row: signalRow, fingerprint, generated_at_ms: signal.generated_at_ms };
    await on
      .insertInto('core.signal_copies')
      .values({ journal: keyOf(file), history_table: this.#history, ...row })
      .onConflict((conflict) => conflict.columns(['journal', 'history_table']).doUpdateSet(row))
      .execute();
  }

  /** To be called once the transaction of `write` is committed. */
  remember(file: JournalFile, { signalRow, fingerprint }: JournaledRow): void {
    this.#known.set(keyOf(file), { signalRow, fingerprint });
  }
}

function keyOf({ path }: JournalFile): string {
  return `${hostname()}:${path}`;
}
