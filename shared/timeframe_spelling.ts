import { TIMEFRAME_NAMES, TIMEFRAMES, type Timeframe } from './pair.ts';

const SECONDS_PER_UNIT: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400 };
/** `60m`, `1H`, `15min`, `4 hours`; a capital M behind a number is a month, as exchanges write it. */
const COUNT_FIRST = /^(\d{1,4}) ?(m|h|d|min|mins|minutes?|hr?s?|hours?|days?)$/;
/** `M15`, `H1`, `D1`, as MetaTrader writes it. */
const UNIT_FIRST = /^([MHD])(\d{1,4})$/;

/** The timeframe that a text means in any common spelling; null: none of ours. */
export function spelledTimeframe(text: string): Timeframe | null {
  const given = text.trim();
  const [, letter, countBehind] = UNIT_FIRST.exec(given) ?? [];
  const [, countBefore, unit] = COUNT_FIRST.exec(/^\d+ ?M$/.test(given) ? '' : given.toLowerCase()) ?? [];
  const count = Number(countBehind ?? countBefore);
  const seconds = count * (SECONDS_PER_UNIT[(letter ?? unit ?? '').charAt(0).toLowerCase()] ?? NaN);
  return TIMEFRAME_NAMES.find((name) => TIMEFRAMES[name] === seconds) ?? null;
}
