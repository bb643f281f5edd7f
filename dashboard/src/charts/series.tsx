import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { num } from '../format.ts';
import { color, theme } from '../theme.ts';

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
  /** The minute that is asked about. */
  readonly cursor: number | null;
  readonly onHover: (time: number | null) => void;
  readonly onPick: (time: number | null) => void;
}

interface Props extends ChartProps {
  readonly label: string;
  readonly height: number;
  readonly series: readonly Series[];
  readonly lines?: readonly { readonly value: number; readonly tone: string }[];
  readonly band?: { readonly from: number; readonly to: number };
  readonly marks?: readonly ('enter' | 'exit' | null)[];
  readonly range?: readonly [number, number];
}

const SYNC = uPlot.sync('subject');

/** Lines over time whose crosshair and zoom are shared with the other charts of the page. */
export function SeriesChart(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const shape = `${theme.value} ${props.series.map(({ name }) => name).join()}`;
  useEffect(() => {
    const element = host.current!;
    const made = new uPlot(optionsOf(latest, element.clientWidth), dataOf(props), element);
    plot.current = made;
    const pick = (): void => {
      const at = made.cursor.idx;
      if (at !== null && at !== undefined) latest.current.onPick(latest.current.times[at] ?? null);
    };
    made.over.addEventListener('click', pick);
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: props.height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(
    () => plot.current?.setData(dataOf(props)),
    [props.times, props.series.map(({ values }) => values.length).join()],
  );
  return <div class="chart" ref={host} role="img" aria-label={props.label} />;
}

function dataOf({ times, series }: Props): uPlot.AlignedData {
  return [[...times], ...series.map(({ values }) => [...values])];
}

function optionsOf(latest: { readonly current: Props }, width: number): uPlot.Options {
  const { series, height, range } = latest.current;
  const [text, grid] = [color('muted'), color('grid')];
  const axis = { stroke: text, font: '11px system-ui', grid: { stroke: grid, width: 1 }, ticks: { show: false } };
  return {
    width,
    height,
    tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), 'UTC'),
    padding: [8, 8, 0, 0],
    legend: { show: true, live: true },
    cursor: { sync: { key: SYNC.key, setSeries: false }, points: { size: 6 }, drag: { x: true, y: false } },
    scales: range === undefined ? {} : { y: { range: [range[0], range[1]] } },
    axes: [
      { ...axis, size: 24, values: (_plot, ticks) => ticks.map(timeText) },
      { ...axis, size: 46, values: (_plot, ticks) => ticks.map((tick) => num(tick, Number.isInteger(tick) ? 0 : 2)) },
    ],
    series: [
      { label: 'UTC', value: (_plot, time) => (time === null ? '–' : timeText(time)) },
      ...series.map(({ name, tone, isDashed }) => ({
        label: name,
        stroke: color(tone),
        width: isDashed === true ? 1 : 1.4,
        points: { show: false },
        ...(isDashed === true ? { dash: [4, 4] } : {}),
        value: (_plot: uPlot, value: number | null) => num(value, 3),
      })),
    ],
    hooks: {
      drawClear: [(plot) => drawBand(plot, latest.current)],
      draw: [(plot) => drawMarks(plot, latest.current)],
      setCursor: [
        (plot) => {
          // Only the chart under the pointer asks; the others follow.
          if (!plot.over.matches(':hover')) return;
          const { idx } = plot.cursor;
          if (idx !== null && idx !== undefined) latest.current.onHover(latest.current.times[idx] ?? null);
        },
      ],
    },
  };
}

function timeText(time: number): string {
  return new Date(time * 1000).toISOString().slice(11, 16);
}

function drawBand(plot: uPlot, { lines = [], band }: Props): void {
  const { ctx, bbox } = plot;
  const y = (value: number): number => plot.valToPos(value, 'y', true);
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
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
  ctx.restore();
}

function drawMarks(plot: uPlot, { marks = [], series, times, cursor }: Props): void {
  const { ctx, bbox } = plot;
  const values = series[0]!.values;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  marks.forEach((mark, i) => {
    const value = values[i];
    if (mark === null || value === null || value === undefined) return;
    ctx.fillStyle = color(mark === 'enter' ? 'green' : 'amber');
    ctx.beginPath();
    ctx.arc(plot.valToPos(times[i]!, 'x', true), plot.valToPos(value, 'y', true), 3.5 * devicePixelRatio, 0, 7);
    ctx.fill();
  });
  if (cursor !== null) {
    ctx.fillStyle = color('accent');
    ctx.fillRect(plot.valToPos(cursor, 'x', true), bbox.top, devicePixelRatio, bbox.height);
  }
  ctx.restore();
}
