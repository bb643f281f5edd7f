import { effect, type Signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { minuteOf, num } from '../format.ts';
import { t } from '../text/text.ts';
import { color, theme } from '../theme.ts';
import { brokenLines } from './breaks.ts';
import { candleScale } from './candle_scale.ts';
import { listen } from './gestures.ts';
import { decimalsOf } from './price_digits.ts';
import { timeText } from './time_text.ts';
import { lowerBound, SeriesWindow, wholeOf, type Range, type Rows } from './window.ts';

export type ChartTone = 'accent' | 'violet' | 'green' | 'red' | 'amber' | 'muted';
/** An entry that buys or sells, or an exit. */
export type Mark = 'buy' | 'sell' | 'exit' | null;

export interface Series {
  readonly name: string;
  readonly tone: ChartTone;
  readonly isDashed?: boolean;
  /** Has the scale on the right. */
  readonly isRight?: boolean;
  /** Decimals of the values; default: 3. */
  readonly digits?: number;
  /** Has a value in the legend, and no line. */
  readonly isBare?: boolean;
  readonly values: readonly (number | null)[];
}

/** Places of the four series of candles. */
export interface CandleSeries {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
}

export interface ChartProps {
  /** Epoch seconds, ascending. */
  readonly times: readonly number[];
  /** What the times are. */
  readonly timesAre: 'chart.closed' | 'chart.exited' | 'chart.dayEnd';
  /** The selected minute. */
  readonly cursor: number | null;
  readonly onHover: (time: number | null) => void;
  readonly onPick: (time: number | null) => void;
  /** Range shared by all charts of the page; null: everything. */
  readonly range: Signal<Range | null>;
  /** Space for a second scale, so that charts with and without one line up. */
  readonly hasRightScale?: boolean;
}

interface Props extends ChartProps {
  readonly label: string;
  readonly height: number;
  readonly series: readonly Series[];
  readonly lines?: readonly { readonly value: number; readonly tone: string }[];
  readonly band?: { readonly from: number; readonly to: number };
  readonly marks?: readonly Mark[];
  /** Fills between two of the series: upper and lower. */
  readonly area?: readonly [upper: number, lower: number];
  /** What is shown without a range; default: the times. */
  readonly whole?: Range;
  /** The series of these places are drawn as candles, with marks below or above them. */
  readonly candles?: CandleSeries;
  /** Fixed bounds of the values; default: the data's range. */
  readonly bounds?: readonly [number, number];
}

const SYNC = uPlot.sync('subject');

/** Lines over time that share crosshair and range with the page's other charts. */
export function SeriesChart(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const lines = useRef<SeriesWindow | null>(null);
  const shown = useRef<Rows | null>(null);
  const shape = `${theme.value} ${t(props.timesAre)} ${props.series.map(({ name, digits }) => `${name} ${digits}`).join()}`;
  const show = (): void => {
    if (plot.current === null || lines.current === null) return;
    const range = latest.current.range.value ?? wholeRange(latest.current);
    shown.current = lines.current.rows(range, Math.max(50, Math.round(plot.current.bbox.width)));
    showRows(plot.current, shown.current, range);
    showCursor(plot.current, latest.current);
  };
  useEffect(() => {
    const element = host.current!;
    const made = new uPlot(optionsOf(latest, shown, element.clientWidth), [[], ...props.series.map(() => [])], element);
    plot.current = made;
    listen(made, {
      range: () => latest.current.range,
      whole: () => wholeRange(latest.current),
      onClick: () => latest.current.onPick(timeAt(made, latest.current)),
    });
    const observer = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height: props.height });
      show();
    });
    observer.observe(element);
    const stop = effect(() => {
      void latest.current.range.value;
      show();
    });
    return () => {
      stop();
      observer.disconnect();
      made.destroy();
      plot.current = null;
      // Of other series: the next plot must not be given them.
      lines.current = null;
    };
  }, [shape]);
  useEffect(() => {
    const series = props.series.map(({ values }) => values);
    const drawn = props.timesAre === 'chart.closed' ? brokenLines(props.times, series) : { times: props.times, series };
    lines.current = new SeriesWindow(drawn.times, drawn.series);
    show();
  }, [props.times, props.series.map(({ values }) => values.length).join(), shape]);
  useEffect(() => {
    if (plot.current !== null) showCursor(plot.current, latest.current);
  }, [props.cursor]);
  return <div class="chart" ref={host} role="img" aria-label={props.label} />;
}

const wholeRange = ({ whole, times }: Props): Range => whole ?? wholeOf(times);

