import { describe, expect, it } from 'vitest';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { exp, ln } from '../../../shared/elementary.ts';
import { createRng } from '../../../shared/rng.ts';
import { tinyBars, tinySettings } from '../../../test/tiny_settings.ts';
import { auc } from '../measures/metrics.ts';
import { coinsOf, mirrorBars } from './mirrored_bars.ts';
import { coinDraws, placeboRowsOf } from './placebo_rows.ts';
import { tradingDaysOf } from './time_blocks.ts';
import { type ScoredRows, skillOf } from './skill.ts';
import { studentUpper } from '../statistics/student_t.ts';

const START = 1_546_473_600;

describe('coins', () => {
  it('are fair, the same for all symbols and orders of asking, and independent of neighbors and of other seeds', () => {
    const coins = coinsOf('7/coins/0');
    const others = coinsOf('7/coins/1');
    const times = Array.from({ length: 20_000 }, (_, i) => START + 60 * i);
    const sides = times.map(coins);
    expect(times.toReversed().map(coins).toReversed()).toEqual(sides);
    const mean = (of: (i: number) => number): number => times.reduce((sum, _, i) => sum + of(i), 0) / times.length;
    for (const lag of [1, 2, 5, 60, 1440])
      expect(Math.abs(mean((i) => sides[i]! * (sides[i + lag] ?? 0)))).toBeLessThan(0.03);
    expect(Math.abs(mean((i) => sides[i]!))).toBeLessThan(0.03);
    expect(Math.abs(mean((i) => sides[i]! * others(times[i]!)))).toBeLessThan(0.03);
  });
});

describe('mirrored bars', () => {
  const settings = tinySettings();
  const bars = tinyBars(settings);
  const coins = coinsOf('mirror');

  it.each([...bars.keys()])('of %s keep the size of every move, and mirror it where the coin shows tails', (symbol) => {
    const recorded = bars.get(symbol)!;
    const placebo = mirrorBars(recorded, coins);
    let tails = 0;
    for (let i = 1; i < recorded.length; i++) {
      const side = coins(recorded.time[i]!);
      if (side < 0) tails++;
      const move = (of: BarColumns, price: number): number => ln(price / of.close[i - 1]!);
      expect(move(placebo, placebo.close[i]!)).toBeCloseTo(side * move(recorded, recorded.close[i]!), 12);
      expect(move(placebo, placebo.open[i]!)).toBeCloseTo(side * move(recorded, recorded.open[i]!), 12);
      const [top, bottom] = side > 0 ? [recorded.high, recorded.low] : [recorded.low, recorded.high];
      expect(move(placebo, placebo.high[i]!)).toBeCloseTo(side * move(recorded, top[i]!), 12);
      expect(move(placebo, placebo.low[i]!)).toBeCloseTo(side * move(recorded, bottom[i]!), 12);
      expect(placebo.low[i]).toBeLessThanOrEqual(Math.min(placebo.open[i]!, placebo.close[i]!));
      expect(placebo.high[i]).toBeGreaterThanOrEqual(Math.max(placebo.open[i]!, placebo.close[i]!));
    }
    expect(tails / recorded.length).toBeGreaterThan(0.4);
    expect(placebo.volume).toBe(recorded.volume);
    expect(placebo.spread).toBe(recorded.spread);
  });

  it('of two symbols keep the correlation of their moves within a bar', () => {
    const a = bars.get('XAUUSD')!;
    const b = bars.get('XAGUSD')!;
    const moves = ({ close }: BarColumns): number[] => [...close].slice(1).map((price, i) => ln(price / close[i]!));
    const product = (one: BarColumns, other: BarColumns): number =>
      moves(one).reduce((sum, move, i) => sum + move * moves(other)[i]!, 0);
    expect(a.length).toBe(b.length);
    const short = (of: BarColumns): BarColumns => ({
      ...of,
      length: 300,
      time: of.time.slice(0, 300),
      open: of.open.slice(0, 300),
      high: of.high.slice(0, 300),
      low: of.low.slice(0, 300),
      close: of.close.slice(0, 300),
    });
    expect(product(mirrorBars(short(a), coins), mirrorBars(short(b), coins))).toBeCloseTo(
      product(short(a), short(b)),
      14,
    );
  });

  it('give candidates of the holdout with other labels in another draw', () => {
    const a = bars.get('XAUUSD')!;
    const b = bars.get('XAGUSD')!;
    const task = {
      pair: { id: 'XAUUSD_XAGUSD', a: 'XAUUSD', b: 'XAGUSD' },
      a,
      b,
      windows: settings.minutehand.windows,
    };
    const draw = (seed: string) => placeboRowsOf({ ...task, holdoutFrom: a.time[1000]!, seed });
    const first = draw('1');
    expect(first.y.length).toBeGreaterThan(50);
    expect(Math.min(...first.time)).toBeGreaterThanOrEqual(a.time[1000]!);
    expect(first).toEqual(draw('1'));
    expect(draw('2').time).not.toEqual(first.time);
  });
});

/** Rows of many days; every day has a level that scores and labels share, as volatility has. */
function market(seed: string, days: number, direction: number): ScoredRows {
  const rng = createRng(seed);
  const rows = days * 40;
  const scores = new Float64Array(rows);
  const y = new Float64Array(rows);
  const time = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const level = rng.normal();
    const hint = rng.normal();
    scores[i] = level + hint;
    y[i] = rng.uniform() < 1 / (1 + exp(-(level + direction * hint))) ? 1 : 0;
    time[i] = START + 86_400 * Math.floor(i / 40) + 600 * (i % 40);
  }
  return { scores, y, time };
}

