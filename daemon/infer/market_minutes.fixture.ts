import type { Bar } from '../../shared/bar.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import { warmupBars } from '../../shared/core/features/features.ts';
import { parsePair } from '../../shared/pair.ts';
import { tinyBars, tinySettings } from '../../test/tiny_settings.ts';
import type { AnsweredMinute } from '../align/minute.ts';
import { byMinute } from '../pipeline.fixture.ts';
import type { MinuteItem } from '../queue/queue.ts';

export const settings = tinySettings();
export const PAIRS = settings.minutehand.pairs.map(parsePair);
export const SCHEMA = featureSchema(settings.minutehand.windows);
export const WARMUP = warmupBars(settings.minutehand.windows);
/** Minutes of the simulated market in which every symbol has a bar. */
export const MARKET = byMinute(tinyBars(settings, 300)).filter(({ bars }) => bars.length === 6);

/** A minute of a pair in its queue form; without bars unless it is complete. */
export function itemOf(
  bar: number,
  pairIndex: number,
  outcome: AnsweredMinute['outcome'] = 'COMPLETE',
  publish = true,
): MinuteItem {
  const { time, bars } = MARKET[bar]!;
  const leg = (symbol: string): Bar => bars.find((one) => one.symbol === symbol)!;
  const [a, b] = outcome === 'COMPLETE' ? [leg(PAIRS[pairIndex]!.a), leg(PAIRS[pairIndex]!.b)] : [null, null];
  const minute = { pairIndex, time, a, b, outcome, isHalted: false, backfill: false } as unknown as AnsweredMinute;
  return { kind: 'minute', minute, publish, arrivedUs: 0 };
}

export const allPairs = (bar: number): MinuteItem[] => PAIRS.map((_, pairIndex) => itemOf(bar, pairIndex));
