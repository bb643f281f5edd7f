import { signal } from '@preact/signals';
import { render } from 'preact';
import type { Signal } from '../api.ts';
import '../style.css';
import uPlot from 'uplot';
import { color } from '../theme.ts';
import { PriceChart } from './prices.tsx';
import { SeriesChart, type Mark } from './series.tsx';
import { wholeOf, zoomed, type Range } from './window.ts';

const PASSIVE = { timesAre: 'chart.closed' as const, cursor: null, onHover: () => undefined, onPick: () => undefined };

/**
 * Charts of a subject with many minutes, for measurement in a browser.
 * @param count minutes
 * @param hasPrices whether to include the price chart
 */
function show(count: number, hasPrices: boolean): (share: number, frames: number) => Promise<number[]> {
  const times = Array.from({ length: count }, (_, i) => 1_500_000_020 + 60 * i);
  let walk = 0;
  const values = times.map((_, i) => (walk += Math.sin(i * 12.9898) * 0.02 - walk * 0.001));
  const line = (shift: number) => values.map((value) => 0.5 + shift + value / 10);
  const range = signal<Range | null>(null);
  const chart = { ...PASSIVE, times, range, hasRightScale: hasPrices };
  const signals = !hasPrices
    ? []
    : values.map(
        (value): Signal => ({ price_a: 2000 + value, price_b: 23 + value / 50, action: 'HOLD', target: 0 }) as Signal,
      );
  const marks = signals.map((_, i): Mark => (i % 40 === 0 ? 'buy' : i % 40 === 10 ? 'exit' : null));
  const host = document.body.appendChild(document.createElement('div'));
  render(
    <div>
      {hasPrices && <PriceChart {...chart} symbols={['A', 'B']} signals={signals} marks={marks} />}
      <SeriesChart {...chart} label="z" height={150} series={[{ name: 'z', tone: 'accent', values }]} marks={marks} />
      <SeriesChart
        {...chart}
        label="scores"
        height={150}
        series={(['green', 'red', 'amber', 'muted'] as const).map((tone, i) => ({
          name: tone,
          tone,
          values: line(i / 10),
        }))}
      />
    </div>,
    host,
  );
  return async (share, frames) => {
    const whole = wholeOf(times);
    const span = (whole[1] - whole[0]) * share;
    const gaps: number[] = [];
    let last = 0;
    for (let frame = 0; frame < frames; frame++) {
      const now = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
      if (frame > 1) gaps.push(now - last);
      last = now;
      const begin = whole[0] + ((whole[1] - whole[0] - span) * frame) / frames;
      range.value = share === 1 ? zoomed(whole, whole, 1 - frame / frames / 50, whole[0]) : [begin, begin + span];
    }
    render(null, host);
    return gaps;
  };
}

/** Rows of pixels, from the top. */
interface Column {
  readonly top: number;
  readonly bottom: number;
}

/**
 * Draws prices with single-minute spikes, with many minutes in each pixel.
 * @returns by column of pixels, what is drawn, and the extremes of all minutes in it
 */
async function pricePixels(count: number): Promise<{ seen: (Column | null)[]; expected: (Column | null)[] }> {
  const times = Array.from({ length: count }, (_, i) => 1_500_000_000 + 60 * i);
  const prices = times.map(
    (_, i) => 2000 + 5 * Math.sin(i / 500) + Math.sin(i * 12.9898) + (i % 1777 === 0 ? (i % 2 === 0 ? 40 : -40) : 0),
  );
  const signals = prices.map((price): Signal => ({ price, action: 'HOLD', target: 0 }) as Signal);
  const host = document.body.appendChild(document.createElement('div'));
  const range = signal<Range | null>(null);
  render(<PriceChart {...PASSIVE} symbols={['A']} signals={signals} marks={[]} times={times} range={range} />, host);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const plot = uPlot.sync('subject').plots[0]!;
  const { canvas } = plot.ctx;
  const { data } = plot.ctx.getImageData(0, 0, canvas.width, canvas.height);
  const [red, green, blue] = rgbOf(color('accent'));
  const seen = Array.from({ length: canvas.width }, (_, x): Column | null => {
    let top = -1;
    let bottom = -1;
    for (let y = 0; y < canvas.height; y++) {
      const at = 4 * (y * canvas.width + x);
      const distance = Math.abs(data[at]! - red) + Math.abs(data[at + 1]! - green) + Math.abs(data[at + 2]! - blue);
      if (distance < 60) {
        top = top < 0 ? y : top;
        bottom = y;
      }
    }
    return top < 0 ? null : { top, bottom };
  });
  const expected: (Column | null)[] = seen.map(() => null);
  for (const [i, price] of prices.entries()) {
    const x = Math.floor(plot.valToPos(times[i]!, 'x', true));
    const y = plot.valToPos(price, 'y', true);
    const known = expected[x] ?? { top: y, bottom: y };
    expected[x] = { top: Math.min(known.top, y), bottom: Math.max(known.bottom, y) };
  }
  render(null, host);
  return { seen, expected };
}

function rgbOf(text: string): readonly [number, number, number] {
  const ctx = document.createElement('canvas').getContext('2d')!;
  ctx.fillStyle = text;
  ctx.fillRect(0, 0, 1, 1);
  const [red, green, blue] = ctx.getImageData(0, 0, 1, 1).data;
  return [red!, green!, blue!];
}

Object.assign(globalThis, { show, pricePixels });
