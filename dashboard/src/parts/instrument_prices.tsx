import { effect } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { api, type Candles, type Signal } from '../api.ts';
import { CandleChart } from '../charts/candles.tsx';
import { PriceChart } from '../charts/prices.tsx';
import type { ChartProps, Mark } from '../charts/series.tsx';
import { wholeOf, type Range } from '../charts/window.ts';
import { useLoaded } from './basics.tsx';

/** So many have a body that is seen on a phone. */
const CANDLES = 120;
const SECONDS_PER_MINUTE = 60;
/** The route refuses more. */
const LONGEST_SECONDS = 31 * 86_400;
const SETTLED_MS = 400;
/** Candles are read again when so large a part of the period is new. */
const RENEWED_PARTS = 60;

interface Props extends ChartProps {
  readonly symbol: string;
  readonly signals: readonly Signal[];
  /** Of each signal. */
  readonly marks: readonly Mark[];
}

/** Candles of the visible part of an instrument's history; the line of its closes where no bars are kept. */
export function InstrumentPrices({ symbol, signals, marks, ...chart }: Props) {
  const [from, to] = useSettled(chart);
  const step = Math.max(SECONDS_PER_MINUTE, (to - from) / RENEWED_PARTS);
  const { data } = useLoaded(
    () => readCandles(symbol, [from, to]).catch(() => null),
    `${symbol} ${Math.floor(from / step)} ${Math.floor(to / step)}`,
  );
  if (data === null || data.time.length < 2)
    return <PriceChart {...chart} symbols={[symbol]} signals={signals} marks={marks} />;
  const whole = wholeOf(chart.times);
  return (
    <CandleChart {...chart} whole={whole} candles={data} signals={signals} signalTimes={chart.times} marks={marks} />
  );
}

/** The visible part once it rests, or the whole. */
function useSettled({ range, times }: Pick<ChartProps, 'range' | 'times'>): Range {
  const [view, setView] = useState<Range | null>(range.value);
  useEffect(() => {
    let timer = 0;
    const stop = effect(() => {
      const next = range.value;
      clearTimeout(timer);
      timer = setTimeout(() => setView(next), SETTLED_MS) as unknown as number;
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [range]);
  return view ?? wholeOf(times);
}

/** Minutes of a period, or of its last month. */
function readCandles(symbol: string, [first, to]: Range): Promise<Candles> {
  const from = Math.max(first - SECONDS_PER_MINUTE, to - LONGEST_SECONDS);
  const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();
  return api.get('/api/candles', { query: { symbol, from: iso(from), to: iso(to), points: CANDLES } });
}
