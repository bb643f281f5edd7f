import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { num } from '../format.ts';
import { t } from '../text/text.ts';
import { color, theme } from '../theme.ts';
import { nextQuota, passing, type Filters } from './trial_lines.ts';
import { drawingOrder, type Trials } from './trials.ts';

const HEIGHT = 304;
/** Names that would overlap are in several rows above the axes. */
const TOP = 46;
const BOTTOM = 18;
const SIDE = 40;
const ROW = 12;
const MOST_ROWS = 3;
/** About the width of a name, which decides the number of rows. */
const NAME_WIDTH = 96;
/** Lines drawn immediately; the others follow frame by frame. */
const FIRST = 1500;
/** Drawing time per frame of 16 ms. */
const FRAME_MS = 6;
const BATCH = 100;
const FIRST_LINES = 400;
/** Frames between updates of the count of drawn lines. */
const FRAMES_PER_COUNT = 6;
const SHADES = 8;
/** A drag below this share of an axis is a click, which removes the filter. */
const SMALLEST = 0.02;

interface Props {
  readonly trials: Trials;
  readonly filters: Filters;
  readonly onFilter: (filters: Filters) => void;
}

/**
 * One line per trial through its parameters and its result. Dragging on an axis filters trials. An even sample and the
 * best are drawn immediately, the others over the following frames, to keep each frame short.
 */
