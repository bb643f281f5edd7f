import { otherSymbolsOf } from '../../../shared/bar_file/other_bars.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { journaledOtherBars } from '../../../shared/store/journaled_others.ts';
import { firstMinuteOfBars, journaledLegs } from '../../../shared/store/warm_bars.ts';
import { isoMinute, SECONDS_PER_BAR, type Bar, type OpenTime } from '../../../shared/bar.ts';
import { columnsOf } from '../../../shared/bar_file/bar_file.ts';
import { warmupBars } from '../../../shared/core/features/features.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import { FLAT, type Position } from '../../../shared/core/position/position.ts';
import { otherBarTime } from '../../../shared/core/formula/other_values.ts';
import { barOpen, lastMinuteOf } from '../../../shared/core/resample/bar_resampler.ts';
import { barSecondsOf, parsePair, symbolsOf, type Pair } from '../../../shared/pair.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';
import type { InputRow, JournalFile } from '../../../shared/store/journal.ts';
import { buildPairHistory } from '../../learning/history/pair_history.ts';
import { KnownSeries } from '../../jobs/bars/known_series.ts';
import type { LiveDecision, PairDay } from './decisions.ts';

/** A decision is filled at the next bar, which a weekend or a holiday may keep away. */
const NEXT_BAR_SECONDS = 4 * 86_400;

export interface DayPeriod {
  readonly from: OpenTime;
  readonly to: OpenTime;
}

/** The day as the journal has it. */
export interface JournalDay {
  readonly pairs: readonly PairDay[];
  /** Heartbeats included. */
  readonly signals: number;
  /** Those of subjects other than the pairs, by subject. */
  readonly instruments: Readonly<Record<string, number>>;
  readonly versions: readonly string[];
  readonly policyHashes: readonly string[];
  readonly late: LateOfDay;
}

/** What came late. Only entries above 0. */
export interface LateOfDay {
  /** Minutes that ended without the bar of a leg, by pair. */
  readonly legs: Readonly<Record<string, readonly string[]>>;
  /** Bars that came as backfill, by symbol. */
  readonly backfilled: Readonly<Record<string, number>>;
  /** Signals of a live market that were expired when they were made, by pair. */
  readonly signals: Readonly<Record<string, { readonly signals: number; readonly worst_seconds: number }>>;
}

/**
 * Reads bars, signals and positions of a day whose signals have not been pruned. A day that is not over ends with the
 * last signal of each pair. To be called within a snapshot of the journal.
 * @param windows of the hand-written features
 * @param formulasOf windows of a version whose bundle has formulas; null = it has none
 */
export function readJournalDay(
  journal: JournalFile,
  pairIds: readonly string[],
  windows: Windows,
  period: DayPeriod,
  formulasOf: (version: string) => Windows | null = () => null,
): JournalDay {
  const last = new Map(journal.lastSignals().map(({ pairId, time }) => [pairId, time + SECONDS_PER_BAR]));
  const pairs = pairIds.map(parsePair);
  const { positions, decisions, signals, instruments } = readSignals(journal, new Set(pairIds), period);
  const bodies = [...decisions.values()].flat().map(({ body }) => body);
  const versions = [...new Set(bodies.map(({ model_version }) => model_version))].filter((version) => version !== '');
  const withFormulas = versions.flatMap((version) => {
    const own = formulasOf(version);
    return own === null ? [] : [{ version, windows: own }];
  });
  const warmup = Math.max(warmupBars(windows), ...withFormulas.map((own) => warmupBars(own.windows)));
  const starts = pairs.map((pair) => firstMinuteOfBars(journal, pair, warmup, period.from) ?? period.from);
  const from = Math.min(...starts) as OpenTime;
  const end = (period.to + NEXT_BAR_SECONDS) as OpenTime;
  const inputs = readInputs(journal, from, end, period);
  const bars = new Map(symbolsOf(pairs).map((symbol) => [symbol, [...journal.bars(symbol, from, end)]]));
  const series = new KnownSeries();
  series.addJournal(journal, from, end);
  const asked = (own: Windows, pair: Pair): AskedHistory => ({
    series,
    windows: own,
    period,
    others: journaledOtherBars(
      // A bar whose last minute is missing ends with a later one.
      journal.inputsFrom(before(pair, from), { until: lastBefore(end), between: true }),
      pair,
      otherSymbolsOf(own),
    ),
  });
  const historyBy = (pair: Pair, own: Windows): PairDay['history'] =>
    pair.barSeconds === undefined
      ? historyOf(pair, bars, inputs, asked(own, pair))
      : resampledHistory(inputsUntil(journal, from, end), pair, asked(own, pair));
  return {
    signals,
    instruments,
    versions,
    late: {
      legs: textsOf(inputs.timeouts),
      backfilled: Object.fromEntries([...inputs.backfilled].map(([symbol, times]) => [symbol, times.size])),
      signals: Object.fromEntries(
        journal
          .lateSignals(period.from, period.to, 1000 * SECONDS_PER_BAR)
          .map(({ pairId, signals: count, worstMs }) => [pairId, { signals: count, worst_seconds: worstMs / 1000 }]),
      ),
    },
    policyHashes: [...new Set(bodies.map(({ policy_hash }) => policy_hash))],
    pairs: pairs.map((pair) => ({
      from: period.from,
      to: Math.min(period.to, last.get(pair.id) ?? period.from) as OpenTime,
      ...historiesOf(pair, windows, withFormulas, historyBy),
      live: decisions.get(pair.id) ?? [],
      position: positions.get(pair.id) ?? FLAT,
      backfilled: bothBackfilled(inputs.backfilled, pair),
    })),
  };
}

