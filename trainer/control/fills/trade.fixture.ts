import { fillKey, type Fill } from '../../../shared/fill/fill.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';
import type { JournaledSignal } from './journal_signals.ts';
import { rowOf } from './intake.ts';
import type { LiveTrade } from './live_trades.ts';

/** A fill as the store gives it, joined with its signal. */
export function tradeOf(fill: Fill, signal: SignalBody | null, place = 'result.json'): LiveTrade {
  return { ...rowOf(fill, fillKey(fill), signal), source: 'file', place, received_ms: fill.time_ms };
}

export function journaled(body: SignalBody, generatedAtMs: number): JournaledSignal {
  return { body, generatedAtMs };
}
