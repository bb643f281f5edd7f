import { isOpenMinute } from './trading_week.ts';

/** Bars are counted in slots of a quarter of an hour. */
export const SLOT_S = 900;
const SLOTS_PER_WEEK = (7 * 86_400) / SLOT_S;
/** So many weeks back. */
export const CALENDAR_WEEKS = 8;
/** Within an hour of a closing or an opening nothing is expected: daylight saving moves both by an hour. */
const MARGIN_SLOTS = 4;
const MS_PER_DAY = 86_400_000;
const CURRENCY_PAIR = /^[A-Z]{6}$/;
const METAL = /^X[A-Z]{5}$/;

/** For each symbol the slots (epoch seconds divided by SLOT_S, rounded down) in which it had a bar. */
export type BarSlots = ReadonlyMap<string, ReadonlySet<number>>;

/**
 * Times at which bars of a symbol are expected: at times of the week at which at least half of the last weeks had bars.
 * Of a symbol without bars: Sunday 22:00 to Friday 22:00 UTC. Never on December 25, January 1, and, except for
 * currencies, Good Friday.
 */
export class SessionCalendar {
  readonly #slots: BarSlots;

  constructor(slots: BarSlots) {
    this.#slots = slots;
  }

  /** @param time epoch seconds */
  isOpen(symbol: string, time: number): boolean {
    if (isHoliday(symbol, time)) return false;
    const own = this.#slots.get(symbol);
    const now = Math.floor(time / SLOT_S);
    const weeks = own === undefined ? [] : coveredWeeks(own, now);
    for (let slot = now - MARGIN_SLOTS; slot <= now + MARGIN_SLOTS; slot++) {
      const isUsual =
        weeks.length === 0
          ? isOpenMinute(slot * SLOT_S)
          : 2 * weeks.filter((week) => own!.has(slot - week * SLOTS_PER_WEEK)).length >= weeks.length;
      if (!isUsual) return false;
    }
    return true;
  }
}

/** Weeks back, 1 to CALENDAR_WEEKS, in which the symbol had any bar, and which do not precede its first one. */
function coveredWeeks(own: ReadonlySet<number>, now: number): number[] {
  const covered = new Set<number>();
  let first = Infinity;
  for (const slot of own) {
    first = Math.min(first, slot);
    const week = Math.round((now - slot) / SLOTS_PER_WEEK);
    if (week >= 1 && week <= CALENDAR_WEEKS) covered.add(week);
  }
  return [...covered].filter((week) => now - week * SLOTS_PER_WEEK - MARGIN_SLOTS >= first);
}

function isHoliday(symbol: string, time: number): boolean {
  const date = new Date(time * 1000);
  const day = date.toISOString().slice(5, 10);
  if (day === '12-25' || day === '01-01') return true;
  const isCurrency = CURRENCY_PAIR.test(symbol) && !METAL.test(symbol) && !/^(?:SPX|NSX|BCO)/.test(symbol);
  return !isCurrency && day === goodFriday(date.getUTCFullYear());
}

/** `MM-DD`. Source: the Gregorian algorithm of Meeus, Jones and Butcher. */
export function goodFriday(year: number): string {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const d = Math.floor(b / 4);
  const g = Math.floor((8 * b + 13) / 25);
  const h = (19 * a + b - d - g + 15) % 30;
  const l = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - h - (c % 4)) % 7;
  const m = Math.floor((a + 11 * h + 22 * l) / 451);
  const month = Math.floor((h + l - 7 * m + 114) / 31);
  const dayOfMonth = ((h + l - 7 * m + 114) % 31) + 1;
  return new Date(Date.UTC(year, month - 1, dayOfMonth) - 2 * MS_PER_DAY).toISOString().slice(5, 10);
}
