import * as z from 'zod';
import { listVersions, readManifest } from '../../../shared/bundle/bundle.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { parsePair, symbolsOf } from '../../../shared/pair.ts';
import type { LookedTrade } from './period_edge.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import { changeCounts, readCounts, type CountsFile, type Holdout } from './counts_file.ts';
import { lookLevel } from './edge.ts';

export type { Holdout } from './counts_file.ts';

/** Bars that were evaluated: the minutes of a holdout, of these symbols. */
export interface Evaluated extends Pick<Holdout, 'market' | 'from' | 'to'> {
  readonly symbols: readonly string[];
}

const looksSchema = z.record(
  z.string(),
  z.array(
    z.strictObject({
      trades: z.string(),
      look: z.int().positive(),
      work: z.string().optional(),
      exported: z.literal(true).optional(),
    }),
  ),
);
type Looks = z.infer<typeof looksSchema>;

const FILE: CountsFile<Looks> = { name: 'holdout_looks.json', schema: looksSchema };

/** The number of an evaluation of a holdout, as every text names it. */
export const lookName = (look: number): string =>
  `evaluation ${look} of the holdout (trainings, backtests, searches and scans count)`;

export function looksPath(modelsFolder: string): string {
  return pathInside(modelsFolder, FILE.name);
}

/**
 * Counts an evaluation of a holdout, durably, before its result is known: by a training, a search of θ2, a scan or a
 * backtest, whether or not its bundle passes, is adopted or stays. Searching on until the holdout shows an edge then
 * finds one ever less easily (`lookLevel`). The same trades are the same evaluation: repeating a training is none.
 *
 * Every minute of every symbol has its own count: of works that have evaluated it. A claim on minutes of different
 * counts has the mean of the levels that each of them still has, so that any overlap with earlier evaluations costs its
 * share, and minutes that nobody has evaluated carry the full level. A work that returns every week, on bars of which
 * most are those of last week, counts once on each minute: its results on the same minutes are nearly the same ones.
 * @param modelsFolder of the home: its bars were evaluated, wherever bundles are written
 * @returns the number of this evaluation, from 1: the first one whose level is not above that mean
 * @throws MinutehandError LOOKS_FORMAT when the file cannot be read: a damaged file is not replaced, because its count
 * would be lost; HOME_LOCKED, HOME_UNUSABLE
 */
export function countLook(
  modelsFolder: string,
  holdout: Evaluated,
  trades: readonly LookedTrade[],
  by: EvaluatedBy = {},
): number {
  return countResult(modelsFolder, holdout, hashTrades(trades), by);
}

/** What has evaluated. */
export interface EvaluatedBy {
  /**
   * Identity of a procedure that is repeated on other bars, such as a scheduled training: its configuration and seed,
   * without bars; 64 hex digits. Absent: a result that nothing repeats.
   */
  readonly work?: string;
  /** Whether the labels of these bars are given out: `wasExported`. */
  readonly exported?: true;
  /** Folders where bundles are or were written: counts there, of earlier versions, count as well. */
  readonly earlier?: readonly string[];
}

/**
 * As `countLook`, for any result on a holdout.
 * @param own identity of the result, 64 hex digits
 */
export function countResult(
  modelsFolder: string,
  holdout: Evaluated,
  own: string,
  { work, exported, earlier = [] }: EvaluatedBy = {},
): number {
  const folders = [...new Set(earlier)].filter((folder) => folder !== modelsFolder);
  const before = folders.map((folder) => readCounts(folder, FILE) ?? {});
  return changeCounts(modelsFolder, FILE, (counts) => {
    const looks = counts ?? {};
    const key = keyOf(holdout);
    const all = [looks, ...before];
    const same = all.flatMap((each) => [...(each[key] ?? []), ...(each[keyOfAll(holdout)] ?? [])]);
    const repeated = same.find(({ trades }) => trades === own);
    const known = looks[key] ?? [];
    if (repeated !== undefined && known.includes(repeated)) return { counts: null, result: repeated.look };
    const counted = all.flatMap((each) => Object.entries(each).flatMap(evaluationOf));
    const look = repeated?.look ?? Math.max(lookAfter(counted, holdout), ...looksOfBundles(modelsFolder, holdout));
    const entry = { trades: own, look, ...(work !== undefined && { work }), ...(exported && { exported }) };
    return { counts: { ...looks, [key]: [...known, entry] }, result: look };
  });
}

