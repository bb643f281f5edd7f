import type { OpenTime } from '../shared/bar.ts';
import { INSTRUMENT_WINDOWS } from '../shared/core/features/instrument/definitions.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import { barSecondsOf, isInstrument, parseSubject, symbolsOf, type Pair } from '../shared/pair.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { Rng } from '../shared/ports.ts';
import { createRng } from '../shared/rng.ts';
import type { History } from './feed.ts';
import type { SeriesWeather } from './series_source.ts';

/** One world in this many also has other timeframes, instruments and auxiliary series. */
const SHARE = 5;
const MINUTE_MS = 60_000;
const SECONDS_PER_MINUTE = 60;
/** Bars of history beyond the warm-up, since some are suspect. */
const SPARE_BARS = 12;
const HISTORY_MINUTES = 90;
const ONE_MINUTE_PAIRS = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD', 'EURUSD_USDCHF'] as const;

/** Subjects of a world other than one-minute pairs, and the faults that concern them. */
export interface Variety {
  readonly pairs: readonly string[];
  readonly instruments: readonly string[];
  /** Minutes from the start to the first full hour. */
  readonly minutesToHour: number;
  readonly series: SeriesWeather;
  /** Training runs of direction models per hour, and damage to their files. */
  readonly directionRuns: number;
  readonly directionDamage: number;
  /** Probability that a direction model fails some time after it was loaded. */
  readonly failingDirections: number;
  /** Probability that a direction model is slow from some time after it was loaded. */
  readonly slowDirections: number;
  /** Changes of the shadows of direction models per hour. */
  readonly directionShadows: number;
  /** Whether instruments have rules; how often per hour they, their shadows and rollouts change, or are damaged. */
  readonly hasRules: boolean;
  readonly ruleChanges: number;
  readonly ruleShadows: number;
  readonly ruleRollouts: number;
  readonly ruleDamage: number;
  /** Share of the bars that have their taker volume and number of trades, 0…1. */
  readonly taker: number;
}

/** Whether a seed's world has more than one-minute pairs. */
export function isVaried(seed: number): boolean {
  return isChosen(streamOf(seed));
}

const streamOf = (seed: number): Rng => createRng(`variety ${seed}`);

const isChosen = (rng: Rng): boolean => rng.integer(SHARE) === 1;

/** @returns null for a world of one-minute pairs only */
export function drawVariety(seed: number, stormMs: number): Variety | null {
  const rng = streamOf(seed);
  if (!isChosen(rng)) return null;
  const pick = <T>(choices: readonly T[]): T => choices[rng.integer(choices.length)]!;
  const maybe = (low: number, high: number): number => {
    const isOn = rng.integer(3) === 0;
    const value = low * (high / low) ** rng.uniform();
    return isOn ? value : 0;
  };
  const pairs = [pick(ONE_MINUTE_PAIRS), pick(['EURUSD_GBPUSD@5m', 'XAUUSD_XAGUSD@15m', 'EURUSD_USDCHF@1h'])];
  const instruments = pick([
    ['EURUSD'],
    ['XAUUSD@5m'],
    ['GBPUSD@1h'],
    ['EURUSD', 'EURUSD@1h'],
    ['XAUUSD', 'GBPUSD@5m'],
  ]);
  return {
    pairs,
    instruments,
    minutesToHour: 2 + rng.integer(Math.ceil(stormMs / MINUTE_MS) + 6),
    series: drawSeriesWeather(rng, maybe),
    directionRuns: maybe(2, 20),
    directionDamage: maybe(1, 8),
    failingDirections: maybe(0.1, 0.6),
    taker: pick([0, 0, 1, 0.99]),
    slowDirections: maybe(0.1, 0.6),
    directionShadows: maybe(4, 40),
    ...drawRules(rng, maybe),
  };
}

function drawRules(
  rng: Rng,
  maybe: (low: number, high: number) => number,
): Pick<Variety, 'hasRules' | 'ruleChanges' | 'ruleShadows' | 'ruleRollouts' | 'ruleDamage'> {
  const hasRules = rng.integer(2) === 0;
  const rates = {
    ruleChanges: maybe(4, 40),
    ruleShadows: maybe(4, 40),
    ruleRollouts: maybe(8, 60),
    ruleDamage: maybe(1, 8),
  };
  if (hasRules) return { hasRules, ...rates };
  return { hasRules, ruleChanges: 0, ruleShadows: 0, ruleRollouts: 0, ruleDamage: 0 };
}

function drawSeriesWeather(rng: Rng, maybe: (low: number, high: number) => number): SeriesWeather {
  return {
    everyMs: 6000 * 8 ** rng.uniform(),
    late: maybe(0.05, 0.4),
    revised: maybe(0.05, 0.4),
    doubled: maybe(0.05, 0.3),
    malformed: maybe(0.05, 0.3),
    lost: maybe(0.02, 0.2),
    outages: maybe(2, 12),
  };
}

/** The settings of a world with this variety. */
export function variedSettings(settings: Settings, variety: Variety | null): Settings {
  if (variety === null) return settings;
  const { pairs, instruments } = variety;
  return { ...settings, minutehand: { ...settings.minutehand, pairs: [...pairs], instruments: [...instruments] } };
}

/** Pairs first, then instruments. */
export function subjectsOf({ minutehand: { pairs, instruments } }: Settings): Pair[] {
  return [...pairs, ...instruments].map(parseSubject);
}

/**
 * History before the first live minute: enough bars to warm up each subject. A longer bar has only its last minute, so
 * that an hourly subject does not need ten thousand minutes.
 */
export function historyOf(settings: Settings, firstLive: number): History {
  const subjects = subjectsOf(settings);
  const symbolsAt = new Map<OpenTime, Set<string>>();
  const add = (symbols: readonly string[], barSeconds: number, bars: number): void => {
    const last = Math.floor(firstLive / barSeconds) * barSeconds - SECONDS_PER_MINUTE;
    for (let i = 0; i < bars; i++) {
      const time = (last - i * barSeconds) as OpenTime;
      symbolsAt.set(time, new Set([...(symbolsAt.get(time) ?? []), ...symbols]));
    }
  };
  add(symbolsOf(subjects), SECONDS_PER_MINUTE, HISTORY_MINUTES);
  for (const subject of subjects) {
    const barSeconds = barSecondsOf(subject);
    const legs = [subject.a, subject.b];
    if (isInstrument(subject)) add(legs, barSeconds, INSTRUMENT_WINDOWS.long_window + 1 + SPARE_BARS);
    else if (barSeconds > SECONDS_PER_MINUTE)
      add(legs, barSeconds, warmupBars(settings.minutehand.windows) + SPARE_BARS);
  }
  return new Map([...symbolsAt].sort(([x], [y]) => x - y));
}

/** One-line description. */
export function describeVariety(variety: Variety | null): string {
  if (variety === null) return '';
  const { pairs, instruments, series, hasRules, ...rest } = variety;
  const numbers = Object.entries({ ...rest, ...series })
    .filter(([, value]) => typeof value === 'number' && value > 0)
    .map(([name, value]) => `${name} ${Number((value as number).toPrecision(2))}`);
  const rules = hasRules ? '; rules' : '';
  return `; subjects ${[...pairs, ...instruments].join(', ')}${rules}; ${numbers.join(', ')}`;
}