/** The history with the hand-written features, and that with the features of each version that has formulas. */
function historiesOf(
  pair: Pair,
  windows: Windows,
  versions: readonly { readonly version: string; readonly windows: Windows }[],
  historyBy: (pair: Pair, windows: Windows) => PairDay['history'],
): Pick<PairDay, 'history' | 'ofVersion'> {
  const history = historyBy(pair, windows);
  const own = versions.map((one) => [one.version, withFeaturesOf(history, historyBy(pair, one.windows))] as const);
  return { history, ofVersion: new Map(own) };
}

/** The same bars with the features of another history, which may begin later. */
function withFeaturesOf(history: PairDay['history'], other: PairDay['history']): PairDay['history'] {
  const row = new Int32Array(history.length).fill(-1);
  let t = 0;
  for (let i = 0; i < other.length; i++) {
    while (history.time[t]! < other.time[i]!) t++;
    row[t] = other.row[i]!;
  }
  return { ...history, row, features: other.features, rows: other.rows };
}

/** A minute of which one leg came live is decided on. */
function bothBackfilled(backfilled: MarkedMinutes['backfilled'], { a, b }: Pair): ReadonlySet<number> {
  const [ofA, ofB] = [a, b].map((symbol) => backfilled.get(symbol));
  return new Set([...(ofA ?? [])].filter((time) => ofB?.has(time) === true));
}

interface DaySignals {
  /** By pair, before the day. */
  readonly positions: ReadonlyMap<string, Position>;
  readonly decisions: ReadonlyMap<string, readonly LiveDecision[]>;
  readonly signals: number;
  readonly instruments: Readonly<Record<string, number>>;
}

/** Signals of instruments are counted, and compared by the replay alone. */
function readSignals(journal: JournalFile, pairIds: ReadonlySet<string>, { from, to }: DayPeriod): DaySignals {
  const before = journal.stateBefore(from)?.last;
  const positions = new Map(before?.map(({ pairId, position }) => [pairId, parsePosition(position)]));
  const decisions = new Map<string, LiveDecision[]>();
  const instruments: Record<string, number> = {};
  let signals = 0;
  for (const { pairId, time, body, position } of journal.signalsBetween(from, to)) {
    signals++;
    if (!pairIds.has(pairId)) {
      instruments[pairId] = (instruments[pairId] ?? 0) + 1;
      continue;
    }
    const own = decisions.get(pairId) ?? [];
    // What follows the first signal of a minute are heartbeats.
    if (own.at(-1)?.time === time) continue;
    own.push({ time, body: JSON.parse(`${body}}`) as SignalBody, position: parsePosition(position) });
    decisions.set(pairId, own);
  }
  return { positions, decisions, signals, instruments };
}

function parsePosition(text: string): Position {
  return JSON.parse(text) as Position;
}

