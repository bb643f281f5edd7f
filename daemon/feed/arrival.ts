import type { Logger } from 'pino';
import { SECONDS_PER_BAR, type EpochMs, type OpenTime } from '../../shared/bar.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { Degradation } from '../queue/degradations.ts';

/** The degradation while live bars arrive too late for any signal to be valid. */
export const LATE_BARS = 'late_bars';
/**
 * So many minutes of a symbol in a row, none of them closer to its arrival than the first: a feeder that catches up
 * gets closer.
 */
const STEADY_MINUTES = 3;
/** Maximum lead of a minute over the first one, in bars: a feeder does not take equally long each time. */
const TOLERANCE_BARS = 0.5;
const MS_PER_BAR = SECONDS_PER_BAR * 1000;
const MS_PER_MINUTE = 60_000;
const MS_PER_HALF_HOUR = 30 * MS_PER_MINUTE;
/** UTC-12 is the westernmost zone. Bars of zones east of UTC are from the future, and refused. */
const MAX_HALF_HOURS = 24;
/** A distance within this of whole half hours is a time zone plus part of a bar. */
const ZONE_TOLERANCE_MS = 5 * MS_PER_MINUTE;
const NAMED_SYMBOLS = 5;

/** Entry of `/healthz` while live bars arrive too late. */
export interface LateBars {
  readonly symbols: readonly string[];
  /** From the close of a bar until its arrival; of the symbol with the shortest. */
  readonly late_seconds: number;
  /** The time zone whose local times, sent as UTC, are late by so much, such as `UTC-5`; null when none is. */
  readonly time_zone: string | null;
  readonly code: string;
  readonly message: string;
  readonly next: string;
}

export interface ArrivalOptions {
  /** A minute that arrives later than this after its close gives a signal that is expired at its publication. */
  readonly limitMs: number;
  /** Symbols of this daemon. */
  readonly symbols: number;
  /** Begins and ends the degradation `LATE_BARS`. */
  degraded(what: Degradation): void;
  recovered(what: Degradation): void;
  readonly log: Pick<Logger, 'error' | 'info'>;
  print(line: string): void;
}

export interface ArrivalWatch {
  /** A live minute of a symbol has arrived. One comparison while bars come in time. */
  note(symbol: string, time: OpenTime, nowMs: EpochMs): void;
  /** Begins or ends the degradation, with its lines; to be called off the hot path. */
  report(): void;
  readonly late: LateBars | null;
}

/** Late minutes of a symbol, since they last came closer. */
interface Run {
  newest: OpenTime;
  /** Distance of the first of them, and of the newest. */
  readonly firstMs: number;
  newestMs: number;
  minutes: number;
  /** Until a minute arrives in time. */
  isSteady: boolean;
}

/**
 * Watches how long after their close live minutes arrive. A feeder whose clock is not UTC sends bars that are hours
 * old, one a minute: every signal on them is expired at publication. What catches up after an interruption is late as
 * well, but comes closer with each minute.
 */
export function watchArrivals(options: ArrivalOptions): ArrivalWatch {
  const { limitMs, log, print } = options;
  const runs = new Map<string, Run>();
  let late: LateBars | null = null;

  function noteLate(symbol: string, time: OpenTime, lateMs: number): void {
    const run = runs.get(symbol);
    if (run === undefined || lateMs < run.firstMs - TOLERANCE_BARS * MS_PER_BAR) {
      const isSteady = run?.isSteady ?? false;
      runs.set(symbol, { newest: time, firstMs: lateMs, newestMs: lateMs, minutes: 1, isSteady });
    } else if (time > run.newest) {
      run.newest = time;
      run.newestMs = lateMs;
      run.minutes++;
      run.isSteady ||= run.minutes >= STEADY_MINUTES;
    }
  }

  return {
    note(symbol, time, nowMs) {
      const lateMs = nowMs - time * 1000 - MS_PER_BAR;
      if (lateMs > limitMs) noteLate(symbol, time, lateMs);
      else if (runs.size > 0) runs.delete(symbol);
    },
    report() {
      if (runs.size === 0 && late === null) return;
      const steady = [...runs].filter(([, { isSteady }]) => isSteady);
      const before = late;
      late = steady.length === 0 ? null : describe(steady, options.symbols);
      if (late !== null && before === null) {
        options.degraded(LATE_BARS);
        log.error({ code: late.code, symbols: late.symbols, late_seconds: late.late_seconds }, late.message);
        print(`${late.code}: ${late.message} ${late.next}`);
      } else if (late === null && before !== null) {
        options.recovered(LATE_BARS);
        log.info('bars arrive on time');
        print('Bars arrive on time again.');
      }
    },
    get late() {
      return late;
    },
  };
}

function describe(steady: readonly (readonly [string, Run])[], configured: number): LateBars {
  const symbols = steady.map(([symbol]) => symbol).sort();
  const lateMs = Math.min(...steady.map(([, { newestMs }]) => newestMs));
  const zone = zoneOf(lateMs);
  const named = symbols.slice(0, NAMED_SYMBOLS).join(', ');
  const others = symbols.length > NAMED_SYMBOLS ? ` and ${symbols.length - NAMED_SYMBOLS} others` : '';
  const which = symbols.length === configured ? 'bars' : `bars of ${named}${others}`;
  const fits = zone === null ? '' : `, ${zone} would fit`;
  const { code, message, next } = new MinutehandError('BARS_LATE', {
    seen: `${which} arrive ${durationText(zone === null ? lateMs : wholeHalfHours(lateMs))} after their close: check the time zone${fits}`,
  });
  return { symbols, late_seconds: lateMs / 1000, time_zone: zone, code, message, next };
}

function wholeHalfHours(ms: number): number {
  return Math.round(ms / MS_PER_HALF_HOUR) * MS_PER_HALF_HOUR;
}

/** `UTC-5`, `UTC-3:30`: the zone whose local time is `lateMs` behind UTC; null when there is none. */
function zoneOf(lateMs: number): string | null {
  const whole = wholeHalfHours(lateMs);
  const halfHours = whole / MS_PER_HALF_HOUR;
  if (halfHours < 1 || halfHours > MAX_HALF_HOURS || Math.abs(lateMs - whole) > ZONE_TOLERANCE_MS) return null;
  return `UTC-${Math.floor(halfHours / 2)}${halfHours % 2 === 1 ? ':30' : ''}`;
}

/** `4 min`, `5 h`, `3 h 30 min`, `3 days`. */
function durationText(ms: number): string {
  const minutes = Math.round(ms / MS_PER_MINUTE);
  const hours = Math.floor(minutes / 60);
  if (hours === 0) return `${minutes} min`;
  if (hours >= 48) return `${Math.round(hours / 24)} days`;
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}