function showRows(plot: uPlot, { data }: Rows, [min, max]: Range): void {
  plot.batch(() => {
    plot.setData(data as uPlot.AlignedData, false);
    plot.setScale('x', { min, max });
  });
}

const strokePath = uPlot.paths.linear!();

/**
 * Columns from the least to the greatest value of each pixel. A stroke back and forth within each pixel looks the same,
 * and took Chromium several times as long to paint; so did one path of all columns.
 */
function drawColumns(plot: uPlot, line: number, { data, columnSeconds }: Rows, tone: string): void {
  const { ctx, bbox, scales } = plot;
  const x = scales['x']!;
  const y = scales[plot.series[line]!.scale!]!;
  const perSecond = bbox.width / (x.max! - x.min!);
  const perUnit = bbox.height / (y.max! - y.min!);
  const half = (plot.series[line]!.width! * devicePixelRatio) / 2;
  const values = data[line]!;
  const width = columnSeconds! * perSecond;
  const left = bbox.left + Math.round((data[0][0]! - x.min!) * perSecond);
  clipped(plot, () => {
    ctx.fillStyle = tone;
    for (let i = 0; i < values.length; i += 2) {
      const least = values[i] ?? null;
      const greatest = values[i + 1] ?? null;
      if (least === null || greatest === null) continue;
      const top = bbox.top + (y.max! - greatest) * perUnit - half;
      ctx.fillRect(left + (i / 2) * width, top, width, (greatest - least) * perUnit + 2 * half);
    }
  });
}

/** Draws within the axes. */
function clipped({ ctx, bbox }: uPlot, draw: () => void): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw();
  ctx.restore();
}

/** The selected minute, unless the pointer is on this chart. */
function showCursor(plot: uPlot, { cursor }: Props): void {
  if (plot.over.matches(':hover')) return;
  const left = cursor === null ? -10 : plot.valToPos(cursor, 'x');
  plot.setCursor({ left, top: left < 0 ? -10 : 0 }, false);
}

/** The row at a place of the plot, or the next one: columns begin between rows. Without a place, the last row. */
function rowAt(plot: uPlot, idx: number | null | undefined, { times }: Props): number {
  const time = idx === null || idx === undefined ? Infinity : (plot.data[0][idx] ?? Infinity);
  return Math.min(lowerBound(times, time), times.length - 1);
}

/** Of the scales, on a phone and elsewhere: all charts of a page have the same. */
const axisOf = (width: number) =>
  width < 480 ? { width: 50, font: '10px system-ui' } : { width: 60, font: '11px system-ui' };
/** Half of a time below the end of its axis. */
const LABEL_HALF = 20;

function optionsOf(
  latest: { readonly current: Props },
  shown: { readonly current: Rows | null },
  width: number,
): uPlot.Options {
  const { height, range, hasRightScale, area } = latest.current;
  const isRightUsed = latest.current.series.some(({ isRight }) => isRight);
  const showAll = (): null => {
    range.value = null;
    return null;
  };
  return {
    width,
    height,
    tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), 'UTC'),
    padding: [8, isRightUsed ? 0 : hasRightScale === true ? axisOf(width).width : LABEL_HALF, 0, 0],
    legend: { show: true, live: true },
    cursor: {
      sync: { key: SYNC.key, setSeries: false },
      points: { size: 6 },
      y: false,
      drag: { x: true, y: false, setScale: false },
      bind: { dblclick: () => showAll },
    },
    scales: scalesOf(latest),
    axes: axesOf(latest.current, axisOf(width)),
    series: [
      {
        label: t(latest.current.timesAre),
        value: (plot, _time, _line, idx) => minuteAt(rowAt(plot, idx, latest.current), latest.current),
      },
      ...latest.current.series.map((one, line) => seriesOf(one, line, latest, shown)),
    ],
    hooks: hooksOf(latest, shown),
    ...(area === undefined ? {} : { bands: [{ series: [area[0] + 1, area[1] + 1], fill: color('band') }] }),
  };
}

/** A level is not drawn on the border of its chart. */
const LEVEL_MARGIN = 1.05;

function scalesOf(latest: { readonly current: Props }): uPlot.Scales {
  const { bounds, candles, band } = latest.current;
  if (bounds !== undefined) return { y: { range: [...bounds] } };
  // Levels of a decision are in sight also where no value comes near them.
  if (band !== undefined)
    return {
      y: {
        range(_plot, least, greatest) {
          const values = (latest.current.lines ?? []).map(({ value }) => LEVEL_MARGIN * value);
          return [Math.min(least, ...values), Math.max(greatest, ...values)];
        },
      },
    };
  if (candles === undefined) return {};
  return {
    y: {
      range({ data }, least, greatest) {
        const column = (place: number): (number | null)[] => [...(data[place + 1] ?? [])].map((value) => value ?? null);
        const levels = latest.current.series.flatMap(({ isDashed }, i) => (isDashed === true ? [column(i)] : []));
        return candleScale(column(candles.low), column(candles.high), levels) ?? [least, greatest];
      },
    },
  };
}

