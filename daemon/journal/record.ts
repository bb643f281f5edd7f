import type { EpochMs } from '../../shared/bar.ts';
import type { InstrumentPosition } from '../../shared/strategies/instrument_position.ts';
import { FLAT, type Position } from '../../shared/core/position/position.ts';
import type { ShadowRow } from '../../shared/store/journal.ts';
import type { Answer } from '../decide/answer.ts';
import type { MinuteItem } from '../queue/queue.ts';
import type { Journal } from './journal.ts';

const FLAT_TEXT = JSON.stringify(FLAT);

export interface RecorderOptions {
  readonly bootId: string;
  readonly pairs: { readonly length: number };
  readonly matrix: { checksum(pairIndex: number, schema: string): string };
  readonly journal: Journal;
}

/** Journals what was decided, also where a standby publishes nothing of it. */
export class SignalRecorder {
  readonly #options: RecorderOptions;
  /** By pair: the transaction of its last signal, as `Journal.flush` counts them. */
  readonly #transactions: Float64Array;
  /** Indices of pairs. */
  readonly #added: number[] = [];

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#transactions = new Float64Array(options.pairs.length);
  }

  /**
   * The next signal of a pair waits until its last one is stored, or the disk has refused it: `kill -9` loses at most
   * one signal of each pair.
   * @returns null when nothing has to be waited for
   */
  room(batch: readonly MinuteItem[]): Promise<void> | null {
    const { journal } = this.#options;
    let last = 0;
    for (const { minute, publish } of batch) if (publish) last = Math.max(last, this.#transactions[minute.pairIndex]!);
    return journal.room(last);
  }

  /** Collects what `store` hands to the writer. */
  add(answers: readonly Answer[], generatedAtMs: EpochMs): void {
    const { bootId, matrix, journal } = this.#options;
    for (const { minute, body, bodyText, riskProb, position, seq } of answers) {
      const { pairIndex, time, outcome } = minute;
      journal.signal({
        bootId,
        seq,
        pairId: body.pair_id,
        time,
        signalId: body.signal_id,
        body: bodyText,
        featuresCrc: outcome === 'COMPLETE' ? matrix.checksum(pairIndex, body.feature_schema) : null,
        riskProb,
        position: positionText(position),
        generatedAtMs,
      });
      this.#added.push(pairIndex);
    }
  }

  store(): void {
    const transaction = this.#options.journal.flush();
    for (const pairIndex of this.#added) this.#transactions[pairIndex] = transaction;
    this.#added.length = 0;
  }
}

/** The signal a shadow set would have produced instead of the published one. */
export function shadowRow({ minute, body, bodyText, riskProb, position }: Answer): ShadowRow {
  return {
    signalId: body.signal_id,
    pairId: body.pair_id,
    time: minute.time,
    modelVersion: body.model_version,
    body: bodyText,
    riskProb,
    position: positionText(position),
  };
}

function positionText(position: Position | InstrumentPosition): string {
  return position === FLAT ? FLAT_TEXT : JSON.stringify(position);
}
