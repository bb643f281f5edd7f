import { useMemo } from 'preact/hooks';
import type { Signal } from '../api.ts';
import { language, t } from '../text/text.ts';
import { levelSeries } from './level_series.ts';
import { levelsOf } from './levels.ts';
import { priceDigits } from './price_digits.ts';
import { SeriesChart, type ChartProps, type Mark, type Series } from './series.tsx';

interface Props extends ChartProps {
  readonly symbols: readonly string[];
  readonly signals: readonly Signal[];
  readonly marks: readonly Mark[];
}

/** Closes of both legs, each on its own scale, or of an instrument, with the levels of its open position. */
export function PriceChart({ symbols, signals, ...chart }: Props) {
  const series = useMemo(() => seriesOf(symbols, signals), [symbols.join(), signals, language.value]);
  return <SeriesChart {...chart} label={t('subject.prices')} height={240} series={series} />;
}

function seriesOf([symbolA = '', symbolB]: readonly string[], signals: readonly Signal[]): Series[] {
  const a = signals.map(({ price_a, price }) => price_a ?? price ?? null);
  const digits = priceDigits(a);
  const first: Series = { name: symbolA, tone: 'accent', digits, values: a };
  if (symbolB === undefined) return [first, ...levelSeries(levelsOf(signals), digits)];
  const b = signals.map(({ price_b }) => price_b ?? null);
  return [first, { name: symbolB, tone: 'violet', isRight: true, digits: priceDigits(b), values: b }];
}
