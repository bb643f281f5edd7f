import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IS_WEEKLY } from '../../../test/weekly.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { createRng } from '../../../shared/rng.ts';
import { evidenceBelow, lastStreak, streakLimit } from './evidence.ts';
import type { PublishedPair } from '../../control/monitor/kpi.ts';
import { kpiFigures, neededEvidence, type KpiPolicy } from '../../control/monitor/kpi.ts';

/** Every start and every bet, computed separately for each value. */
function obviousEvidence(values: readonly number[], limit: number): number {
  let largest = 1;
  for (let n = 1; n <= values.length; n++) {
    let total = 0;
    let started = 0;
    for (let first = 0; first < n; first += 10) {
      const m = first / 10 + 1;
      const weight = 1 / m - 1 / (m + 1);
      started += weight;
      for (const share of [0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9]) {
        let wealth = 1;
        for (const x of values.slice(first, n)) wealth *= 1 + (share / (1 - limit)) * (limit - x);
        total += (weight * wealth) / 7;
      }
    }
    largest = Math.max(largest, total + 1 - started);
  }
  return largest;
}

describe('evidence that a mean is below a limit', () => {
  it('equals the mixture of all bets from all starts, computed one by one', () => {
    const value = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 60 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (values, limit) => {
          const obvious = obviousEvidence(values, limit);
          expect(evidenceBelow(values, limit) / obvious).toBeCloseTo(1, 9);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('reaches 1 / α for at most α of the sequences whose mean is the limit, checked after every value', () => {
    const rng = createRng('at the limit');
    const months = IS_WEEKLY ? 20_000 : 1000;
    let alarms = 0;
    for (let month = 0; month < months; month++) {
      const wins = Array.from({ length: 200 }, () => (rng.uniform() < 0.35 ? 1 : 0));
      if (evidenceBelow(wins, 0.35) >= 10) alarms++;
    }
    expect(alarms / months).toBeLessThan(0.1);
    expect(alarms).toBeGreaterThan(0);
  });
});

/** As delivered. */
const POLICY: KpiPolicy = loadSettings({ env: {} }).retrain;
/** As delivered where the time allows. */
const PAIRS = IS_WEEKLY ? 10 : 5;
const HOUR = 3600;
const DAYS = 22;

/**
 * A month of pairs: one trade about every three hours, losses a little larger than wins, candidates in most hours.
 * @param entersAt share of hours with a trade
 */
function month(
  seed: string,
  pairs: number,
  winRateAt: (trade: number) => number,
  entersAt: (hour: number) => number = () => 0.3,
): PublishedPair[] {
  const rng = createRng(seed);
  return Array.from({ length: pairs }, (_, index) => {
    const trades: { entrySignalTime: number; exitSignalTime: number; netBps: number }[] = [];
    const refused: number[] = [];
    // Days are good or bad for all trades of a pair.
    let weather = 0;
    for (let hour = 0; hour < DAYS * 24; hour++) {
      if (hour % 24 === 0) weather = 0.06 * rng.normal();
      const start = hour * HOUR;
      const enters = rng.uniform() < entersAt(hour);
      for (let i = 0; i < 10; i++) if (rng.uniform() < 0.7) refused.push(start + i * 60);
      if (!enters) continue;
      const isWin = rng.uniform() < winRateAt(trades.length) + weather;
      const entrySignalTime = start + 600;
      trades.push({
        entrySignalTime,
        exitSignalTime: start + 2400,
        netBps: (isWin ? 5 : -5.5) * (0.2 + 1.6 * rng.uniform()),
      });
    }
    return {
      pairId: `P${index}`,
      trades: trades.map((trade) => ({
        ...trade,
        entryTime: trade.entrySignalTime,
        exitTime: trade.exitSignalTime,
        scale: 1,
      })) as unknown as PublishedPair['trades'],
      changes: {
        time: Float64Array.from(trades, ({ exitSignalTime }) => exitSignalTime),
        change: Float64Array.from(trades, ({ netBps }) => netBps / 1e4),
      },
      judged: {
        refused: Float64Array.from(refused),
        admitted: Float64Array.from(trades, ({ entrySignalTime }) => entrySignalTime),
      },
      resumed: -Infinity,
    };
  });
}

/** Returns which limits would halt at any of all looks, of any pair or of all: e-values and drawdowns only grow. */
function haltedBy(pairs: readonly PublishedPair[]): string[] {
  const { total, pairs: own } = kpiFigures(pairs, -Infinity, POLICY);
  const needed = neededEvidence(pairs.length + 1, POLICY);
  const found = [total, ...Object.values(own)].flatMap(({ evidence, drawdown }) => [
    ...(drawdown > POLICY.kpi_drawdown_max! ? ['drawdown'] : []),
    ...Object.entries(evidence).flatMap(([name, value]) => (value >= needed ? [name] : [])),
  ]);
  return [...new Set(found)];
}

describe('the limits of live KPIs on simulated months', { timeout: 600_000 }, () => {
  const months = IS_WEEKLY ? 1000 : 15;
  const share = (of: (index: number) => boolean, count = months): number =>
    Array.from({ length: count }, (_, i) => of(i)).filter(Boolean).length / count;

  it(`halt healthy models in at most 5 % of ${months} months of ${PAIRS} pairs`, () => {
    const rate = share((i) => haltedBy(month(`month ${i}`, PAIRS, () => 0.58)).length > 0);
    note(`healthy models: halted in ${percent(rate)} of ${months} months of ${PAIRS} pairs`);
    expect(rate).toBeLessThanOrEqual(0.05);
  });

  it('halt models at exactly the limit of the win rate in at most 5 % of months, unlike a rule without a test', () => {
    const limit = POLICY.kpi_win_rate_min!;
    const halted = share((i) => haltedBy(month(`limit ${i}`, PAIRS, () => limit)).includes('win_rate'));
    // The rule without a test: 50 trades in a row with fewer than 35 % wins, at any look.
    const untested = share((i) =>
      month(`month ${i}`, PAIRS, () => 0.45).some(({ trades }) =>
        hasBadWindow(trades.map(({ netBps }) => (netBps > 0 ? 1 : 0))),
      ),
    );
    note(`win rate at the limit: ${percent(halted)}; at 0.45 without a test ${percent(untested)}`);
    expect(halted).toBeLessThanOrEqual(0.05);
    expect(untested).toBeGreaterThan(0.1);
  });

  it('halt models that refuse as often as a limit allows, given the hours before, in at most 5 % of months', () => {
    const { kpi_refusal_rate_min: least, kpi_refusal_rate_max: most } = POLICY;
    const count = IS_WEEKLY ? 300 : 8;
    const rateOf = (limit: 'low' | 'high', swingHours: number, shift: number): number => {
      const [entryRate, swing, sign] = limit === 'low' ? [1 - least!, 0.05, -1] : [1 - most!, 0.018, 1];
      const halted = (i: number): string[] =>
        refusalHalts(`${limit} ${i}`, { entryRate: entryRate + shift * sign * swing, swing, swingHours });
      return share((i) => halted(i).includes(`refusal_rate_${limit}`), count);
    };
    // The mean at the limit in every hour, and on the worst days.
    const rates = [rateOf('low', 1, 0), rateOf('high', 1, 0), rateOf('low', 24, 1), rateOf('high', 24, 1)];
    note(`refusal rate at its limits, ${count} months: ${rates.map(percent).join(', ')}`);
    // Days beyond the limit are what the test finds; that others make up for them does not count.
    if (IS_WEEKLY)
      note(
        `days beyond the limits and within: ${[rateOf('low', 24, 0), rateOf('high', 24, 0)].map(percent).join(', ')}`,
      );
    expect(Math.max(...rates)).toBeLessThanOrEqual(0.05);
  });

  it('find a win rate of one pair that falls from 0.58 to 0.15 within 180 of its trades, 9 times in 10', () => {
    const needed = neededEvidence(PAIRS + 1, POLICY);
    const delays = Array.from({ length: IS_WEEKLY ? 1000 : 100 }, (_, i) => {
      const rng = createRng(`degradation ${i}`);
      const wins: number[] = [];
      for (let trade = 0; trade < 400; trade++) {
        wins.push(rng.uniform() < (trade < 80 ? 0.58 : 0.15) ? 1 : 0);
        if (trade >= 80 && evidenceBelow(wins, POLICY.kpi_win_rate_min!) >= needed) return trade - 79;
      }
      return Infinity;
    });
    note(
      `win rate 0.58 to 0.15: found after ${quantile(delays, 0.5)} trades (median), ${quantile(delays, 0.9)} (90 %)`,
    );
    expect(quantile(delays, 0.9)).toBeLessThanOrEqual(180);
  });

  it('find models that begin to enter at every candidate within 100 hours with candidates, or at none within 750', () => {
    const needed = neededEvidence(PAIRS + 1, POLICY);
    const { kpi_refusal_rate_min: least, kpi_refusal_rate_max: most } = POLICY;
    const delayOf = (seed: string, enteredAfter: number, of: (entered: number[]) => number): number => {
      const rng = createRng(seed);
      const entered: number[] = [];
      // Before, one of three hours has an entry among about eight candidates.
      for (let hour = 0; hour < 2000; hour++) {
        entered.push(hour < 300 ? (rng.uniform() < 0.3 ? 1 / 8 : 0) : enteredAfter);
        if (hour >= 300 && of(entered) >= needed) return hour - 299;
      }
      return Infinity;
    };
    const count = IS_WEEKLY ? 200 : 10;
    const all = Array.from({ length: count }, (_, i) =>
      delayOf(`all ${i}`, 1, (entered) =>
        evidenceBelow(
          entered.map((share) => 1 - share),
          least!,
        ),
      ),
    );
    const none = Array.from({ length: count }, (_, i) =>
      delayOf(`none ${i}`, 0, (entered) => evidenceBelow(entered, 1 - most!)),
    );
    note(`every candidate entered: found after ${quantile(all, 0.9)} h (90 %); none: ${quantile(none, 0.9)} h`);
    expect(quantile(all, 0.9)).toBeLessThanOrEqual(100);
    expect(quantile(none, 0.9)).toBeLessThanOrEqual(750);
  });
});

/**
 * A month in which AI2 admits each candidate with the probability `entryRate` ± `swing`, the sign drawn anew after so
 * many hours.
 */
function refusalHalts(
  seed: string,
  { entryRate, swing, swingHours }: { entryRate: number; swing: number; swingHours: number },
): string[] {
  const rng = createRng(seed);
  const pairs = Array.from({ length: PAIRS }, (_, index): PublishedPair => {
    const judged = { refused: [] as number[], admitted: [] as number[] };
    let weather = 0;
    for (let hour = 0; hour < DAYS * 24; hour++) {
      if (hour % swingHours === 0) weather = rng.uniform() < 0.5 ? -swing : swing;
      for (let i = 0; i < 8; i++) {
        const at = hour * HOUR + i * 420;
        judged[rng.uniform() >= entryRate + weather ? 'refused' : 'admitted'].push(at);
      }
    }
    return {
      pairId: `P${index}`,
      judged: { refused: Float64Array.from(judged.refused), admitted: Float64Array.from(judged.admitted) },
      resumed: -Infinity,
      trades: [],
      changes: { time: new Float64Array(), change: new Float64Array() },
    };
  });
  return haltedBy(pairs);
}

const percent = (rate: number): string => `${(100 * rate).toFixed(1)} %`;
const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * share)]!;
/** The figures of a release. */
function note(text: string): void {
  if (IS_WEEKLY) console.log(text);
}

function hasBadWindow(wins: readonly number[]): boolean {
  for (let end = 20; end <= wins.length; end++) {
    const window = wins.slice(Math.max(0, end - 50), end);
    if (window.reduce((sum, win) => sum + win, 0) / window.length < 0.35) return true;
  }
  return false;
}

describe('a streak of risk flags', () => {
  it('is too long where the chance of one anywhere in the window is below the significance', () => {
    expect(streakLimit(0.3, 90, 0.01)).toBe(26);
    expect(90 * 0.7 ** 26).toBeLessThan(0.01);
    expect(90 * 0.7 ** 25).toBeGreaterThan(0.01);
    expect([streakLimit(0, 90, 0.01), streakLimit(1, 90, 0.01)]).toEqual([Infinity, 1]);
    expect([lastStreak([1, 0, 0]), lastStreak([0, 0, 1]), lastStreak([0, 0]), lastStreak([])]).toEqual([2, 0, 2, 0]);
  });

  it('alarms in at most 1 % of simulated months, also where risk goes with the hours before it', () => {
    const months = IS_WEEKLY ? 1000 : 200;
    let alarms = 0;
    for (let i = 0; i < months; i++) {
      const rng = createRng(`risk ${i}`);
      let level = rng.normal();
      const blocks: number[] = [];
      for (let block = 0; block < 90; block++) {
        let passed = 0;
        for (let hour = 0; hour < 8; hour++) {
          // Half of it is gone after four hours.
          level = 0.84 * level + Math.sqrt(1 - 0.84 ** 2) * rng.normal();
          if (rng.uniform() < 0.8 && level < -0.5244) passed = 1;
        }
        blocks.push(passed);
      }
      const limit = streakLimit(0.3, 90, 0.01);
      if (blocks.some((_, end) => lastStreak(blocks.slice(0, end + 1)) >= limit)) alarms++;
    }
    note(`risk streak: ${percent(alarms / months)} of ${months} months`);
    expect(alarms / months).toBeLessThanOrEqual(0.01);
  });

  it('is found after 26 time blocks (9 days of 8-hour blocks) when a θ2 with a pass rate of 0.3 admits nothing', () => {
    const limit = streakLimit(0.3, 90, 0.01);
    const delays = Array.from({ length: 200 }, (_, i) => {
      const rng = createRng(`streak ${i}`);
      const blocks = Array.from({ length: 30 }, () => (rng.uniform() < 0.9 ? 1 : 0));
      let after = 0;
      do after = blocks.push(0);
      while (lastStreak(blocks) < limit);
      return after - 30;
    });
    expect(Math.max(...delays)).toBeLessThanOrEqual(26);
    expect(quantile(delays, 0.5)).toBeGreaterThan(24);
  });
});