/**
 * Whether this installation has given out labels of any of these bars: whoever has them can make a model that knows the
 * answers, and no result on these bars says anything of it.
 * @throws MinutehandError LOOKS_FORMAT
 */
export function wasExported(modelsFolder: string, { market, symbols, from, to }: Evaluated): boolean {
  const exports = Object.entries(readCounts(modelsFolder, FILE) ?? {}).flatMap(([key, entries]) =>
    evaluationOf([key, entries.filter(({ exported }) => exported)]),
  );
  return exports.some(
    (one) =>
      one.works.length > 0 &&
      one.market === market &&
      one.fromMs < Date.parse(to) &&
      one.toMs > Date.parse(from) &&
      (one.symbols === null || one.symbols.some((symbol) => symbols.includes(symbol))),
  );
}

/** Earlier evaluations of the same bars. */
export interface Evaluation extends Pick<Holdout, 'market'> {
  /** null: those of an earlier version, which did not keep them; any. */
  readonly symbols: readonly string[] | null;
  readonly fromMs: number;
  readonly toMs: number;
  readonly works: readonly string[];
}

/** Of earlier versions, which did not keep symbols. */
function keyOfAll({ market, from, to }: Evaluated): string {
  return `${market} ${from} ${to}`;
}

function keyOf(holdout: Evaluated): string {
  return `${keyOfAll(holdout)} ${[...new Set(holdout.symbols)].sort().join('+')}`;
}

function evaluationOf([key, entries]: [string, Looks[string]]): Evaluation[] {
  const [market, from, to, symbols] = key.split(' ') as [Holdout['market'], string, string, string?];
  if (from === undefined || to === undefined) return [];
  const works = entries.map(({ work, trades }) => work ?? `${key} ${trades}`);
  return [{ market, fromMs: Date.parse(from), toMs: Date.parse(to), symbols: symbols?.split('+') ?? null, works }];
}

/** The number of the first evaluation (from 1) whose level is not above the mean that these bars still have. */
export function lookAfter(earlier: readonly Evaluation[], { market, symbols, from, to }: Evaluated): number {
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  const touching = earlier.filter((one) => one.market === market && one.fromMs < toMs && one.toMs > fromMs);
  const cuts = [fromMs, toMs, ...touching.flatMap((one) => [one.fromMs, one.toMs])]
    .filter((at) => at >= fromMs && at <= toMs)
    .sort((one, other) => one - other);
  const own = [...new Set(symbols)];
  let spent = 0;
  for (let i = 1; i < cuts.length; i++) {
    const [begin, end] = [cuts[i - 1]!, cuts[i]!];
    if (end === begin) continue;
    const over = touching.filter((one) => one.fromMs <= begin && one.toMs >= end);
    for (const symbol of own) {
      const seen = new Set(
        over.flatMap((one) => (one.symbols === null || one.symbols.includes(symbol) ? one.works : [])),
      );
      spent += (end - begin) * lookLevel(1 + seen.size);
    }
  }
  const mean = spent / ((toMs - fromMs) * own.length);
  let look = 1;
  // Sums of equal levels differ from them by rounding.
  while (lookLevel(look) > mean * (1 + 1e-9)) look++;
  return look;
}

/**
 * What bundles know of earlier evaluations: the numbers of those of this holdout, and that after all of theirs; where
 * bundles came from elsewhere, or the file was removed.
 */
function looksOfBundles(modelsFolder: string, holdout: Evaluated): number[] {
  const own = keyOf(holdout);
  const different = new Map<string, Evaluation>();
  const looks = listVersions(modelsFolder).flatMap((version) => {
    let manifest: Manifest;
    try {
      manifest = readManifest(pathInside(modelsFolder, version));
    } catch {
      return [];
    }
    const { market, period, pairs, holdout_look: counted } = manifest;
    const other = { market, from: period.holdout_from, to: period.to, symbols: symbolsOf(pairs.map(parsePair)) };
    const look = counted?.look ?? 1;
    const [evaluation] = evaluationOf([keyOf(other), [{ trades: `bundle ${look}`, look }]]);
    different.set(`${keyOf(other)} ${look}`, evaluation!);
    return keyOf(other) === own ? [1 + look] : [];
  });
  return [...looks, lookAfter([...different.values()], holdout)];
}

function hashTrades(trades: readonly LookedTrade[]): string {
  const lines = trades.map(
    ({ pairId, side, entryTime, exitTime, netBps }) =>
      `${pairId} ${side} ${entryTime} ${exitTime} ${netBps.toFixed(6)}`,
  );
  return sha256Hex(lines.sort().join('\n'));
}
