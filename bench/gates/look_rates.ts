import type { Rng } from '../../shared/ports.ts';
import { createRng } from '../../shared/rng.ts';
import { lookLevel } from '../../trainer/learning/backtest/edge.ts';
import { normalQuantile } from '../../trainer/learning/statistics/normal.ts';
import { lookAfter, type Evaluation } from '../../trainer/learning/backtest/holdout_looks.ts';

const WEEK_MS = 7 * 86_400_000;
const START_MS = Date.parse('2024-01-01T00:00:00Z');
const HOLDOUT_WEEKS = 8;
const WORK = 'scheduled';
/** Correlation of what different works trade on the same bars. */
const ALIKE = 0.5;

/** An evaluation of the weeks from `from` on. */
interface Planned {
  readonly from: number;
  readonly weeks: number;
  readonly work: number;
}

const series = (count: number, of: (i: number) => Planned): Planned[] => Array.from({ length: count }, (_, i) => of(i));

/** How holdouts follow each other. */
export const LOOK_SHAPES = {
  'ten evaluations of one holdout': series(10, (i) => ({ from: 0, weeks: HOLDOUT_WEEKS, work: i })),
  'ten holdouts, each an eighth earlier, by ten works': series(10, (i) => ({
    from: 9 - i,
    weeks: HOLDOUT_WEEKS,
    work: i,
  })),
  'ten holdouts, each an eighth earlier, by one work': series(10, (i) => ({
    from: 9 - i,
    weeks: HOLDOUT_WEEKS,
    work: 0,
  })),
  'a holdout of eight weeks that moves by a week, eight times, by one work': series(8, (i) => ({
    from: i,
    weeks: HOLDOUT_WEEKS,
    work: 0,
  })),
  'a holdout of a year that grows by a week, 52 times, by one work': series(52, (i) => ({
    from: 0,
    weeks: 52 + i,
    work: 0,
  })),
} as const satisfies Readonly<Record<string, readonly Planned[]>>;
export type LookShape = keyof typeof LOOK_SHAPES;

export interface LookPlan {
  readonly shape: LookShape;
  /** Mean result of a week, standard deviations of a week. */
  readonly edge: number;
}

/** In how many worlds any evaluation, or the last one, finds an edge. */
export interface LookRate extends LookPlan {
  readonly worlds: number;
  readonly any: number;
  readonly last: number;
}

/** False edges of every shape, by an exact test; then the power of an edge that a first evaluation finds in 84 %. */
export const LOOK_PLANS: readonly LookPlan[] = [
  ...(Object.keys(LOOK_SHAPES) as LookShape[]).map((shape) => ({ shape, edge: 0 })),
  { shape: 'a holdout of eight weeks that moves by a week, eight times, by one work', edge: 0.97 },
  { shape: 'a holdout of a year that grows by a week, 52 times, by one work', edge: 0.38 },
];

export function lookRate(plan: LookPlan, worlds: number): LookRate {
  const evaluations: readonly Planned[] = LOOK_SHAPES[plan.shape];
  const limits = numbersOf(evaluations).map((look) => normalQuantile(1 - lookLevel(look)));
  const rng = createRng(`looks ${plan.shape} ${plan.edge}`);
  let any = 0;
  let last = 0;
  for (let world = 0; world < worlds; world++) {
    const standardized = drawWorld(evaluations, plan.edge, rng);
    const found = evaluations.map((own, i) => standardized(own) > limits[i]!);
    if (found.includes(true)) any++;
    if (found.at(-1)) last++;
  }
  return { ...plan, worlds, any, last };
}

/** Number of each evaluation, as the ledger counts them. */
function numbersOf(evaluations: readonly Planned[]): number[] {
  const known: Evaluation[] = [];
  return evaluations.map(({ from, weeks, work }) => {
    const [fromMs, toMs] = [from, from + weeks].map((week) => START_MS + week * WEEK_MS) as [number, number];
    const iso = (ms: number): string => new Date(ms).toISOString();
    const holdout = { market: 'live' as const, symbols: ['A'], from: iso(fromMs), to: iso(toMs) };
    const look = lookAfter(known, holdout);
    known.push({ market: 'live', symbols: ['A'], fromMs, toMs, works: [`${WORK} ${work}`] });
    return look;
  });
}

/** Sums of the results of each week: a part that all works share, and one of each work. */
function drawWorld(evaluations: readonly Planned[], edge: number, rng: Rng): (own: Planned) => number {
  const weeks = Math.max(...evaluations.map((own) => own.from + own.weeks));
  const draw = (): Float64Array => Float64Array.from({ length: weeks }, () => rng.normal());
  const shared = draw();
  const works = new Map([...new Set(evaluations.map(({ work }) => work))].map((work) => [work, draw()]));
  return ({ from, weeks: length, work }) => {
    const own = works.get(work)!;
    let sum = 0;
    for (let i = from; i < from + length; i++)
      sum += edge + Math.sqrt(ALIKE) * shared[i]! + Math.sqrt(1 - ALIKE) * own[i]!;
    return sum / Math.sqrt(length);
  };
}
