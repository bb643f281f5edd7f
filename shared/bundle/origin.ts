import { MinutehandError } from '../errors.ts';
import { barSecondsOf, PAIR_ID, parsePair, timeframeOf, type Timeframe } from '../pair.ts';
import type { MarketKind } from '../signal/signal.ts';

/** What a bundle was learned from. */
export interface BundleOrigin {
  readonly version: string;
  /** Absent in earlier direction bundles, which learned from files: live. */
  readonly market?: MarketKind | undefined;
  /** Timeframes of its subjects; none: unknown. */
  readonly timeframes: readonly Timeframe[];
}

/** What a process runs. */
export interface RunningOrigin {
  readonly market: MarketKind;
  /** Timeframes of its subjects of the bundle's kind; none: it has none. */
  readonly timeframes: readonly Timeframe[];
}

/**
 * Refuses a bundle of another market, or of none of the timeframes that run. Nothing overrides this. The feature schema
 * is compared where a bundle is read (`MODEL_SCHEMA`).
 * @throws MinutehandError MODEL_SIMULATED, MODEL_MARKET, MODEL_TIMEFRAME
 */
export function refuseForeign(bundle: BundleOrigin, running: RunningOrigin): void {
  const { version, market = 'live', timeframes } = bundle;
  if (market !== running.market)
    throw market === 'simulated'
      ? new MinutehandError('MODEL_SIMULATED', { seen: version })
      : new MinutehandError('MODEL_MARKET', {
          seen: `${version} was trained on a ${market} market`,
          expected: `a ${running.market} one, which runs here`,
        });
  if (timeframes.length === 0 || running.timeframes.length === 0) return;
  if (timeframes.some((one) => running.timeframes.includes(one))) return;
  throw new MinutehandError('MODEL_TIMEFRAME', {
    seen: `${version} was trained on ${timeframes.join(', ')} bars`,
    expected: `${running.timeframes.join(' or ')}, which run here`,
  });
}

/** Timeframes of pairs by their ids; others than ids have none. */
export function timeframesOf(pairs: readonly string[]): Timeframe[] {
  return [...new Set(pairs.filter((id) => PAIR_ID.test(id)).map((id) => timeframeOf(barSecondsOf(parsePair(id)))))];
}
