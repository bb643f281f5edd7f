import { encloses, LATEST_TIME_S, SECONDS_PER_BAR } from './bar.ts';
import type { ErrorCode } from './errors.ts';

/*
 * The rules that a bar must keep, whichever way it comes in: HTTP, WebSocket, Redis, a file, a collector, a bar file.
 * Each of them names a fault by its code; what was seen and the place are added by the reader.
 */

/**
 * No market quotes outside these prices: the smallest tokens are near 1e-9, Bitcoin in Iranian rials near 1e11. A
 * number beyond them is a damaged or a foreign one, and its logarithms would spoil every feature.
 */
export const LOWEST_PRICE = 1e-12;
export const HIGHEST_PRICE = 1e12;
/** Units traded in one bar. */
export const HIGHEST_VOLUME = 1e18;

export type BarFault = Extract<
  ErrorCode,
  | 'BAR_MALFORMED'
  | 'BAR_NOT_FINITE'
  | 'BAR_NOT_POSITIVE'
  | 'BAR_PRICE_RANGE'
  | 'BAR_RANGE'
  | 'BAR_OFF_MINUTE'
  | 'BAR_TIME_RANGE'
  | 'BAR_DST_GAP'
  | 'BAR_FUTURE'
>;

export interface BarNumbers {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  /** NaN or absent where it is unknown. */
  readonly spread?: number;
}

/** The fault of one price; null without one. */
export function priceFault(value: number): BarFault | null {
  if (!Number.isFinite(value)) return 'BAR_NOT_FINITE';
  if (value <= 0) return 'BAR_NOT_POSITIVE';
  return value < LOWEST_PRICE || value > HIGHEST_PRICE ? 'BAR_PRICE_RANGE' : null;
}

/** The fault of a volume, a spread or a number of trades; null without one. */
export function amountFault(value: number): BarFault | null {
  if (!Number.isFinite(value)) return 'BAR_NOT_FINITE';
  if (value < 0) return 'BAR_NOT_POSITIVE';
  return value > HIGHEST_VOLUME ? 'BAR_PRICE_RANGE' : null;
}

/** The first fault of a bar's numbers, the times aside; null without one. */
export function numbersFault({ open, high, low, close, volume, spread = NaN }: BarNumbers): BarFault | null {
  const ofAll =
    priceFault(open) ?? priceFault(high) ?? priceFault(low) ?? priceFault(close) ?? amountFault(volume) ?? null;
  if (ofAll !== null) return ofAll;
  if (!Number.isNaN(spread) && amountFault(spread) !== null) return amountFault(spread);
  return encloses(open, high, low, close) ? null : 'BAR_RANGE';
}

/** The fault of a bar's open, in epoch seconds UTC; null without one. */
export function stampFault(openS: number): BarFault | null {
  if (!Number.isFinite(openS)) return 'BAR_MALFORMED';
  if (!(openS >= 0 && openS < LATEST_TIME_S)) return 'BAR_TIME_RANGE';
  return openS % SECONDS_PER_BAR === 0 ? null : 'BAR_OFF_MINUTE';
}

/**
 * The newest open, in epoch ms, of a bar that can have closed at `nowMs`, allowing for a source whose clock is `skewMs`
 * ahead. A later bar is still forming, or of the future: BAR_FUTURE.
 */
export function latestClosedOpenMs(nowMs: number, skewMs: number, barSeconds = SECONDS_PER_BAR): number {
  return nowMs + skewMs - barSeconds * 1000;
}
