import type { LastSignal, PruneBounds, PrunedSignals } from './journal_store.ts';
import type { Database } from './sqlite.ts';

interface PrunableSignal extends LastSignal {
  readonly signalRow: number;
  readonly afterInput: number;
  readonly generatedAtMs: number;
}

const SIGNALS_TO_PRUNE = `
  SELECT signal_row AS signalRow, after_input AS afterInput, pair_id AS pairId, time, position, generated_at_ms AS generatedAtMs
  FROM signals WHERE signal_row > ? AND signal_row <= ? ORDER BY signal_row LIMIT ?`;
// From one pair to the next by the index: to group by pair would read all of it.
const NEWEST_ROWS = `
  WITH RECURSIVE pairs (pair_id) AS (
    SELECT min(pair_id) FROM signals
    UNION ALL
    SELECT (SELECT min(pair_id) FROM signals WHERE pair_id > pairs.pair_id) FROM pairs WHERE pairs.pair_id IS NOT NULL)
  SELECT (SELECT max(signal_row) FROM signals WHERE signals.pair_id = pairs.pair_id) FROM pairs WHERE pair_id IS NOT NULL`;
const SHADOWS_TO_PRUNE = `
  DELETE FROM shadow_signals WHERE shadow_row IN (SELECT shadow_row FROM shadow_signals WHERE time < ? ORDER BY time LIMIT ?)
    AND shadow_row < (SELECT max(newer.shadow_row) FROM shadow_signals newer WHERE newer.pair_id = shadow_signals.pair_id)`;

/** Deletes the oldest signals of a journal. */
export class JournalPruner {
  /** In one transaction. @returns how many signals were passed */
  readonly prune: (bounds: PruneBounds, limit: number) => number;
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
    this.prune = db.transaction((bounds: PruneBounds, limit: number): number => this.#prune(bounds, limit));
  }

  pruned(): PrunedSignals | null {
    // A journal of an older version that is opened to be read does not have the table.
    if (this.#db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'pruned_signals'").get() === undefined) return null;
    const row = this.#db
      .prepare('SELECT signal_row AS signalRow, after_input AS afterInput, last FROM pruned_signals')
      .get() as { signalRow: number; afterInput: number; last: string } | undefined;
    return row === undefined ? null : { ...row, last: JSON.parse(row.last) as LastSignal[] };
  }

  #prune({ throughRow, publishedBeforeMs }: PruneBounds, limit: number): number {
    const db = this.#db;
    const before = this.pruned();
    const rows = db.prepare(SIGNALS_TO_PRUNE).all(before?.signalRow ?? 0, throughRow, limit) as PrunableSignal[];
    const kept = rows.findIndex(({ generatedAtMs }) => generatedAtMs >= publishedBeforeMs);
    const passed = kept < 0 ? rows : rows.slice(0, kept);
    const end = passed.at(-1);
    if (end === undefined) return 0;
    const last = new Map(before?.last.map((signal) => [signal.pairId, signal]));
    for (const { pairId, time, position } of passed) last.set(pairId, { pairId, time, position });
    const newest = JSON.stringify(db.prepare(NEWEST_ROWS).pluck().all());
    db.prepare(
      'DELETE FROM signals WHERE signal_row > ? AND signal_row <= ? AND signal_row NOT IN (SELECT value FROM json_each(?))',
    ).run(before?.signalRow ?? 0, end.signalRow, newest);
    db.prepare(SHADOWS_TO_PRUNE).run(end.time, limit);
    db.prepare('INSERT OR REPLACE INTO pruned_signals VALUES (1, ?, ?, ?)').run(
      end.signalRow,
      end.afterInput,
      JSON.stringify([...last.values()]),
    );
    return passed.length;
  }
}
