import { timeframesOf, type RunningOrigin } from '../origin.ts';
import { barSecondsOf, parseInstrument, timeframeOf } from '../../pair.ts';
import type { Settings } from '../../policy/policy.ts';

/** What this configuration runs, for models of pairs or of instruments. */
export function runningOrigin({ minutehand }: Pick<Settings, 'minutehand'>, isOfPairs: boolean): RunningOrigin {
  const { market, pairs, instruments } = minutehand;
  if (isOfPairs) return { market, timeframes: timeframesOf(pairs) };
  const ofInstruments = instruments.map((id) => timeframeOf(barSecondsOf(parseInstrument(id))));
  return { market, timeframes: [...new Set(ofInstruments)] };
}
