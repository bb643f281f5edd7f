import { withOtherBars } from '../../../shared/bar_file/other_bars.ts';
import { legBars } from '../../../shared/bar_file/resampled_bars.ts';
import { SECONDS_PER_BAR, type OpenTime } from '../../../shared/bar.ts';
import { lowerBound, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { sequenceBars, type Windows } from '../../../shared/core/features/windows.ts';
import { servingSet, type ModelSet } from '../../../shared/bundle/model_set.ts';
import type { Pair } from '../../../shared/pair.ts';
import { ROWS_PER_SCORE } from '../strategies/pair_reversion/backtest/bar_scores.ts';
import { buildPairHistory, countCommonMinutes, type PairHistory } from '../history/pair_history.ts';
import { ownTable } from '../learners/contract/past_rows.ts';
import type { ProfiledRows } from './feature_profile.ts';

/** Neighbors are nearly the same. */
const MINUTES_PER_ROW = 3;

/** Bars and trades of a pair since its models were trained. */
export interface LivePair {
  readonly pair: Pair;
  readonly history: PairHistory;
  /** The first bar of the history that counts: those before it warmed the features. */
  readonly start: number;
}

export interface LiveOptions {
  readonly pairs: readonly Pair[];
  readonly bars: ReadonlyMap<string, BarColumns>;
  readonly windows: Windows;
  /** Bars before it warm the features. */
  readonly from: OpenTime;
  /** Features of bars with |z| from here on are kept, in σ. */
  readonly farOut: number;
}

/**
 * Features of every third minute and of the entry candidates, by the engine of the daemon. Pairs without a warm bar
 * from `from` on are left out.
 */
export function buildLivePairs({ pairs, bars: known, windows, from, farOut }: LiveOptions): LivePair[] {
  const bars = withOtherBars(known, windows);
  return pairs.flatMap((pair): LivePair[] => {
    const a = legBars(bars, pair, 'a');
    const b = legBars(bars, pair, 'b');
    if (a === undefined || b === undefined || countCommonMinutes(a, b) === 0) return [];
    const history = buildPairHistory(
      pair,
      a,
      b,
      windows,
      (time, z) => time >= from && (isProfiled(time) || Math.abs(z) >= farOut),
    );
    const start = lowerBound(history.time, from);
    return start < history.length ? [{ pair, history, start }] : [];
  });
}

function isProfiled(time: number): boolean {
  return (time / SECONDS_PER_BAR) % MINUTES_PER_ROW === 0;
}

/**
 * The rows that lie evenly in time, of all pairs; `pair` is the index into `live`.
 * @param bars rows that a model gets together
 */
export function profiledRows(live: readonly LivePair[], bars: number): ProfiledRows {
  const wantedBars = live.map(({ history: { time, length }, start }) => {
    const wanted: number[] = [];
    for (let t = start; t < length; t++) if (isProfiled(time[t]!)) wanted.push(t);
    return wanted;
  });
  const rows = wantedBars.reduce((sum, { length }) => sum + length, 0);
  const columns = widthOf(live);
  const width = bars * columns;
  const table = new Float32Array(rows * width);
  const time = new Float64Array(rows);
  const pair = new Int32Array(rows);
  let at = 0;
  for (const [i, { history }] of live.entries()) {
    for (const t of wantedBars[i]!) {
      const end = (history.row[t]! + 1) * columns;
      table.set(history.features.subarray(end - width, end), at * width);
      time[at] = history.time[t]!;
      pair[at++] = i;
    }
  }
  return { x: ownTable(table, { rows, columns, bars }), time, pair };
}

function widthOf(live: readonly LivePair[]): number {
  const kept = live.find(({ history }) => history.rows > 0);
  return kept === undefined ? 0 : kept.history.features.length / kept.history.rows;
}

export interface CandidateScores {
  readonly risks: number[];
  readonly times: number[];
  /** 1 or 0 for each. */
  readonly passed: number[];
  readonly expectedPassRate: number;
}

/**
 * Times and risk scores of all entry candidates, whether each passes θ2 of its pair, and the share that should.
 * @param set loaded for `ROWS_PER_SCORE` rows
 * @throws MinutehandError MODEL_OUTPUT
 */
export async function scoreCandidates(
  live: readonly LivePair[],
  set: ModelSet,
  zEntry: number,
): Promise<CandidateScores> {
  const risks: number[] = [];
  const times: number[] = [];
  const passed: number[] = [];
  let expected = 0;
  for (const { history, start } of live) {
    const { length, time, z, row, features, rows } = history;
    const candidates = barsFrom(start, length, (t) => Math.abs(z[t]!) >= zEntry);
    if (candidates.length === 0) continue;
    const serving = servingSet(set, history.pair.id);
    expected += candidates.length * passRateOf(serving);
    const columns = features.length / rows;
    const width = columns * sequenceBars(serving.schema.windows);
    const batch = new Float32Array(ROWS_PER_SCORE * width);
    for (let first = 0; first < candidates.length; first += ROWS_PER_SCORE) {
      const part = candidates.slice(first, first + ROWS_PER_SCORE);
      part.forEach((t, i) => {
        const end = (row[t]! + 1) * columns;
        batch.set(features.subarray(end - width, end), i * width);
      });
      const { risk_score } = await serving.infer(batch, part.length);
      part.forEach((t, i) => {
        risks.push(risk_score[i]!);
        passed.push(risk_score[i]! < serving.theta2 ? 1 : 0);
        times.push(time[t]!);
      });
    }
  }
  const isMixed = set.groups !== undefined && risks.length > 0;
  return { risks, times, passed, expectedPassRate: isMixed ? expected / risks.length : passRateOf(set) };
}

/** θ2 is a rank among the candidates of training. */
function passRateOf({ manifest, theta2 }: ModelSet): number {
  return manifest.search?.thresholds?.pass_rate ?? theta2;
}

export function barsFrom(start: number, end: number, isWanted: (t: number) => boolean): number[] {
  const bars: number[] = [];
  for (let t = start; t < end; t++) if (isWanted(t)) bars.push(t);
  return bars;
}
