import { signal } from '@preact/signals';
import { render } from 'preact';
import type { Signal } from '../api.ts';
import '../style.css';
import { PriceChart } from './prices.tsx';
import { SeriesChart, wholeOf } from './series.tsx';
import { zoomed, type Range } from './window.ts';

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
  const chart = { times, range, cursor: null, onHover: () => undefined, onPick: () => undefined };
  const signals = !hasPrices
    ? []
    : values.map(
        (value): Signal => ({ price_a: 2000 + value, price_b: 23 + value / 50, action: 'HOLD', target: 0 }) as Signal,
      );
  const host = document.body.appendChild(document.createElement('div'));
  render(
    <div>
      {hasPrices && <PriceChart {...chart} symbols={['A', 'B']} signals={signals} />}
      <SeriesChart {...chart} label="z" height={150} series={[{ name: 'z', tone: 'accent', values }]} />
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

Object.assign(globalThis, { show });
