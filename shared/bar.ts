/** Epoch seconds of a bar's OPEN in UTC, always a whole minute. */
export type OpenTime = number & { readonly __unit: 'bar open, epoch seconds' };
/** Wall-clock or simulated time in epoch milliseconds. */
export type EpochMs = number & { readonly __unit: 'epoch milliseconds' };

/** 2100-01-01 in epoch seconds. A time at or after it is a mistake of unit (milliseconds) or of format. */
export const LATEST_TIME_S = 4_102_444_800;

export const SECONDS_PER_BAR = 60;

/**
 * One minute of one symbol. Prices are > 0; volume 0 means unknown; spread is in price units when the source has it.
 * The part of the volume that takers bought, and the number of trades, are absent where they are unknown.
 */
export interface Bar {
  readonly symbol: string;
  readonly time: OpenTime;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly spread?: number;
  readonly takerBuyVolume?: number;
  readonly trades?: number;
}

/** Whether high and low enclose open and close; false where one is NaN. */
export function encloses(open: number, high: number, low: number, close: number): boolean {
  return low <= open && low <= close && high >= open && high >= close;
}

/** `2025-10-14T12:35Z`, of epoch seconds. */
export function isoMinute(time: number): string {
  return `${new Date(time * 1000).toISOString().slice(0, 16)}Z`;
}

/** `2025-10-14 12:35`, of an ISO time in UTC: as it is shown to people. */
export function shownMinute(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ');
}

/** `2025-10-14T12:35:00Z`: the close of the bar that opened at `time`. */
export function closeTimestamp(time: OpenTime): string {
  // All pairs of a batch need the same minute, and a Date costs as much as the rest of a signal's text.
  if (time !== lastTime) {
    lastTimestamp = new Date((time + SECONDS_PER_BAR) * 1000).toISOString().slice(0, 19) + 'Z';
    lastTime = time;
  }
  return lastTimestamp;
}

let lastTime = NaN;
let lastTimestamp = '';
