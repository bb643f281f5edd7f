import { parseArgs } from 'node:util';
import { type BarColumns, clipBars, findBarFile, readBarFile } from '../shared/bar_file/bar_file.ts';
import type { OpenTime } from '../shared/bar.ts';
import type { Matrix } from '../shared/bundle/onnx/tree_ensemble.ts';
import { featureDefinitions, warmupBars } from '../shared/core/features/features.ts';
import { type Pair, parsePair } from '../shared/pair.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { meanOf } from '../shared/statistics.ts';
import { buildPairHistory } from '../trainer/learning/history/pair_history.ts';
import { columnsOf, TASK } from '../trainer/learning/learners/learning.ts';
import type { Fitted } from '../trainer/learning/learners/contract/fitted.ts';
import { LOGISTIC } from '../trainer/learning/learners/linear/logistic.ts';
import { coinsOf, mirrorBars } from '../trainer/learning/placebo/mirrored_bars.ts';
import { coinDraws, placeboRowsOf } from '../trainer/learning/placebo/placebo_rows.ts';
import { tradingDaysOf } from '../trainer/learning/placebo/time_blocks.ts';
import { type ScoredRows, skillOf } from '../trainer/learning/placebo/skill.ts';
import { labelReversion } from '../trainer/learning/strategies/pair_reversion/label/pair_labels.ts';
import { EVALUATION_BARRIERS } from '../trainer/learning/strategies/pair_reversion/label/reversion.ts';

/*
 * How often the lower bound of the skill is above 0 where nothing can be known. Each league draws the direction of
 * every bar of real bars by coins, learns a logistic regression of AI1 on the candidates before the holdout, thinned,
 * and states the skill on the holdout, with as many placebo markets as a training has.
 *
 *     node dist/bench/skill_error.js --data <folder> --from 2019-07-01 --holdout-from 2019-07-10 --to 2019-07-13
 */

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    /** Configured pairs without it. */
    pairs: { type: 'string' },
    from: { type: 'string' },
    'holdout-from': { type: 'string' },
    to: { type: 'string' },
    leagues: { type: 'string', default: '100' },
    first: { type: 'string', default: '1' },
    /** Of this many candidates of the holdout one is taken. */
    thin: { type: 'string', default: '1' },
  },
});
const { data, from, to, 'holdout-from': holdoutFrom } = options;
if (data === undefined || from === undefined || to === undefined || holdoutFrom === undefined) {
  console.error('node dist/bench/skill_error.js --data <folder> --from <day> --holdout-from <day> --to <day>');
  process.exit(2);
}

/** Most rows that are learned from. */
const LEARNED_ROWS = 10_000;
/** A training label ends before the holdout begins. */
const EMBARGO_SECONDS = 7200;

const { pairs: configured, windows } = loadSettings().minutehand;
const pairs = (options.pairs?.split(',') ?? configured).map(parsePair);
const columns = columnsOf(featureDefinitions(windows), 'ai1');
const start = secondsOf(from);
const held = secondsOf(holdoutFrom);
const recorded = new Map<string, BarColumns>();
for (const symbol of new Set(pairs.flatMap(({ a, b }) => [a, b]))) recorded.set(symbol, await barsOf(symbol));
const thin = Number(options.thin);
const leagues = Number(options.leagues);

let claimed = 0;
const skills: number[] = [];
const errors: number[] = [];
const days: number[] = [];
let draws = 0;
for (let league = Number(options.first); skills.length < leagues; league++) {
  const coins = coinsOf(`${league}/league market`);
  const bars = new Map([...recorded].map(([symbol, own]) => [symbol, mirrorBars(own, coins)]));
  const fitted = await learn(pairs.map((pair) => candidatesOf(pair, bars, start, held - EMBARGO_SECONDS)));
  const own = scored(
    fitted,
    pairs.map((pair) => candidatesOf(pair, bars, held, Infinity)),
  );
  draws = coinDraws(tradingDaysOf(own.time));
  const placebos = Array.from({ length: draws }, (_, draw) =>
    scored(
      fitted,
      pairs.map((pair) => placeboOf(pair, bars, `${league}/coins/${draw}`)),
    ),
  );
  const found = skillOf(own, placebos, `${league}`);
  if (found === null || found.standard_error === null || found.lower_95 === null)
    throw new Error(`league ${league}: the skill of ${own.y.length} candidates is not measured`);
  skills.push(found.skill);
  errors.push(found.standard_error);
  days.push(found.days);
  if (found.lower_95 > 0) claimed += 1;
}
const share = claimed / leagues;
const monteCarlo = Math.sqrt((Math.max(share, 1 / leagues) * (1 - share)) / leagues);
const spread = Math.sqrt(meanOf(skills.map((skill) => skill * skill)));
console.log(
  `${leagues} leagues of ${pairs.length} pairs, holdouts of ${meanOf(days).toFixed(1)} trading days, ${draws} draws: ` +
    `lower_95 above 0 in ${(100 * share).toFixed(1)} ± ${(100 * monteCarlo).toFixed(1)} %; ` +
    `skill ${meanOf(skills).toFixed(4)}, its deviation from 0 ${spread.toFixed(4)}, stated ± ${meanOf(errors).toFixed(4)}`,
);

