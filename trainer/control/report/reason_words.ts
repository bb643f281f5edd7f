import type { InstrumentReason } from '../../../shared/signal/instrument_signal.ts';
import { REASONS, type Reason } from '../../../shared/strategies/pair_reversion/reasons.ts';

/** Why a bar of an instrument has no entry: what is its own, or said of pairs alone in `REASONS`. */
const OF_INSTRUMENTS: Partial<Record<InstrumentReason, string>> = {
  NO_EDGE: 'the model has shown no edge after costs for this instrument.',
  THETA: 'no direction has a probability above its threshold.',
  NO_ENTRY: 'no entry condition of the rule holds.',
  BOTH_SIDES: 'the entry conditions of the rule for both sides hold at once.',
  NO_MODEL: 'no verified model of this timeframe is loaded.',
  WARMUP: 'the instrument has not seen enough bars yet.',
  LEG_MISSING: 'its bar did not come in time.',
  LEG_EMPTY: 'it did not trade in this bar.',
  BAR_SUSPECT: 'its bar does not fit its recent bars; the next one confirms or refutes it.',
  SILENCE: 'no bar of the instrument came for a while; a heartbeat that repeats the values of its last bar.',
  SHUTDOWN: 'the daemon ends and no other waits to take over.',
};

/** The reason of a pair's signal in words, without its action; empty for one that is not known. */
export function wordsOfPair(reason: string): string {
  return (REASONS[reason as Reason] as string | undefined)?.replace(/^\w+: /, '') ?? '';
}

/** The same of an instrument's signal. */
export function wordsOfInstrument(reason: string): string {
  return OF_INSTRUMENTS[reason as InstrumentReason] ?? wordsOfPair(reason);
}
