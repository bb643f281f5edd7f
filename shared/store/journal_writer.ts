import { textHash } from '../policy/policy_hash.ts';
import type { InputRow, ShadowRow, SignalRow } from './journal_store.ts';
import type { Database, Statement } from './sqlite.ts';

type Append = (
  inputs: readonly InputRow[],
  signals: readonly SignalRow[],
  shadows: readonly ShadowRow[],
  feedPosition: string | null,
) => void;

/** Adds rows to a journal. Statements are prepared at the first row: a journal that is read only has none. */
export class JournalWriter {
  /** All or nothing, in one transaction. */
  readonly append: Append;
  readonly #db: Database;
  #input: Statement | null = null;
  #signal: Statement | null = null;
  #shadow: Statement | null = null;
  #position: Statement | null = null;
  #policy: Statement | null = null;

  constructor(db: Database) {
    this.#db = db;
    this.append = db.transaction<Append>((inputs, signals, shadows, feedPosition) => {
      this.#addInputs(inputs);
      this.#addSignals(signals);
      this.#addShadows(shadows);
      if (feedPosition === null) return;
      this.#position ??= db.prepare('INSERT OR REPLACE INTO feed_position VALUES (1, ?)');
      this.#position.run(feedPosition);
    });
  }

  addPolicy(text: string): void {
    this.#policy ??= this.#db.prepare('INSERT OR IGNORE INTO policies VALUES (?, ?)');
    this.#policy.run(textHash(text), text);
  }

  #addInputs(inputs: readonly InputRow[]): void {
    this.#input ??= this.#db.prepare(
      'INSERT INTO inputs (kind, subject, time, open, high, low, close, volume, spread, taker_buy_volume, trades, backfill) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
    for (const { kind, subject, time, bar, backfill } of inputs) {
      if (kind === 'policy') this.addPolicy(subject);
      this.#input.run(
        kind,
        subject,
        time,
        bar?.open,
        bar?.high,
        bar?.low,
        bar?.close,
        bar?.volume,
        bar?.spread,
        bar?.takerBuyVolume,
        bar?.trades,
        backfill ? 1 : 0,
      );
    }
  }

  #addSignals(signals: readonly SignalRow[]): void {
    this.#signal ??= this.#db.prepare(
      `INSERT INTO signals (after_input, boot_id, seq, pair_id, time, signal_id, body, features_crc, risk_prob, position, generated_at_ms)
       VALUES ((SELECT coalesce(max(input_id), 0) FROM inputs), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    for (const s of signals) {
      this.#signal.run(
        s.bootId,
        s.seq,
        s.pairId,
        s.time,
        s.signalId,
        s.body,
        s.featuresCrc,
        s.riskProb,
        s.position,
        s.generatedAtMs,
      );
    }
  }

  #addShadows(shadows: readonly ShadowRow[]): void {
    this.#shadow ??= this.#db.prepare(
      'INSERT INTO shadow_signals (signal_id, pair_id, time, model_version, body, risk_prob, position) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    for (const s of shadows)
      this.#shadow.run(s.signalId, s.pairId, s.time, s.modelVersion, s.body, s.riskProb, s.position);
  }
}
