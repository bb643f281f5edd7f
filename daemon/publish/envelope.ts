import { SECONDS_PER_BAR, type EpochMs } from '../../shared/bar.ts';
import { barSecondsOf, isInstrument, type Pair } from '../../shared/pair.ts';
import { INSTRUMENT_SIGNAL_SCHEMA } from '../../shared/signal/instrument_signal.ts';
import { SIGNAL_SCHEMA, validIntervals, type MarketKind } from '../../shared/signal/signal.ts';
import { isHeartbeat, type AnsweredMinute } from '../align/minute.ts';
import type { Answer } from '../decide/answer.ts';
import type { Publication } from './publish.ts';
import { PublicationBytes } from './publication_bytes.ts';

/**
 * A live bar that arrives later after its close gives a signal that has expired when it is published; see
 * `latestMs`.
 */
export const EXPIRED_AFTER_INTERVALS = 1 + validIntervals(1);

export interface EnvelopeOptions {
  readonly pairs: readonly Pair[];
  readonly market: MarketKind;
  readonly bootId: string;
  /** Wall-clock distance of two bars. */
  readonly feedIntervalMs: number;
}

/** Puts what a replay need not repeat around a signal's body: boot, sequence number, time of publication, expiry. */
export class Envelope {
  readonly #options: EnvelopeOptions;
  /** Of the last signal of each pair in this boot. */
  readonly #seq: Int32Array;
  readonly #schemas: readonly string[];
  /** By pair: for how long a signal on a bar that came in time is valid, ms. */
  readonly #validForMs: readonly number[];
  /** By pair: when its newest signal expires. Before the first one: when there should have been one. */
  readonly #validUntilMs: Float64Array;

  constructor(options: EnvelopeOptions, nowMs: EpochMs) {
    this.#options = options;
    this.#seq = new Int32Array(options.pairs.length);
    this.#schemas = options.pairs.map((pair) => (isInstrument(pair) ? INSTRUMENT_SIGNAL_SCHEMA : SIGNAL_SCHEMA));
    this.#validForMs = options.pairs.map((pair) =>
      Math.round(validIntervals(barSecondsOf(pair) / SECONDS_PER_BAR) * options.feedIntervalMs),
    );
    this.#validUntilMs = new Float64Array(options.pairs.length);
    this.restart(nowMs);
  }

  /** No signals can be expected yet: expiry is counted from now on. */
  restart(nowMs: EpochMs): void {
    this.#validForMs.forEach((validMs, pairIndex) => (this.#validUntilMs[pairIndex] = nowMs + validMs));
  }

  seal(answers: readonly Answer[], nowMs: EpochMs): readonly Publication[] {
    const { market, bootId, feedIntervalMs } = this.#options;
    const bytes = new PublicationBytes(answers);
    return answers.map((answer) => {
      const { minute, body, bodyText } = answer;
      const { pairIndex } = minute;
      const expiryMs = latestMs(market, minute, nowMs, feedIntervalMs) + this.#validForMs[pairIndex]!;
      this.#validUntilMs[pairIndex] = expiryMs;
      answer.seq = ++this.#seq[pairIndex]!;
      return bytes.write(body.pair_id, bodyText, {
        schema: this.#schemas[pairIndex]!,
        market,
        boot_id: bootId,
        seq: answer.seq,
        generated_at_ms: nowMs,
        valid_until_ms: expiryMs,
      });
    });
  }

  isExpired(pairIndex: number, nowMs: EpochMs): boolean {
    return this.#validUntilMs[pairIndex]! < nowMs;
  }
}

/**
 * From when on a signal's validity counts. A live bar that is answered more than one interval after its close is stale:
 * the validity of its signal counts from the close, so the signal may be expired when it is published, and a feeder
 * that catches up cannot cause an entry on an old minute. Other markets have clocks of their own.
 */
function latestMs(market: MarketKind, minute: AnsweredMinute, nowMs: number, intervalMs: number): number {
  const isNews = market !== 'live' || isHeartbeat(minute);
  return isNews ? nowMs : Math.min(nowMs, (minute.time + SECONDS_PER_BAR) * 1000 + intervalMs);
}