function secondsOf(text: string): number {
  return Date.parse(text.length === 10 ? `${text}T00:00Z` : text) / 1000;
}

async function barsOf(symbol: string): Promise<BarColumns> {
  const path = await findBarFile(data!, symbol);
  if (path === null) throw new Error(`${data} has no bars of ${symbol}`);
  return clipBars(await readBarFile(path), start as OpenTime, secondsOf(to!) as OpenTime);
}

/** Candidates of one pair, with their evaluation label. */
interface Candidates {
  readonly x: Matrix;
  readonly y: Float64Array;
  readonly time: Float64Array;
}

function candidatesOf(pair: Pair, bars: ReadonlyMap<string, BarColumns>, first: number, end: number): Candidates {
  const isWanted = (time: number, z: number): boolean =>
    time >= first && time < end && Math.abs(z) >= EVALUATION_BARRIERS.z_entry;
  const history = buildPairHistory(pair, bars.get(pair.a)!, bars.get(pair.b)!, windows, isWanted);
  const { bar, label } = labelReversion(history, EVALUATION_BARRIERS);
  const kept = [...bar.keys()].filter((i) => history.row[bar[i]!]! >= 0);
  const width = history.rows === 0 ? 0 : history.features.length / history.rows;
  const values = new Float32Array(kept.length * width);
  kept.forEach((i, row) => {
    const at = history.row[bar[i]!]! * width;
    values.set(history.features.subarray(at, at + width), row * width);
  });
  return {
    x: { rows: kept.length, columns: width, values },
    y: Float64Array.from(kept, (i) => label[i]!),
    time: Float64Array.from(kept, (i) => history.time[bar[i]!]!),
  };
}

/** The holdout with its warm-up, mirrored once more, as a training has it. */
function placeboOf(pair: Pair, bars: ReadonlyMap<string, BarColumns>, seed: string): Candidates {
  const a = bars.get(pair.a)!;
  const b = bars.get(pair.b)!;
  const first = Math.max(0, a.time.findIndex((time) => time >= held) - 2 * warmupBars(windows));
  const begin = a.time[first]! as OpenTime;
  return placeboRowsOf({ pair, a: clipBars(a, begin), b: clipBars(b, begin), windows, holdoutFrom: held, seed });
}

async function learn(parts: readonly Candidates[]): Promise<Fitted> {
  const all = parts.reduce((sum, { y }) => sum + y.length, 0);
  const step = Math.max(1, Math.ceil(all / LEARNED_ROWS));
  const rows = thinned(parts, step);
  const weights = new Float64Array(rows.y.length).fill(1);
  return await LOGISTIC.open(null).fit({
    task: TASK,
    rows: { ...rows, weights, labelEnd: rows.time },
    subset: Int32Array.from(rows.y.keys()),
    columns,
    budget: { kind: 'early_stopping', stopping: null },
    seed: '1',
    continueFrom: null,
  });
}

function scored(fitted: Fitted, parts: readonly Candidates[]): ScoredRows {
  const { x, y, time } = thinned(parts, thin);
  return { scores: fitted.answers(x), y, time };
}

/** Every `step`th row of all pairs. */
function thinned(parts: readonly Candidates[], step: number): Candidates {
  const columnsOfAll = Math.max(...parts.map(({ x }) => x.columns));
  const places = parts.flatMap((part) =>
    Array.from({ length: Math.ceil(part.y.length / step) }, (_, i) => ({ part, row: i * step })),
  );
  const values = new Float32Array(places.length * columnsOfAll);
  places.forEach(({ part: { x }, row }, at) =>
    values.set(x.values.subarray(row * columnsOfAll, (row + 1) * columnsOfAll), at * columnsOfAll),
  );
  return {
    x: { rows: places.length, columns: columnsOfAll, values },
    y: Float64Array.from(places, ({ part, row }) => part.y[row]!),
    time: Float64Array.from(places, ({ part, row }) => part.time[row]!),
  };
}
