import { createHash } from 'node:crypto';
import type { OpenTime } from '../../../../../shared/bar.ts';
import { emptyColumns, type BarColumns } from '../../../../../shared/bar_file/bar_file.ts';
import { warmupBars } from '../../../../../shared/core/features/features.ts';
import { exp } from '../../../../../shared/elementary.ts';
import { createRng } from '../../../../../shared/rng.ts';
import { otherSymbolsOf } from '../../../../../shared/bar_file/other_bars.ts';
import { buildPair, type PairPolicy, type PairTask } from './pair_build.ts';
import { columnsOf } from './pair_columns.ts';

/** Bars after the warm-up, in addition to three horizons. */
const PROBE_BARS = 400;
/** Warm bars behind the hole. */
const BEHIND_HOLE = 100;
const PROBE_START = 1_546_300_800;

/** SHA-256 of the features and labels of fixed bars, so that a changed formula needs no manual version bump. */
export function codeFingerprint(policy: PairPolicy): string {
  const hash = createHash('sha256');
  for (const column of columnsOf(buildPair(probeTask(policy))).values()) hash.update(column);
  return hash.digest('hex');
}

/**
 * A mean-reverting pair with gaps, a weekend, a hole, flat bars, and minutes of unknown volume or spread; long enough
 * for all labels.
 */
export function probeTask(policy: PairPolicy): PairTask {
  const labeled = PROBE_BARS + 3 * Math.max(policy.barriers.horizon, policy.risk.horizon, policy.scale.horizon);
  const warmUp = warmupBars(policy.windows);
  const holeAt = warmUp + labeled;
  const bars = holeAt + warmUp + BEHIND_HOLE;
  const [leg, b] = probeLegs(bars, { weekendAt: holeAt - Math.floor(labeled / 2), holeAt });
  const symbols = otherSymbolsOf(policy.windows);
  const others = symbols.length === 0 ? {} : { others: new Map(symbols.map((symbol) => [symbol, b])) };
  const a = { ...leg, ...others };
  const own = { ...policy, holdoutFrom: a.time[bars - 1]!, share: 0.5 };
  return { pair: { id: 'A_B', a: 'A', b: 'B' }, a, b, policy: own };
}

function probeLegs(
  bars: number,
  { weekendAt, holeAt }: { readonly weekendAt: number; readonly holeAt: number },
): [BarColumns, BarColumns] {
  const rng = createRng('code fingerprint');
  const legs = ['A', 'B'].map((symbol): BarColumns => ({ symbol, length: bars, ...emptyColumns(bars), series: {} }));
  let time = PROBE_START;
  let common = 0;
  let own = 0;
  for (let i = 0; i < bars; i++) {
    const days = i === holeAt ? 30 : i === weekendAt ? 2 : 0;
    time += days > 0 ? days * 86_400 : 60 * (rng.uniform() < 0.03 ? 2 + rng.integer(5) : 1);
    // Alternates calm and volatile periods of twenty minutes, so that every part of AI2's label occurs.
    const size = i % 120 < 20 ? 8 : 1;
    common += rng.normal() * 2e-4 * size;
    own = own * 0.97 + rng.normal() * 2e-4 * size;
    legs.forEach((leg, isB) => {
      const open = i === 0 ? 100 : leg.close[i - 1]!;
      const close = rng.uniform() < 0.05 ? open : 100 * exp(isB ? common : 0.8 * common + own);
      const wick = close === open ? 1 : 1 + Math.abs(rng.normal()) * 1e-4;
      leg.time[i] = time as OpenTime;
      leg.open[i] = open;
      leg.close[i] = close;
      leg.high[i] = Math.max(open, close) * wick;
      leg.low[i] = Math.min(open, close) / wick;
      leg.volume[i] = rng.uniform() < 0.002 ? 0 : 1 + rng.integer(500);
      leg.spread![i] = rng.uniform() < 0.1 ? NaN : close * 1e-4;
    });
  }
  return [legs[0]!, legs[1]!];
}
