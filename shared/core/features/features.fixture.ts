import type { Bar, OpenTime } from '../../bar.ts';
import { createRng } from '../../rng.ts';
import type { Windows } from './windows.ts';

export const SMALL: Windows = {
  beta_window: 24,
  z_window: 12,
  vol_short: 5,
  vol_window: 9,
  vol_long: 21,
  atr_short: 4,
  atr_long: 17,
  stability_window: 8,
  half_life_window: 14,
  pnl_window: 7,
  activity_window: 10,
  volume_window: 13,
};

/** Those of config/minutehand.yaml. */
export const DEFAULT: Windows = {
  beta_window: 240,
  z_window: 120,
  vol_short: 15,
  vol_window: 60,
  vol_long: 240,
  atr_short: 14,
  atr_long: 240,
  stability_window: 60,
  half_life_window: 120,
  pnl_window: 60,
  activity_window: 60,
  volume_window: 240,
};

export interface MarketShape {
  /** Whether volumes are known. */
  readonly volume?: boolean;
  /** Whether quoted spreads are known. */
  readonly quoted?: boolean;
  /** Whether minutes are missing. */
  readonly gaps?: boolean;
  /** Bar before which two days are missing. */
  readonly weekendAt?: number;
}

/** A cointegrated random pair with gaps, flat bars, weekends and, on request, unknown volume or spread. */
export function randomPair(seed: string, bars: number, shape: MarketShape = {}): { a: Bar[]; b: Bar[] } {
  const rng = createRng(seed);
  const a: Bar[] = [];
  const b: Bar[] = [];
  let time = (1_546_300_800 + rng.integer(100_000) * 60) as OpenTime;
  let common = Math.log(1300);
  let own = 0;
  let closeA = 0;
  let closeB = 0;
  const bar = (symbol: string, previous: number, close: number): Bar => {
    const flat = rng.uniform() < 0.1;
    const open = previous || close;
    const noise = flat ? 0 : Math.abs(rng.normal()) * 1e-4 * close;
    return {
      symbol,
      time,
      open: flat ? close : open,
      high: flat ? close : Math.max(open, close) + noise,
      low: flat ? close : Math.min(open, close) - noise,
      close,
      volume: shape.volume === false ? 0 : 1 + rng.integer(500),
      ...(shape.quoted === false ? {} : { spread: close * 1e-4 * (1 + rng.uniform()) }),
    };
  };
  for (let i = 0; i < bars; i++) {
    const minutes =
      shape.weekendAt === i ? 2880 : shape.gaps !== false && rng.uniform() < 0.05 ? 1 + rng.integer(90) : 1;
    time = (time + minutes * 60) as OpenTime;
    common += rng.normal() * 3e-4;
    own = 0.95 * own + rng.normal() * 2e-4;
    const nextA = Math.exp(common + own);
    const nextB = Math.exp(0.7 * common + rng.normal() * 1e-4);
    a.push(bar('A', closeA, nextA));
    b.push(bar('B', closeB, nextB));
    closeA = nextA;
    closeB = nextB;
  }
  return { a, b };
}

/** A bar without range. */
export function flatBar(symbol: string, minute: number, price: number, more: Partial<Bar> = {}): Bar {
  return {
    symbol,
    time: (minute * 60) as OpenTime,
    open: price,
    high: price,
    low: price,
    close: price,
    volume: 5,
    ...more,
  };
}
