import { useMemo } from 'preact/hooks';
import { levelSeries } from './level_series.ts';
import type { Candles, Signal } from '../api.ts';
import { language, t } from '../text/text.ts';
import { candleMarks, levelsAt } from './candle_places.ts';
import { levelsOf } from './levels.ts';
import { priceDigits } from './price_digits.ts';
import { SeriesChart, type ChartProps, type Mark, type Series } from './series.tsx';
import type { Range } from './window.ts';

interface Props extends Omit<ChartProps, 'times'> {
  readonly candles: Candles;
  readonly signals: readonly Signal[];
  /** Close of each signal's bar, epoch seconds. */
  readonly signalTimes: readonly number[];
  /** Of each signal. */
  readonly marks: readonly Mark[];
  readonly whole: Range;
}

/** Places of the columns among the series. */
const PLACES = { close: 0, open: 1, high: 2, low: 3 } as const;

/** Candles of an instrument, with entries, exits, and the stop and take profit of its position. */
export function CandleChart({ candles, signals, signalTimes, marks, ...chart }: Props) {
  const series = useMemo(() => seriesOf(candles, signals, signalTimes), [candles, signals, language.value]);
  const placed = useMemo(() => candleMarks(marks, signalTimes, candles.time), [candles, marks]);
  return (
    <SeriesChart
      {...chart}
      times={candles.time}
      label={t('trades.candles', { timeframe: candles.timeframe })}
      height={280}
      series={series}
      candles={PLACES}
      marks={placed}
    />
  );
}

function seriesOf(candles: Candles, signals: readonly Signal[], signalTimes: readonly number[]): Series[] {
  const digits = priceDigits(candles.close);
  const levels = levelsAt(levelsOf(signals), signalTimes, candles.time);
  const column = (of: keyof typeof PLACES): Series => ({
    name: t(`chart.${of}`),
    tone: 'muted',
    digits,
    isBare: true,
    values: candles[of],
  });
  return [column('close'), column('open'), column('high'), column('low'), ...levelSeries(levels, digits)];
}
