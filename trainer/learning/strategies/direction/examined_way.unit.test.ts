import { beforeAll, describe, expect, it } from 'vitest';
import type { Scenario } from '../../splits/scenarios.ts';
import { calibratedModel } from './direction_learner.ts';
import { generatedRows } from './direction_scenarios.ts';
import type { ExaminedWay, GeneratedOfWay } from './examined_way.ts';
import type { Instrument } from './instrument_rows.ts';
import { hintedDays, instrumentOf, PLAN } from './small_markets.fixture.ts';
import { trainDirection, type TrainedDirection } from './train_direction.ts';

const INSTRUMENTS: readonly Instrument[] = [hintedDays('ONE', 0.5, 1), hintedDays('TWO', 0.5, -1)].map((bars) =>
  instrumentOf(bars),
);
/** A sixth of 2,400 bars is less than thirty days of hours. */
const TREND_BARS = 400;
const SHORT_BARS = 40;

/** What each bar belongs to, by the closes up to it, one return after the other. */
function slowScenarios({ bars: { close } }: Instrument): (t: number) => Set<Scenario> {
  const returnsTo = (end: number, count: number): number[] =>
    Array.from({ length: count }, (_, i) => Math.log(close[end - i]! / close[end - i - 1]!));
  const squares = (own: readonly number[]): number => own.reduce((sum, move) => sum + move * move, 0);
  const variances = Array.from(close.keys())
    .filter((end) => end >= SHORT_BARS)
    .map((end) => squares(returnsTo(end, SHORT_BARS)));
  const sorted = [...variances].sort((a, b) => a - b);
  return (t) => {
    const found = new Set<Scenario>();
    if (t >= TREND_BARS) {
      const own = returnsTo(t, TREND_BARS);
      const moved = own.reduce((sum, move) => sum + move, 0) / Math.sqrt(squares(own));
      found.add(moved > 0.5 ? 'bull' : moved < -0.5 ? 'bear' : 'range');
    }
    const variance = variances[t - SHORT_BARS]!;
    if (variance > sorted[Math.floor((2 * sorted.length) / 3)]!) found.add('high_volatility');
    if (variance < sorted[Math.floor(sorted.length / 3)]!) found.add('low_volatility');
    return found;
  };
}

describe('an examined way to learn the direction', () => {
  let trained: TrainedDirection;
  let examined: ExaminedWay;
  beforeAll(async () => {
    trained = await trainDirection(INSTRUMENTS, { ...PLAN, isExamined: true, balances: ['none'] }, () => undefined);
    examined = trained.examined!;
  });

  it('has the log loss of each evaluated row, whose mean is that of its measures', () => {
    const { losses } = examined;
    expect(losses.length).toBe(trained.metrics.rows);
    expect(losses.reduce((sum, loss) => sum + loss, 0) / losses.length).toBeCloseTo(trained.metrics.log_loss, 12);
  });

  it('has those evaluated rows of a scenario whose bars belong to it by the history before them', () => {
    const { rows, blocks } = trained;
    const tested = blocks.flatMap(({ split }) => [...split.test]);
    const of = INSTRUMENTS.map(slowScenarios);
    const belongs = tested.map((row) => of[rows.instrument[row]!]!(rows.bar[row]!));
    let seen = 0;
    for (const scenario of ['bull', 'bear', 'range', 'high_volatility', 'low_volatility'] as const) {
      const own = [...tested.keys()].filter((i) => belongs[i]!.has(scenario));
      const figures = examined.scenarios[scenario];
      expect(figures?.rows ?? 0).toBe(own.length);
      if (figures === undefined) continue;
      seen++;
      const mean = own.reduce((sum, i) => sum + examined.losses[i]!, 0) / own.length;
      expect(figures.log_loss.value).toBeCloseTo(mean, 12);
      expect(figures.log_loss.standard_error).toBeGreaterThan(0);
      // The validation of a training has the same rows.
      expect(figures.up_or_down_auc).toBe(trained.validation.scenarios.history[scenario]!.up_or_down_auc);
    }
    expect(seen).toBeGreaterThanOrEqual(4);
  });

  it('answers generated markets by the calibrated model of its last block', () => {
    const ofTraining = trained.validation.scenarios.generated;
    expect(Object.keys(examined.generated)).toEqual(Object.keys(ofTraining));
    const { model: raw, scaling } = trained.blocks.at(-1)!;
    const model = calibratedModel(raw, scaling);
    for (const [scenario, own] of Object.entries(examined.generated) as [Scenario, GeneratedOfWay][]) {
      const market = generatedRows({ instruments: INSTRUMENTS, plan: PLAN, seed: PLAN.seed }, scenario)!;
      const answers = model.exactAnswers(market.x);
      let loss = 0;
      const means = [0, 0, 0];
      market.evaluation.forEach((label, row) => {
        loss -= Math.log(answers[3 * row + label]!) / market.x.rows;
        for (let k = 0; k < 3; k++) means[k]! += answers[3 * row + k]! / market.x.rows;
      });
      expect(own.rows).toBe(market.x.rows);
      expect(own.log_loss).toBeCloseTo(loss, 9);
      own.base_rate.forEach((share, k) =>
        expect(share).toBeCloseTo(market.evaluation.filter((label) => label === k).length / market.x.rows, 12),
      );
      own.mean_probability.forEach((share, k) => expect(share).toBeCloseTo(means[k]!, 9));
      // The same market as that of a training, which the model of all rows answers otherwise.
      expect(own.rows).toBe(ofTraining[scenario]!.rows);
      expect(own.log_loss).not.toBeCloseTo(ofTraining[scenario]!.log_loss, 6);
    }
  });

  it('is examined beside others on the same rows and markets', () => {
    const [other] = trained.others;
    const { losses, scenarios, generated, serving } = other!.examined!;
    expect(losses.length).toBe(examined.losses.length);
    expect(losses).not.toEqual(examined.losses);
    const rowsOf = (figures: object): unknown =>
      Object.entries(figures).map(([name, own]) => [name, (own as { rows: number }).rows]);
    expect(rowsOf(scenarios)).toEqual(rowsOf(examined.scenarios));
    expect(rowsOf(generated)).toEqual(rowsOf(examined.generated));
    expect(serving.engine).toBe('wasm-simd');
  });

  it('is not examined unless a league asks', async () => {
    const plain = await trainDirection(INSTRUMENTS, { ...PLAN, balances: ['none'] }, () => undefined);
    expect('examined' in plain).toBe(false);
    expect('examined' in plain.others[0]!).toBe(false);
  });
});
