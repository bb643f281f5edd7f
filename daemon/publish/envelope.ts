import { type EpochMs, SECONDS_PER_BAR } from '../../shared/bar.ts';
import { barSecondsOf, isInstrument, type Pair } from '../../shared/pair.ts';
import { encodeChecksum, encodeFence, encodeOrigin, encodeTimes } from '../../shared/signal/encode.ts';
import { INSTRUMENT_SIGNAL_SCHEMA } from '../../shared/signal/instrument_signal.ts';
import { type MarketKind, SIGNAL_SCHEMA, validIntervals } from '../../shared/signal/signal.ts';
import { type AnsweredMinute, isHeartbeat } from '../align/minute.ts';
import type { Answer } from '../decide/answer.ts';
import type { Publication } from './publish.ts';

/** More than an envelope and its checksum need. */
const ENVELOPE_BYTES = 512;

/** The signals of one batch as bytes in one buffer, which all transports send from. */
class PublicationBytes {
  readonly #buffer: Buffer;
  #end = 0;

  constructor(answers: readonly { readonly bodyText: string }[]) {
    let size = 0;
    for (const { bodyText } of answers) size += bodyText.length + ENVELOPE_BYTES;
    this.#buffer = Buffer.allocUnsafe(size);
  }

  /** The same text as `encodeSignal` gives, and its bytes. */
  write(pairId: string, bodyText: string, envelope: string): Publication {
    const buffer = this.#buffer;
    const start = this.#end;
    const covered = bodyText + envelope;
    // Each part is flat already; their sum would be copied to be written.
    const bodyEnd = start + buffer.write(bodyText, start);
    const coveredEnd = bodyEnd + buffer.write(envelope, bodyEnd);
    // Only ASCII has as many bytes as characters, and only for that there is room.
    if (coveredEnd !== start + covered.length) return ofText(pairId, covered + encodeChecksum(covered));
    const end = encodeChecksum(buffer.subarray(start, coveredEnd));
    this.#end = coveredEnd + buffer.write(end, coveredEnd);
    return { pairId, text: covered + end, bytes: buffer.subarray(start, this.#end) };
  }
}

function ofText(pairId: string, text: string): Publication {
  return { pairId, text, bytes: Buffer.from(text) };
}

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

/** Adds the fields that a replay need not reproduce to a signal's body: boot, sequence number, publication, expiry. */
export class Envelope {
  readonly #options: EnvelopeOptions;
  /** Of the last signal of each pair in this boot. */
  readonly #seq: Int32Array;
  /** By pair: what is the same in all its envelopes. */
  readonly #origins: readonly string[];
  /** By pair: for how long a signal on a bar that came in time is valid, ms. */
  readonly #validForMs: readonly number[];
  /** By pair: when its newest signal expires. Before the first one: when there should have been one. */
  readonly #validUntilMs: Float64Array;

  constructor(options: EnvelopeOptions, nowMs: EpochMs) {
    this.#options = options;
    this.#seq = new Int32Array(options.pairs.length);
    const { market, bootId: boot_id } = options;
    this.#origins = options.pairs.map((pair) =>
      encodeOrigin({ schema: isInstrument(pair) ? INSTRUMENT_SIGNAL_SCHEMA : SIGNAL_SCHEMA, market, boot_id }),
    );
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

  /**
   * @param fence of the lease, where one is configured
   * @param answeredMs when the minutes were answered
   */
  seal(
    answers: readonly Answer[],
    nowMs: EpochMs,
    fence?: number,
    answeredMs: EpochMs = nowMs,
  ): readonly Publication[] {
    const bytes = new PublicationBytes(answers);
    const first = encodeFence(fence);
    // Most signals of a batch expire together.
    let expiryMs = NaN;
    let times = '';
    return answers.map((answer) => {
      const { body, bodyText, minute } = answer;
      const itsExpiryMs = this.#number(answer, answeredMs);
      if (itsExpiryMs !== expiryMs) {
        expiryMs = itsExpiryMs;
        times = encodeTimes(nowMs, expiryMs);
      }
      return bytes.write(body.pair_id, bodyText, `${first}${this.#origins[minute.pairIndex]!}${answer.seq}${times}`);
    });
  }

  /** Numbers answers that are not published. */
  withhold(answers: readonly Answer[], nowMs: EpochMs): void {
    for (const answer of answers) this.#number(answer, nowMs);
  }

  /** When an answer expires. */
  expiryMs({ minute }: Answer, answeredMs: EpochMs): number {
    const { market, feedIntervalMs } = this.#options;
    return latestMs(market, minute, answeredMs, feedIntervalMs) + this.#validForMs[minute.pairIndex]!;
  }

  #number(answer: Answer, answeredMs: EpochMs): number {
    const { pairIndex } = answer.minute;
    answer.seq = ++this.#seq[pairIndex]!;
    return (this.#validUntilMs[pairIndex] = this.expiryMs(answer, answeredMs));
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
  const isNeverStale = market !== 'live' || isHeartbeat(minute);
  return isNeverStale ? nowMs : Math.min(nowMs, (minute.time + SECONDS_PER_BAR) * 1000 + intervalMs);
}
