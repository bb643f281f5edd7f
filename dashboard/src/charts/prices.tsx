import {
  ColorType,
  createChart,
  createSeriesMarkers,
  CrosshairMode,
  LineSeries,
  LineStyle,
  type IChartApi,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  type SeriesMarker,
  type Time,
  type UTCTimestamp,
} from 'lightweight-charts';
import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Signal } from '../api.ts';
import { t } from '../text/text.ts';
import { color, theme } from '../theme.ts';
import { levelsOf } from './levels.ts';
import { priceDigits } from './price_digits.ts';
import { wholeOf, type ChartProps } from './series.tsx';
import { lowerBound, type Range } from './window.ts';

interface Props extends ChartProps {
  readonly symbols: readonly string[];
  readonly signals: readonly Signal[];
}

export interface Made {
  readonly chart: IChartApi;
  readonly a: ISeriesApi<'Line'>;
  readonly b: ISeriesApi<'Line'>;
  /** Levels of an instrument's open position. */
  readonly stop: ISeriesApi<'Line'>;
  readonly target: ISeriesApi<'Line'>;
  readonly markers: ISeriesMarkersPluginApi<Time>;
}

/** Closes of both legs, each on its own scale, with entries and exits as markers. */
export function PriceChart(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const made = useRef<Made | null>(null);
  const latest = useRef(props);
  latest.current = props;
  useEffect(() => {
    const { chart, ...series } = makeChart(host.current!, props.symbols);
    made.current = { chart, ...series };
    chart.subscribeCrosshairMove(({ time, sourceEvent }) => {
      if (sourceEvent !== undefined && time !== undefined) latest.current.onHover(Number(time));
    });
    chart.subscribeClick(({ time }) => time !== undefined && latest.current.onPick(Number(time)));
    fill(made.current, latest.current);
    showRange(chart, latest.current);
    const stop = shareRange(chart, latest);
    return () => {
      stop();
      made.current = null;
      chart.remove();
    };
  }, [theme.value]);
  useEffect(() => {
    if (made.current === null) return;
    fill(made.current, props);
    // Not while the pointer is on the chart.
    if (!made.current.chart.chartElement().matches(':hover')) showRange(made.current.chart, props);
    showCursor(made.current, props);
  }, [props.signals]);
  useEffect(() => {
    if (made.current !== null) showCursor(made.current, props);
  }, [props.cursor]);
  return <div class="chart prices" ref={host} role="img" aria-label={t('subject.prices')} />;
}

/** Marks the selected minute. */
function showCursor({ chart, a }: Made, { cursor, signals, times }: Props): void {
  const at = cursor === null ? -1 : lowerBound(times, cursor);
  const signal = times[at] === cursor ? signals[at] : undefined;
  if (chart.chartElement().matches(':hover')) return;
  const price = signal === undefined ? null : priceOf(signal);
  if (price === null) chart.clearCrosshairPosition();
  else chart.setCrosshairPosition(price, cursor as UTCTimestamp, a);
}

function showRange(chart: IChartApi, { range, times }: Props): void {
  if (times.length < 2) return;
  const scale = chart.timeScale();
  if (range.value === null) scale.fitContent();
  else scale.setVisibleRange({ from: range.value[0] as UTCTimestamp, to: range.value[1] as UTCTimestamp });
}

/** Scrolling continues briefly after a gesture. */
const GESTURE_MS = 400;

/** Synchronizes the range with the page's other charts. @returns a function that stops it */
function shareRange(chart: IChartApi, latest: { readonly current: Props }): () => void {
  // A new minute moves the view as well, so only a range after a gesture counts as chosen.
  let gestureMs = -Infinity;
  const onGesture = (event: Event): void => {
    if (event.type === 'wheel' || (event as PointerEvent).buttons > 0) gestureMs = performance.now();
  };
  const element = chart.chartElement();
  for (const type of ['wheel', 'pointermove']) element.addEventListener(type, onGesture, { passive: true });
  /** Range last set by this chart itself; undefined: none. */
  let own: Range | null | undefined;
  const stop = effect(() => {
    if (latest.current.range.value === own) return;
    own = undefined;
    showRange(chart, latest.current);
  });
  chart.timeScale().subscribeVisibleTimeRangeChange((seen) => {
    const { range, times } = latest.current;
    if (seen === null || performance.now() - gestureMs > GESTURE_MS) return;
    const [from, to] = [Number(seen.from), Number(seen.to)];
    const whole = wholeOf(times);
    own = from <= whole[0] && to >= whole[1] ? null : [from, to];
    range.value = own;
  });
  return stop;
}

