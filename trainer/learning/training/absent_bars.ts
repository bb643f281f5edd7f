import { isoMinute, type OpenTime } from '../../../shared/bar.ts';
import { lowerBound, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { otherSymbolsOf } from '../../../shared/bar_file/other_bars.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';

/**
 * Refuses other symbols, read by formulas, whose bars end before the holdout or in the middle of it: what the models
 * have learned from them would be judged without them.
 * @throws MinutehandError DATA_MISSING
 */
export function refuseAbsentOthers(
  { holdoutFrom, to }: Pick<Dataset, 'holdoutFrom' | 'to'>,
  bars: ReadonlyMap<string, BarColumns>,
  windows: Windows,
): void {
  for (const symbol of otherSymbolsOf(windows)) {
    const lack = lackOf(bars.get(symbol), holdoutFrom, to);
    if (lack === null) continue;
    throw new MinutehandError('DATA_MISSING', {
      seen: `no bars of ${symbol}${lack}, which a formula reads as symbol("${symbol}")`,
      expected: `its bars in all of the holdout, ${isoMinute(holdoutFrom)} to ${isoMinute(to)}`,
      next: `Import these bars of ${symbol}, or take the formula out of config/features.yaml.`,
    });
  }
}

/** Markets may be closed for so long: shorter periods without a bar are no fault. */
const LONGEST_CLOSURE_S = 4 * 86_400;

/** Where bars are absent from a period, or from a long half of it, as a message says it; null where they are not. */
export function lackOf(columns: BarColumns | undefined, from: OpenTime, to: OpenTime): string | null {
  if (columns === undefined || columns.length === 0) return '';
  // Neither side has anything to be compared on: the gate says so.
  if (from >= to) return null;
  const middle = (from + Math.floor((to - from) / 2)) as OpenTime;
  const halves =
    to - middle > LONGEST_CLOSURE_S
      ? ([
          [from, middle],
          [middle, to],
        ] as const)
      : [];
  const empty = [[from, to] as const, ...halves].find((period) => !hasBars(columns, ...period));
  return empty === undefined ? null : ` between ${isoMinute(empty[0])} and ${isoMinute(empty[1])}`;
}

function hasBars({ time, length }: BarColumns, from: OpenTime, to: OpenTime): boolean {
  const first = lowerBound(time.subarray(0, length), from);
  return first < length && time[first]! <= to;
}