/** Minutes, epoch seconds of their opens, by pair or symbol. */
interface MarkedMinutes {
  readonly dropped: ReadonlyMap<string, ReadonlySet<number>>;
  readonly backfilled: ReadonlyMap<string, ReadonlySet<number>>;
  /** Of the day. */
  readonly timeouts: ReadonlyMap<string, ReadonlySet<number>>;
}

function textsOf(marks: ReadonlyMap<string, ReadonlySet<number>>): Record<string, string[]> {
  return Object.fromEntries([...marks].map(([subject, times]) => [subject, [...times].map(isoMinute)]));
}

/** @param end the minutes before it are read */
function inputsUntil(journal: JournalFile, from: OpenTime, end: OpenTime): IterableIterator<InputRow> {
  return journal.inputsFrom(from, { until: lastBefore(end) });
}

/** Of the bar before the one of a pair that begins at this minute, or later. */
function before(pair: Pair, from: OpenTime): OpenTime {
  const seconds = barSecondsOf(pair);
  return barOpen(otherBarTime(lastMinuteOf(from, seconds), seconds), seconds);
}

function lastBefore(end: OpenTime): OpenTime {
  return (end - SECONDS_PER_BAR) as OpenTime;
}

function readInputs(journal: JournalFile, from: OpenTime, end: OpenTime, period: DayPeriod): MarkedMinutes {
  const dropped = new Map<string, Set<number>>();
  const backfilled = new Map<string, Set<number>>();
  const timeouts = new Map<string, Set<number>>();
  const mark = (marks: Map<string, Set<number>>, { subject, time }: InputRow): void => {
    if (!marks.has(subject)) marks.set(subject, new Set());
    marks.get(subject)!.add(time);
  };
  for (const row of inputsUntil(journal, from, end)) {
    const isOfDay = row.time >= period.from && row.time < period.to;
    if (row.kind === 'timeout' && isOfDay) mark(timeouts, row);
    if (row.kind === 'timeout' || row.kind === 'suspect') mark(dropped, row);
    else if (row.backfill && isOfDay) mark(backfilled, row);
  }
  return { dropped, backfilled, timeouts };
}

/** Which features of which day, from what was known. */
interface AskedHistory {
  readonly series: KnownSeries;
  readonly windows: Windows;
  readonly period: DayPeriod;
  /** Bars of other symbols that formulas read. */
  readonly others: ReadonlyMap<string, readonly Bar[]>;
}

function othersOf({ others }: AskedHistory): Pick<BarColumns, 'others'> {
  const known = new Map([...others].map(([name, own]) => [name, columnsOf(name, own)]));
  return others.size > 0 ? { others: known } : {};
}

/** Of the bars of another timeframe, as the daemon had them. */
function resampledHistory(inputs: Iterable<InputRow>, pair: Pair, asked: AskedHistory): PairDay['history'] {
  const { series, windows, period } = asked;
  const legs = journaledLegs(inputs, pair);
  const keep = (time: number): boolean => time >= period.from && time < period.to;
  const a = { ...columnsOf(pair.a, legs.a), series: series.of(pair.a), ...othersOf(asked) };
  const b = { ...columnsOf(pair.b, legs.b), series: series.of(pair.b) };
  return buildPairHistory(pair, a, b, windows, keep);
}

/** Of the minutes that moved the live features. */
function historyOf(
  pair: Pair,
  bars: ReadonlyMap<string, readonly Bar[]>,
  { dropped }: MarkedMinutes,
  asked: AskedHistory,
): PairDay['history'] {
  const { series, windows, period } = asked;
  const { from, to } = period;
  const drops = [pair.id, pair.a, pair.b].map((subject) => dropped.get(subject));
  const isDropped = (time: number): boolean => drops.some((times) => times?.has(time) === true);
  // A minute without one leg is no minute of the pair.
  const ofA = bars.get(pair.a)!.filter(({ time }) => !isDropped(time));
  const a = { ...columnsOf(pair.a, ofA), series: series.of(pair.a), ...othersOf(asked) };
  const b = { ...columnsOf(pair.b, bars.get(pair.b)!), series: series.of(pair.b) };
  const keep = (time: number): boolean => time >= from && time < to;
  return buildPairHistory(pair, a, b, windows, keep);
}
