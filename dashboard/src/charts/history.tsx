import { useEffect, useRef, useState } from 'preact/hooks';
import { num } from '../format.ts';
import { t } from '../text/text.ts';
import { color, theme } from '../theme.ts';
import type { Trials } from './trials.ts';

const HEIGHT = 180;
const LEFT = 64;
const TOP = 8;
const BOTTOM = 20;
/** Results beyond this rank are drawn at the upper edge, because a few bad ones would flatten all others. */
const SHOWN_RANKS = 0.95;
/** Above this number of trials, points are small. */
const MANY = 1000;

/** Results of all trials in order, and the best so far. Trials that share a pixel are drawn once. */
export function SearchHistoryChart({
  trials,
  direction,
}: {
  readonly trials: Trials;
  readonly direction: 'minimize' | 'maximize';
}) {
  const host = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(() => setWidth(host.current!.clientWidth));
    observer.observe(host.current!);
    return () => observer.disconnect();
  }, []);
  const { best, worst, beyond } = boundsOf(trials);
  useEffect(() => {
    if (width > 0) draw(canvas.current!, width, trials, direction === 'minimize' ? 1 : -1, [best, worst]);
  }, [trials, width, theme.value]);
  return (
    <div class="search-history" ref={host}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={t('runs.historyText', { count: num(trials.count, 0), best: num(best, 5) })}
      />
      <p class="note">
        {t('runs.bestIs', { best: num(best, 5) })}
        {beyond > 0 && ` ${t('runs.beyond', { count: num(beyond, 0) })}`}
      </p>
    </div>
  );
}

function boundsOf({ value, rank, count }: Trials): { best: number; worst: number; beyond: number } {
  let best = NaN;
  let worst = NaN;
  let beyond = 0;
  let least = Infinity;
  let greatest = -1;
  for (let i = 0; i < count; i++) {
    if (rank[i]! < least) {
      least = rank[i]!;
      best = value[i]!;
    }
    if (rank[i]! > SHOWN_RANKS) beyond++;
    else if (rank[i]! > greatest) {
      greatest = rank[i]!;
      worst = value[i]!;
    }
  }
  return { best, worst, beyond };
}

function draw(
  canvas: HTMLCanvasElement,
  width: number,
  { count, value, number }: Trials,
  sign: 1 | -1,
  [best, worst]: readonly [number, number],
): void {
  const ratio = devicePixelRatio;
  canvas.width = width * ratio;
  canvas.height = HEIGHT * ratio;
  const ctx = canvas.getContext('2d')!;
  ctx.scale(ratio, ratio);
  const wide = width - LEFT - 8;
  const tall = HEIGHT - TOP - BOTTOM;
  const most = Math.max(1, number[count - 1] ?? 1);
  const xOf = (i: number): number => LEFT + (number[i]! / most) * wide;
  const yOf = (one: number): number =>
    TOP + tall * (1 - Math.min(1, (sign * (one - best)) / (sign * (worst - best) || 1)));
  const marked = new Set<number>();
  const side = count > MANY ? 2 : 5;
  ctx.fillStyle = color('muted');
  ctx.globalAlpha = 0.55;
  for (let i = 0; i < count; i++) {
    const x = Math.round(xOf(i));
    const y = Math.round(yOf(value[i]!));
    const pixel = x * HEIGHT + y;
    if (marked.has(pixel)) continue;
    marked.add(pixel);
    ctx.fillRect(x - side / 2, y - side / 2, side, side);
  }
  ctx.globalAlpha = 1;
  ctx.strokeStyle = color('accent');
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  let lowest = Infinity;
  for (let i = 0; i < count; i++) {
    if (sign * value[i]! >= lowest) continue;
    if (lowest !== Infinity) ctx.lineTo(xOf(i), yOf(sign * lowest));
    lowest = sign * value[i]!;
    if (i === 0) ctx.moveTo(xOf(i), yOf(value[i]!));
    else ctx.lineTo(xOf(i), yOf(value[i]!));
  }
  ctx.lineTo(LEFT + wide, yOf(sign * lowest));
  ctx.stroke();
  ctx.fillStyle = color('muted');
  ctx.font = '11px system-ui';
  ctx.textAlign = 'right';
  ctx.fillText(num(worst, 4), LEFT - 6, TOP + 8);
  ctx.fillText(num(best, 4), LEFT - 6, TOP + tall);
  ctx.fillText(num(most, 0), LEFT + wide, HEIGHT - 5);
  ctx.textAlign = 'left';
  ctx.fillText('0', LEFT, HEIGHT - 5);
}
