import { exp } from '../elementary.ts';

const MINUTES_PER_DAY = 1440;

/** Volatility of each minute of the UTC day as a multiple of the day's root mean square. */
export const ACTIVITY: Readonly<Record<'currencies' | 'exchange', Float64Array>> = {
  // Tokyo, London's morning, New York's morning while London is still there, London's fixing.
  currencies: normalized(0.42, [
    [60, 80, 0.22],
    [490, 90, 0.55],
    [820, 110, 0.85],
    [960, 40, 0.25],
  ]),
  // Metals, indices and oil: activity rises with Europe and peaks at the New York open and close.
  exchange: normalized(0.4, [
    [480, 80, 0.35],
    [820, 60, 0.9],
    [890, 140, 0.7],
    [1195, 40, 0.4],
  ]),
};

/** A bell round `center` on the circle of the day; `width` is its standard deviation, all in minutes. */
function bump(minute: number, center: number, width: number): number {
  const apart = Math.abs(minute - center);
  const distance = Math.min(apart, MINUTES_PER_DAY - apart) / width;
  return exp(-0.5 * distance * distance);
}

function normalized(
  floor: number,
  bumps: readonly (readonly [center: number, width: number, height: number])[],
): Float64Array {
  const day = new Float64Array(MINUTES_PER_DAY);
  let squares = 0;
  for (let minute = 0; minute < MINUTES_PER_DAY; minute++) {
    let value = floor;
    for (const [center, width, height] of bumps) value += height * bump(minute, center, width);
    day[minute] = value;
    squares += value * value;
  }
  const rms = Math.sqrt(squares / MINUTES_PER_DAY);
  return day.map((value) => value / rms);
}