function minuteAt(row: number, { times }: Props): string {
  const time = times[row];
  return time === undefined ? '–' : minuteOf(time * 1000);
}

function axesOf({ series }: Props, { width, font }: ReturnType<typeof axisOf>): uPlot.Axis[] {
  const axis = {
    stroke: color('muted'),
    font,
    grid: { stroke: color('grid'), width: 1 },
    ticks: { show: false },
  };
  const right = series.find(({ isRight }) => isRight);
  const values = (digits = 0): uPlot.Axis => ({
    ...axis,
    size: width,
    values: (_plot, ticks, _axis, _space, step) =>
      ticks.map((tick) => num(tick, Math.max(digits, decimalsOf(step))).replaceAll(',', '')),
  });
  const left = values(series[0]?.digits);
  return [
    {
      ...axis,
      size: 28,
      gap: 9,
      values: (_plot, ticks, _axis, _space, step) => ticks.map((time) => timeText(time, step)),
    },
    right === undefined ? left : { ...left, stroke: color(series[0]!.tone) },
    ...(right === undefined
      ? []
      : [{ ...values(right.digits), scale: 'right', side: 1, stroke: color(right.tone), grid: { show: false } }]),
  ];
}

function seriesOf(
  { name, tone, isDashed = false, isRight = false, isBare = false, digits = 3 }: Series,
  index: number,
  latest: { readonly current: Props },
  shown: { readonly current: Rows | null },
): uPlot.Series {
  const hasColumns = (): boolean => !isDashed && shown.current?.columnSeconds != null;
  return {
    label: name,
    scale: isRight ? 'right' : 'y',
    stroke: color(tone),
    width: isDashed ? 1 : 1.4,
    // Of rows without neighbors, which no line shows.
    points: {
      show: false,
      size: 3,
      width: 0,
      fill: color(tone),
      filter: (plot, line) => (isBare || hasColumns() ? null : isolated(plot.data[line]!)),
    },
    paths: (plot, line, from, to) => (isBare || hasColumns() ? null : strokePath(plot, line, from, to)),
    ...(isDashed ? { dash: [4, 4] } : {}),
    value: (plot, _value, _line, idx) =>
      num(latest.current.series[index]?.values[rowAt(plot, idx, latest.current)], digits),
  };
}

function isolated(values: ArrayLike<number | null | undefined>): number[] | null {
  const isEmpty = (i: number): boolean => (values[i] ?? null) === null;
  const found = Array.from(values, (_, i) => i).filter((i) => !isEmpty(i) && isEmpty(i - 1) && isEmpty(i + 1));
  return found.length === 0 ? null : found;
}

const MIN_BRUSH = 6;

