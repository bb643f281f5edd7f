import { hostname } from 'node:os';
import { setImmediate as loopTurn } from 'node:timers/promises';
import { sql } from 'kysely';
import { MinutehandError } from '../../shared/errors.ts';
import type { HomePaths } from '../../shared/policy/home.ts';
import { groupedBy } from '../fills/grouping.ts';
import type { Store } from '../store/store.ts';
import { dayOf } from './day.ts';
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
  /** What the policy_hash of the newest signal read from each journal was. */
  readonly policyHashes: readonly string[];
  /** Of journals that could not be read to their end. */
  readonly failures: readonly MinutehandError[];
}

/** Copies what daemons have journaled into the history. */
export interface SignalCopy {
  /**
   * Copies what is new, all of it. Each batch is one transaction with the position up to which it was read, so a process may die anywhere: nothing is
   * lost, and nothing can be twice, for the key of a row is what was published (boot, pair, seq).
   * @param isWanted asked between two batches
   */
  pass(isWanted?: () => boolean): Promise<CopyCounts>;
  /** How far the journals of a market have been copied, by path. */
  copied(market: JournalFile['market']): Promise<ReadonlyMap<string, CopiedSignals>>;
}

/** Up to a signal of a journal. */
export interface CopiedSignals {
  readonly signalRow: number;
  readonly fingerprint: string;
}

const BATCH_ROWS = 1000;

export function createSignalCopy(store: Store, tables: SignalTables, paths: HomePaths): SignalCopy {
  const { db } = store;
  const positions = new Map<string, CopiedSignals>();
  const keyOf = ({ path }: JournalFile): string => `${hostname()}:${path}`;

  async function positionOf(file: JournalFile, journal: JournalRows): Promise<number> {
    const key = keyOf(file);
    const position = positions.get(key) ?? (await storedPosition(key));
    if (position === null) return 0;
    const there = journal.fingerprintOf(position.signalRow);
    if (there === position.fingerprint) return position.signalRow;
    // The journal has forgotten what was copied, and goes on behind it; or it is another one, to be read from its beginning.
    const first = there === null ? journal.first() : null;
    return first !== null && first > position.signalRow ? first - 1 : 0;
  }

  async function storedPosition(key: string): Promise<CopiedSignals | null> {
    const row = await db
      .selectFrom('core.signal_copies')
      .select(['signal_row', 'fingerprint'])
      .where('journal', '=', key)
      .where('history_table', '=', tables.history)
      .executeTakeFirst();
    return row === undefined ? null : { signalRow: row.signal_row, fingerprint: row.fingerprint };
  }

  async function keep(file: JournalFile, batch: readonly JournaledRow[]): Promise<number> {
    const journal = keyOf(file);
    const last = batch.at(-1)!;
    const position = { signalRow: last.signalRow, fingerprint: last.fingerprint };
    const signals = batch.map(({ signal }) => signal);
    const added = await store.transaction(async (on) => {
      let sum = 0;
      for (const [day, rows] of groupedBy(signals, ({ generated_at_ms }) => dayOf(generated_at_ms))) {
        const count = await tables.add(on, rows);
        sum += count;
        if (count === 0) continue;
        const values = { history_table: tables.history, market: file.market, day, added: count, archived: 0 };
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
      await tables.keepNewest(on, signals);
      const place = { signal_row: position.signalRow, fingerprint: position.fingerprint };
      const row = { ...place, generated_at_ms: last.signal.generated_at_ms };
      await on
        .insertInto('core.signal_copies')
        .values({ journal, history_table: tables.history, ...row })
        .onConflict((conflict) => conflict.columns(['journal', 'history_table']).doUpdateSet(row))
        .execute();
      return sum;
    });
    positions.set(journal, position);
    return added;
  }

  return {
    async pass(isWanted = () => true) {
      let added = 0;
      const policyHashes = new Set<string>();
      const failures: MinutehandError[] = [];
      for (const file of journalFiles(paths.home)) {
        let journal: JournalRows | null = null;
        try {
          journal = openJournalRows(file);
          if (journal === null) continue;
          for (let row = await positionOf(file, journal); isWanted();) {
            const batch = journal.after(row, BATCH_ROWS);
            if (batch.length === 0) break;
            added += await keep(file, batch);
            const last = batch.at(-1)!;
            if (batch.length < BATCH_ROWS) policyHashes.add(last.signal.policy_hash);
            row = last.signalRow;
            await loopTurn();
          }
        } catch (error) {
          // One journal that cannot be read keeps no other from being copied; the store's own errors end the pass.
          if (!(error instanceof MinutehandError)) throw error;
          failures.push(error);
        } finally {
          journal?.close();
        }
      }
      return { added, policyHashes: [...policyHashes], failures };
    },

    async copied(market) {
      const copied = new Map<string, CopiedSignals>();
      for (const file of journalFiles(paths.home).filter((one) => one.market === market)) {
        const position = positions.get(keyOf(file)) ?? (await storedPosition(keyOf(file)));
        if (position !== null) copied.set(file.path, position);
      }
      return copied;
    },
  };
}