export function ParallelCoordinates({ trials, filters, onFilter }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [drawn, setDrawn] = useState(0);
  const drag = useRef<{ axis: number; from: number } | null>(null);
  const order = useMemo(() => passing(drawingOrder(trials, FIRST), trials, filters), [trials, filters]);
  const axes = [...trials.axes, { name: t('runs.rank'), kind: 'number' as const, labels: RANK_LABELS() }];
  useEffect(() => {
    const observer = new ResizeObserver(() => setWidth(host.current!.clientWidth));
    observer.observe(host.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(
    () => (width === 0 ? undefined : drawAll(canvas.current!, width, trials, order, setDrawn)),
    [trials, order, width, theme.value],
  );
  const xOf = (axis: number): number => SIDE + (axis * (width - 2 * SIDE)) / Math.max(1, axes.length - 1);
  const rows = Math.max(1, Math.min(MOST_ROWS, Math.ceil(NAME_WIDTH / (xOf(1) - SIDE))));
  const placeOf = (event: PointerEvent): { axis: number; at: number } => {
    const box = canvas.current!.getBoundingClientRect();
    const axis = Math.round(((event.clientX - box.left - SIDE) / (width - 2 * SIDE)) * (axes.length - 1));
    const at = 1 - (event.clientY - box.top - TOP) / (HEIGHT - TOP - BOTTOM);
    return { axis: Math.max(0, Math.min(axes.length - 1, axis)), at: Math.max(0, Math.min(1, at)) };
  };
  const end = (event: PointerEvent): void => {
    if (drag.current === null) return;
    const { axis, from } = drag.current;
    drag.current = null;
    const { at } = placeOf(event);
    const next = new Map(filters);
    if (Math.abs(at - from) < SMALLEST) next.delete(axis);
    else next.set(axis, [Math.min(at, from), Math.max(at, from)]);
    onFilter(next);
  };
  return (
    <div class="parallel" ref={host}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={t('runs.parallelText', {
          count: num(trials.count, 0),
          axes: axes.map(({ name }) => name).join(', '),
        })}
        onPointerDown={(event) => {
          const { axis, at } = placeOf(event);
          drag.current = { axis, from: at };
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerUp={end}
      />
      <svg width={width} height={HEIGHT} aria-hidden="true">
        {axes.map(({ name, labels }, axis) => (
          <g key={name}>
            <line x1={xOf(axis)} x2={xOf(axis)} y1={TOP} y2={HEIGHT - BOTTOM} />
            <text x={xOf(axis)} y={TOP - 10 - ROW * (axis % rows)} text-anchor="middle" class="name">
              {name.replace(/^.*\./, '')}
            </text>
            {labels.map(({ at, text }) => (
              <text key={text} x={xOf(axis) + 4} y={TOP + (1 - at) * (HEIGHT - TOP - BOTTOM) + 3}>
                {text}
              </text>
            ))}
            {filters.has(axis) && <Range x={xOf(axis)} range={filters.get(axis)!} />}
          </g>
        ))}
      </svg>
      <p class="note" role="status">
        {t('runs.drawn', { drawn: num(drawn, 0), count: num(order.length, 0), all: num(trials.count, 0) })}
        {filters.size > 0 && (
          <button type="button" class="link" onClick={() => onFilter(new Map())}>
            {' '}
            {t('runs.clear')}
          </button>
        )}
      </p>
    </div>
  );
}

const RANK_LABELS = () => [
  { at: 1, text: t('runs.best') },
  { at: 0, text: t('runs.worst') },
];

function Range({ x, range: [from, to] }: { readonly x: number; readonly range: readonly [number, number] }) {
  const tall = HEIGHT - TOP - BOTTOM;
  return <rect class="range" x={x - 5} width="10" y={TOP + (1 - to) * tall} height={(to - from) * tall} />;
}

/** The last axis is the result's rank, best at the top. */
function placeOn({ axes, places, rank }: Trials, axis: number, trial: number): number {
  return axis < axes.length ? places[axis]![trial]! : 1 - rank[trial]!;
}

/** Draws over several frames. @returns a function that stops it */
function drawAll(
  canvas: HTMLCanvasElement,
  width: number,
  trials: Trials,
  order: Int32Array,
  onDrawn: (count: number) => void,
): () => void {
  const ratio = devicePixelRatio;
  canvas.width = width * ratio;
  canvas.height = HEIGHT * ratio;
  const ctx = canvas.getContext('2d')!;
  ctx.scale(ratio, ratio);
  ctx.lineWidth = 1;
  ctx.globalAlpha = Math.max(0.02, Math.min(0.8, 400 / Math.max(1, order.length)));
  const shades = shadesOf();
  const count = trials.axes.length + 1;
  const x = Float32Array.from(
    { length: count },
    (_, axis) => SIDE + (axis * (width - 2 * SIDE)) / Math.max(1, count - 1),
  );
  let done = 0;
  let frame = 0;
  let quota = FIRST_LINES;
  let lastMs = NaN;
  let frames = 0;
  const draw = (nowMs: number): void => {
    if (!Number.isNaN(lastMs)) quota = nextQuota(quota, nowMs - lastMs);
    lastMs = nowMs;
    const until = performance.now() + FRAME_MS;
    const last = Math.min(order.length, done + Math.floor(quota));
    do {
      const end = Math.min(last, done + BATCH);
      strokeBatch(ctx, trials, order.subarray(done, end), x, shades);
      done = end;
    } while (done < last && performance.now() < until);
    if (frames++ % FRAMES_PER_COUNT === 0 || done === order.length) onDrawn(done);
    if (done < order.length) frame = requestAnimationFrame(draw);
  };
  frame = requestAnimationFrame(draw);
  return () => cancelAnimationFrame(frame);
}

/** Colors from best to worst. */
function shadesOf(): string[] {
  const best = color('accent');
  const worst = color('amber');
  return Array.from(
    { length: SHADES },
    (_, shade) => `color-mix(in srgb, ${worst} ${(100 * shade) / (SHADES - 1)}%, ${best})`,
  );
}

/** Draws one path per shade. A line has a gap where a trial lacks a parameter. */
function strokeBatch(
  ctx: CanvasRenderingContext2D,
  trials: Trials,
  batch: Int32Array,
  x: Float32Array,
  shades: readonly string[],
): void {
  const tall = HEIGHT - TOP - BOTTOM;
  for (const [shade, tone] of shades.entries()) {
    ctx.beginPath();
    for (const trial of batch) {
      if (Math.min(SHADES - 1, Math.floor(trials.rank[trial]! * SHADES)) !== shade) continue;
      let isDown = false;
      for (let axis = 0; axis < x.length; axis++) {
        const place = placeOn(trials, axis, trial);
        if (Number.isNaN(place)) isDown = false;
        else {
          const y = TOP + (1 - place) * tall;
          if (isDown) ctx.lineTo(x[axis]!, y);
          else ctx.moveTo(x[axis]!, y);
          isDown = true;
        }
      }
    }
    ctx.strokeStyle = tone;
    ctx.stroke();
  }
}