function hooksOf(latest: { readonly current: Props }, shown: { readonly current: Rows | null }): uPlot.Hooks.Arrays {
  return {
    drawSeries: [
      (plot, line) => {
        const { tone, isDashed } = latest.current.series[line - 1]!;
        if (isDashed !== true && shown.current?.columnSeconds != null)
          drawColumns(plot, line, shown.current, color(tone));
      },
    ],
    drawClear: [(plot) => drawBand(plot, latest.current)],
    draw: [
      (plot) => {
        if (shown.current?.columnSeconds == null) drawCandles(plot, latest.current);
        drawMarks(plot, latest.current);
      },
    ],
    setSelect: [
      (plot) => {
        const { left, width } = plot.select;
        if (width === 0) return;
        plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        if (width < MIN_BRUSH || !plot.over.matches(':hover')) return;
        latest.current.range.value = [plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')];
      },
    ],
    setCursor: [
      (plot) => {
        // Only the chart under the pointer changes the selection; the others follow.
        if (!plot.over.matches(':hover')) return;
        if (plot.cursor.idx != null) latest.current.onHover(timeAt(plot, latest.current));
      },
    ],
  };
}

/** The time of the row under the cursor. */
function timeAt(plot: uPlot, props: Props): number | null {
  return props.times[rowAt(plot, plot.cursor.idx, props)] ?? null;
}

function drawBand(plot: uPlot, { lines = [], band }: Props): void {
  const { ctx, bbox } = plot;
  const y = (value: number): number => plot.valToPos(value, 'y', true);
  clipped(plot, () => {
    if (band !== undefined) {
      ctx.fillStyle = color('band');
      ctx.fillRect(bbox.left, y(band.to), bbox.width, y(band.from) - y(band.to));
    }
    for (const { value, tone } of lines) {
      ctx.strokeStyle = color(tone);
      ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.lineWidth = devicePixelRatio;
      ctx.beginPath();
      ctx.moveTo(bbox.left, y(value));
      ctx.lineTo(bbox.left + bbox.width, y(value));
      ctx.stroke();
    }
  });
}

/** Share of the distance of two candles that a body has. */
const BODY_SHARE = 0.7;

/** A body from open to close, hollow where the price rose, on a line from low to high. */
function drawCandles(plot: uPlot, { candles, series, times }: Props): void {
  if (candles === undefined || times.length < 2) return;
  const { ctx, bbox } = plot;
  const { min, max } = plot.scales['x']!;
  const at = (place: number, i: number): number => plot.valToPos(series[place]!.values[i]!, 'y', true);
  const distance = (bbox.width * shortestOf(times)) / (max! - min!);
  const width = Math.max(devicePixelRatio, Math.round(BODY_SHARE * distance));
  clipped(plot, () => {
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([]);
    const rise = color('green');
    const fall = color('red');
    const ground = color('panel');
    for (let i = Math.max(0, lowerBound(times, min!) - 1); i < times.length && (times[i - 1] ?? min!) <= max!; i++) {
      if (series[candles.close]!.values[i] == null) continue;
      const open = at(candles.open, i);
      const close = at(candles.close, i);
      const center = Math.round(plot.valToPos(times[i]!, 'x', true));
      const isRise = close <= open;
      ctx.strokeStyle = isRise ? rise : fall;
      ctx.fillStyle = isRise ? ground : fall;
      ctx.beginPath();
      ctx.moveTo(center, at(candles.high, i));
      ctx.lineTo(center, at(candles.low, i));
      ctx.stroke();
      const top = Math.min(open, close);
      const height = Math.max(devicePixelRatio, Math.abs(close - open));
      ctx.fillRect(center - width / 2, top, width, height);
      ctx.strokeRect(center - width / 2, top, width, height);
    }
  });
}

/** Of two candles beside each other, in seconds: sessions and gaps are longer. */
function shortestOf(times: readonly number[]): number {
  let shortest = Infinity;
  for (let i = 1; i < times.length; i++) shortest = Math.min(shortest, times[i]! - times[i - 1]!);
  return shortest;
}

const LEAST_MARK = 2;
const MOST_MARK = 4;

/**
 * Entries are triangles that point at the line from below (buy) or above (sell), exits are dots. Where they are dense,
 * they are smaller, so that the line remains visible, and squares, which are painted in a fraction of the time.
 */
function drawMarks(plot: uPlot, { marks = [], series, times, candles }: Props): void {
  if (marks.length === 0) return;
  const { ctx } = plot;
  const { min, max } = plot.scales['x']!;
  const { values } = series[0]!;
  const inView: number[] = [];
  for (let i = lowerBound(times, min ?? 0); i < times.length && times[i]! <= (max ?? 0); i++)
    if (marks[i] != null && values[i] != null) inView.push(i);
  const wanted = plot.over.clientWidth / inView.length;
  const size = Math.max(LEAST_MARK, Math.min(MOST_MARK, wanted)) * devicePixelRatio;
  clipped(plot, () => {
    for (const kind of ['buy', 'sell', 'exit'] as const) {
      ctx.fillStyle = color(kind === 'exit' ? 'amber' : candles === undefined ? 'green' : 'accent');
      const height = { buy: 2, sell: -2, exit: 0 }[kind] * size;
      const place = candles === undefined ? 0 : { buy: candles.low, sell: candles.high, exit: candles.close }[kind];
      for (const i of inView) {
        if (marks[i] !== kind) continue;
        const x = plot.valToPos(times[i]!, 'x', true);
        const y = plot.valToPos(series[place]!.values[i]!, 'y', true);
        if (wanted < LEAST_MARK) {
          ctx.fillRect(x - size, y + height / 2 - size, 2 * size, 2 * size);
          continue;
        }
        ctx.beginPath();
        if (kind === 'exit') ctx.arc(x, y, size - 0.5, 0, 7);
        else {
          ctx.moveTo(x, y);
          ctx.lineTo(x - size, y + height);
          ctx.lineTo(x + size, y + height);
        }
        ctx.fill();
      }
    }
  });
}