/** Exported for tests. */
export function makeChart(element: HTMLElement, [symbolA = '', symbolB = '']: readonly string[]): Made {
  const grid = { color: color('grid') };
  const chart = createChart(element, {
    autoSize: true,
    layout: {
      background: { type: ColorType.Solid, color: color('panel') },
      textColor: color('muted'),
      fontSize: 11,
      fontFamily: 'system-ui, sans-serif',
      // Its style element would need an inline style; the attribution is in the footer.
      attributionLogo: false,
    },
    grid: { vertLines: grid, horzLines: grid },
    crosshair: { mode: CrosshairMode.Normal },
    leftPriceScale: { visible: symbolB !== '', borderVisible: false },
    rightPriceScale: { borderVisible: false },
    timeScale: {
      ...{ minBarSpacing: 0.001, timeVisible: true, secondsVisible: false, borderVisible: false },
      // The stroke passes through each row, also where a pixel has many: merged rows would lose their extremes.
      enableConflation: false,
    },
  });
  const line = (title: string, tone: string, priceScaleId: string): ISeriesApi<'Line'> =>
    chart.addSeries(LineSeries, {
      title,
      priceScaleId,
      color: color(tone),
      lineWidth: 2,
      priceLineVisible: false,
    });
  const a = line(symbolA, 'accent', symbolB === '' ? 'right' : 'left');
  const b = line(symbolB, 'violet', 'right');
  const level = (tone: string): ISeriesApi<'Line'> =>
    chart.addSeries(LineSeries, {
      ...{
        priceScaleId: symbolB === '' ? 'right' : 'left',
        color: color(tone),
        lineWidth: 1,
        lineStyle: LineStyle.Dashed,
      },
      ...{ priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false },
    });
  return { chart, a, b, stop: level('red'), target: level('green'), markers: createSeriesMarkers(a) };
}

/** Price of leg A, or of the instrument. */
function priceOf({ price_a, price }: Signal): number | null {
  return price_a ?? price ?? null;
}

function formatOf(prices: readonly (number | null | undefined)[]) {
  const precision = priceDigits(prices);
  return { type: 'price', precision, minMove: 10 ** -precision } as const;
}

/** A line with gaps where there is no level. */
function gapped(levels: readonly (number | null)[], times: readonly number[]) {
  return levels.map((value, i) => ({ time: times[i] as UTCTimestamp, ...(value === null ? {} : { value }) }));
}

/** Exported for tests. */
export function fill({ a, b, stop, target, markers }: Made, { signals, times }: Props): void {
  const points = (of: (signal: Signal) => number | null | undefined) =>
    signals.flatMap((signal, i) => {
      const value = of(signal) ?? null;
      return value === null ? [] : [{ time: times[i] as UTCTimestamp, value }];
    });
  a.setData(points(priceOf));
  b.setData(points(({ price_b }) => price_b));
  const format = formatOf(signals.map(priceOf));
  for (const line of [a, stop, target]) line.applyOptions({ priceFormat: format });
  b.applyOptions({ priceFormat: formatOf(signals.map(({ price_b }) => price_b)) });
  const levels = levelsOf(signals);
  stop.setData(
    gapped(
      levels.map(({ stop: level }) => level),
      times,
    ),
  );
  target.setData(
    gapped(
      levels.map(({ target: level }) => level),
      times,
    ),
  );
  markers.setMarkers(
    signals.flatMap((signal, i): SeriesMarker<Time>[] => {
      if (signal.action === 'HOLD') return [];
      const isEntry = signal.action === 'ENTER';
      return [
        {
          time: times[i] as UTCTimestamp,
          position: isEntry && signal.target > 0 ? 'belowBar' : 'aboveBar',
          shape: isEntry ? (signal.target > 0 ? 'arrowUp' : 'arrowDown') : 'circle',
          color: color(isEntry ? 'green' : 'amber'),
        },
      ];
    }),
  );
}
