import { effect, type Signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { num } from '../format.ts';
import { color, theme } from '../theme.ts';
import { lowerBound, SeriesWindow, zoomed, type Range, type Rows } from './window.ts';

export type ChartTone = 'accent' | 'green' | 'red' | 'amber' | 'muted';

export interface Series {
  readonly name: string;
  readonly tone: ChartTone;
  readonly isDashed?: boolean;
  readonly values: readonly (number | null)[];
}

export interface ChartProps {
  /** Epoch seconds, ascending. */
  readonly times: readonly number[];
  /** The selected minute. */
  readonly cursor: number | null;
  readonly onHover: (time: number | null) => void;
  readonly onPick: (time: number | null) => void;
  /** Range shared by all charts of the page; null: everything. */
  readonly range: Signal<Range | null>;
}

interface Props extends ChartProps {
  readonly label: string;
  readonly height: number;
  readonly series: readonly Series[];
  readonly lines?: readonly { readonly value: number; readonly tone: string }[];
  readonly band?: { readonly from: number; readonly to: number };
  readonly marks?: readonly ('enter' | 'exit' | null)[];
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
  const shape = `${theme.value} ${props.series.map(({ name }) => name).join()}`;
  const show = (): void => {
    if (plot.current === null || lines.current === null) return;
    const range = latest.current.range.value ?? wholeOf(latest.current.times);
    shown.current = lines.current.rows(range, Math.max(50, Math.round(plot.current.bbox.width)));
    showRows(plot.current, shown.current, range);
    showCursor(plot.current, latest.current);
  };
  useEffect(() => {
    const element = host.current!;
    const made = new uPlot(optionsOf(latest, shown, element.clientWidth), [[], ...props.series.map(() => [])], element);
    plot.current = made;
    listen(made, latest);
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
    };
  }, [shape]);
  useEffect(() => {
    lines.current = new SeriesWindow(
      props.times,
      props.series.map(({ values }) => values),
    );
    show();
  }, [props.times, props.series.map(({ values }) => values.length).join(), shape]);
  useEffect(() => {
    if (plot.current !== null) showCursor(plot.current, latest.current);
  }, [props.cursor]);
  return <div class="chart" ref={host} role="img" aria-label={props.label} />;
}

/** Full range of the data, epoch seconds. */
export function wholeOf(times: readonly number[]): Range {
  const [from, to] = [times[0] ?? 0, times.at(-1) ?? 1];
  return [from, Math.max(to, from + 60)];
}

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
  const [x, y] = [scales['x']!, scales['y']!];
  const perSecond = bbox.width / (x.max! - x.min!);
  const [perUnit, half] = [bbox.height / (y.max! - y.min!), (plot.series[line]!.width! * devicePixelRatio) / 2];
  const values = data[line]!;
  const width = columnSeconds! * perSecond;
  const left = bbox.left + Math.round((data[0][0]! - x.min!) * perSecond);
  clipped(plot, () => {
    ctx.fillStyle = tone;
    for (let i = 0; i < values.length; i += 2) {
      const [least, greatest] = [values[i] ?? null, values[i + 1] ?? null];
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

/** The time of the row at a place of the plot, or of the next one: columns begin between rows. */
function rowTime(plot: uPlot, idx: number, { times }: Props): number | null {
  return times[lowerBound(times, plot.data[0][idx] ?? Infinity)] ?? times.at(-1) ?? null;
}

/** A click pins a minute; the wheel zooms about the pointer, sideways or with shift it moves. */
function listen(plot: uPlot, latest: { readonly current: Props }): void {
  plot.over.addEventListener('click', () => {
    const { idx } = plot.cursor;
    if (idx !== null && idx !== undefined) latest.current.onPick(rowTime(plot, idx, latest.current));
  });
  plot.over.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      const { range, times } = latest.current;
      const whole = wholeOf(times);
      const now = range.value ?? whole;
      const isMove = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
      const by = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
      const center = plot.posToVal(event.offsetX, 'x');
      range.value = isMove
        ? zoomed(now, whole, 1, center, by / plot.over.clientWidth)
        : zoomed(now, whole, Math.exp(event.deltaY / 500), center);
    },
    { passive: false },
  );
}

function optionsOf(
  latest: { readonly current: Props },
  shown: { readonly current: Rows | null },
  width: number,
): uPlot.Options {
  const { series, height, range } = latest.current;
  const [text, grid] = [color('muted'), color('grid')];
  const axis = { stroke: text, font: '11px system-ui', grid: { stroke: grid, width: 1 }, ticks: { show: false } };
  return {
    width,
    height,
    tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), 'UTC'),
    padding: [8, 8, 0, 0],
    legend: { show: true, live: true },
    cursor: {
      sync: { key: SYNC.key, setSeries: false },
      points: { size: 6 },
      y: false,
      drag: { x: true, y: false, setScale: false },
      bind: { dblclick: () => () => ((range.value = null), null) },
    },
    scales: latest.current.bounds === undefined ? {} : { y: { range: [...latest.current.bounds] } },
    axes: [
      { ...axis, size: 24, values: (_plot, ticks) => ticks.map((time, i) => timeText(time, ticks[i - 1] ?? null)) },
      { ...axis, size: 46, values: (_plot, ticks) => ticks.map((tick) => num(tick, Number.isInteger(tick) ? 0 : 2)) },
    ],
    series: [
      { label: 'UTC', value: (_plot, time) => (time === null ? '–' : timeText(time, null)) },
      ...series.map(({ name, tone, isDashed }) => ({
        label: name,
        stroke: color(tone),
        width: isDashed === true ? 1 : 1.4,
        points: { show: false },
        paths: (plot: uPlot, line: number, from: number, to: number) =>
          isDashed !== true && shown.current?.columnSeconds != null ? null : strokePath(plot, line, from, to),
        ...(isDashed === true ? { dash: [4, 4] } : {}),
        value: (_plot: uPlot, value: number | null) => num(value, 3),
      })),
    ],
    hooks: hooksOf(latest, shown),
  };
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
    draw: [(plot) => drawMarks(plot, latest.current)],
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
        const { idx } = plot.cursor;
        if (idx !== null && idx !== undefined) latest.current.onHover(rowTime(plot, idx, latest.current));
      },
    ],
  };
}

/** The minute, or the date if a new day begins after the previous tick. */
function timeText(time: number, before: number | null): string {
  const text = new Date(time * 1000).toISOString();
  const isDay = before !== null && (time - before >= 86_400 || text.slice(11, 16) === '00:00');
  return isDay ? text.slice(5, 10) : text.slice(11, 16);
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

function drawMarks(plot: uPlot, { marks = [], series, times }: Props): void {
  if (marks.length === 0) return;
  const { ctx } = plot;
  const { min, max } = plot.scales['x']!;
  const values = series[0]!.values;
  clipped(plot, () => {
    for (let i = lowerBound(times, min ?? 0); i < times.length && times[i]! <= (max ?? 0); i++) {
      const [mark, value] = [marks[i] ?? null, values[i] ?? null];
      if (mark === null || value === null) continue;
      ctx.fillStyle = color(mark === 'enter' ? 'green' : 'amber');
      ctx.beginPath();
      ctx.arc(plot.valToPos(times[i]!, 'x', true), plot.valToPos(value, 'y', true), 3.5 * devicePixelRatio, 0, 7);
      ctx.fill();
    }
  });
}