/** As many placebo markets as a holdout of so many days has. */
function drawsOf(days: number, of: (draw: number) => ScoredRows): ScoredRows[] {
  return Array.from({ length: coinDraws(days) }, (_, draw) => of(draw));
}

/** Five pairs whose levels of score and label last for the whole holdout, as those of slow features and trends do. */
function steadyMarket(seed: string, days: number): ScoredRows {
  const rng = createRng(seed);
  const levels = Array.from({ length: 5 }, () => ({ score: rng.normal(), label: 0.6 * rng.normal() }));
  const one = market(`${seed}/rows`, days, 0);
  return {
    ...one,
    scores: one.scores.map((score, row) => score + levels[row % 5]!.score),
    y: one.y.map((label, row) => (rng.uniform() < 1 / (1 + exp(-3 * levels[row % 5]!.label)) ? 1 : label)),
  };
}

describe('draws of the coins', () => {
  it('are odd, many for a holdout of few days, and seven for one of a month', () => {
    expect([1, 3, 7, 9, 12, 20, 30, 500].map(coinDraws)).toEqual([13, 13, 13, 13, 9, 7, 7, 7]);
    expect(tradingDaysOf(market('days', 9, 0).time)).toBeGreaterThanOrEqual(7);
    expect(tradingDaysOf(new Float64Array(0))).toBe(0);
  });
});

describe('skill', () => {
  it('is the AUC minus the mean AUC of the placebo markets', () => {
    const recorded = market('r', 40, 1);
    const one = market('a', 40, 0);
    const other = market('b', 40, 0);
    const aucOf = ({ scores, y }: ScoredRows): number => auc(scores, y)!;
    const found = skillOf(recorded, [one, other], 'seed')!;
    expect(found.skill).toBeCloseTo(aucOf(recorded) - (aucOf(one) + aucOf(other)) / 2, 12);
    expect(found).toMatchObject({ auc: aucOf(recorded), draws: 2 });
    expect(found.lower_95).toBeCloseTo(
      found.skill - studentUpper(0.05, 2 * Math.floor((found.days - 1) / 2)) * found.standard_error!,
      12,
    );
  });

  it('is above 0 at 95 % in about one of twenty worlds without direction, though their AUC is far above one half', () => {
    let claimed = 0;
    let total = 0;
    for (let world = 0; world < 200; world++) {
      const placebos = drawsOf(30, (draw) => market(`${world}/placebo/${draw}`, 30, 0));
      const found = skillOf(market(`${world}/recorded`, 30, 0), placebos, `${world}`)!;
      expect(found.auc).toBeGreaterThan(0.57);
      total++;
      if (found.lower_95! > 0) claimed++;
    }
    expect(claimed / total).toBeLessThanOrEqual(0.09);
    expect(claimed / total).toBeGreaterThanOrEqual(0.015);
  });

  it('is above 0 where the scores know direction', () => {
    const placebos = drawsOf(40, (draw) => market(`known/${draw}`, 40, 0));
    expect(skillOf(market('known', 40, 1), placebos, 'known')!.lower_95).toBeGreaterThan(0.05);
  });

  it('is measured by shorter blocks where there are few trading days, as often wrong as by days', () => {
    let claimed = 0;
    let total = 0;
    for (let world = 0; world < 200; world++) {
      const placebos = drawsOf(5, (draw) => market(`${world}/short placebo/${draw}`, 5, 0));
      const found = skillOf(market(`${world}/short recorded`, 5, 0), placebos, `${world}`)!;
      expect(found.days).toBeLessThan(10);
      total++;
      if (found.lower_95! > 0) claimed++;
    }
    expect(claimed / total).toBeLessThanOrEqual(0.09);
    const known = drawsOf(5, (draw) => market(`short known/${draw}`, 5, 0));
    expect(skillOf(market('short known', 5, 1), known, 'known')!.lower_95).toBeGreaterThan(0);
  });

  it('allows for what lasts through the whole holdout, which no block of it shows', () => {
    let claimed = 0;
    const errors: number[] = [];
    const skills: number[] = [];
    const worlds = 200;
    for (let world = 0; world < worlds; world++) {
      const placebos = drawsOf(3, (draw) => steadyMarket(`${world}/steady placebo/${draw}`, 3));
      const found = skillOf(steadyMarket(`${world}/steady`, 3), placebos, `${world}`)!;
      errors.push(found.standard_error!);
      skills.push(found.skill);
      if (found.lower_95! > 0) claimed++;
    }
    // 5 % ± 2.6 standard errors of 200 worlds.
    expect(claimed / worlds).toBeLessThanOrEqual(0.09);
    const spread = Math.sqrt(skills.reduce((sum, skill) => sum + skill * skill, 0) / worlds);
    const stated = errors.reduce((sum, error) => sum + error, 0) / worlds;
    expect(stated / spread).toBeGreaterThan(0.85);
    expect(stated / spread).toBeLessThan(1.2);
  });

  it('has no error within a few hours, and is not measured without both classes', () => {
    const placebos = [market('few', 1, 0)];
    expect(skillOf(market('few/recorded', 1, 0), placebos, 'few')).toMatchObject({
      standard_error: null,
      lower_95: null,
    });
    const one = market('one class', 20, 0);
    expect(skillOf({ ...one, y: one.y.map(() => 1) }, placebos, 'x')).toBeNull();
    expect(skillOf(one, [], 'x')).toBeNull();
  });
});
