import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomHistory } from '../../../history/pair_history.fixture.ts';
import { HISTORY_COLUMNS, type PairHistory } from '../../../history/pair_history.ts';
import { labelPair, RISK_PARTS, type BarLabels, type PairLabelPolicy } from './pair_labels.ts';
import { EVALUATION_BARRIERS, isCandidate, reversionLabel, type Barriers } from './reversion.ts';
import { resultOf } from './result.ts';
import { riskLabel } from './risk.ts';
import { scaleLabel } from './scale.ts';

const POLICY: PairLabelPolicy = {
  barriers: EVALUATION_BARRIERS,
  risk: { horizon: 8, leverage: 10, dd_threshold: 0.02, vol_ratio: 1.4, corr_drop: -0.1 },
  scale: { horizon: 8, leverage: 10, target_sigma: 0.02 },
};
const isEveryThird = (time: number): boolean => (time / 60) % 3 === 0;
const history = randomHistory('pair labels', 900, -1);

/** Bar by bar with the label's own function. */
function expected(
  own: PairHistory,
  isWanted: (t: number) => boolean,
  labelOf: (t: number) => { label: number; end: number } | null,
): BarLabels {
  const found = Array.from({ length: own.length }, (_, bar) => ({ bar, outcome: isWanted(bar) ? labelOf(bar) : null }));
  const known = found.flatMap(({ bar, outcome }) => (outcome === null ? [] : [{ bar, ...outcome }]));
  return {
    bar: Int32Array.from(known, ({ bar }) => bar),
    end: Int32Array.from(known, ({ end }) => end),
    label: Float64Array.from(known, ({ label }) => label),
  };
}

describe('labelPair', () => {
  it('has before a hole the labels that the bars before it give alone, and behind it those of the bars behind it', () => {
    const cut = 500;
    const part = (from: number, to: number): PairHistory => ({
      ...history,
      length: to - from,
      ...Object.fromEntries(HISTORY_COLUMNS.map((name) => [name, history[name].slice(from, to)])),
    });
    const holed = { ...history, time: history.time.map((time, t) => time + (t >= cut ? 30 * 86_400 : 0)) };
    const labels = labelPair(holed, POLICY, isEveryThird);
    const before = labelPair(part(0, cut), POLICY, isEveryThird);
    const behind = labelPair(part(cut, history.length), POLICY, isEveryThird);
    for (const name of ['ai1', 'ai2', 'ai3', 'evaluation'] as const) {
      const [first, second] = [before[name], behind[name]];
      expect([first.bar.length > 20, second.bar.length > 20]).toEqual([true, true]);
      expect([...labels[name].bar]).toEqual([...first.bar, ...second.bar.map((bar) => bar + cut)]);
      expect([...labels[name].end]).toEqual([...first.end, ...second.end.map((bar) => bar + cut)]);
      expect([...labels[name].label]).toEqual([...first.label, ...second.label]);
    }
    for (let t = 0; t < cut; t++) {
      const result = resultOf(holed, t, EVALUATION_BARRIERS);
      if (result !== null) expect(result.end).toBeLessThan(cut);
    }
  });

  it('has every label of its own function, for the bars it applies to, on random histories', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(-1 as const, 1 as const), (seed, sign) => {
        const own = randomHistory(seed, 200, sign);
        const { ai1, ai2, ai3, evaluation } = labelPair(own, POLICY, isEveryThird);
        const isSampled = (t: number): boolean => isEveryThird(own.time[t]!);
        const isEntry = (t: number): boolean => isCandidate(own, t, EVALUATION_BARRIERS);
        expect(ai1).toEqual(expected(own, isEntry, (t) => reversionLabel(own, t, EVALUATION_BARRIERS)));
        expect(evaluation).toBe(ai1);
        expect(ai3).toEqual(expected(own, isSampled, (t) => scaleLabel(own, t, POLICY.scale)));
        const risk = expected(own, isSampled, (t) => riskLabel(own, t, POLICY.risk));
        expect({ bar: ai2.bar, end: ai2.end, label: ai2.label }).toEqual(risk);
      }),
      { numRuns: 30 },
    );
  });

  it('has AI2’s parts in separate columns, whose disjunction is the label', () => {
    const { ai2 } = labelPair(history, POLICY, isEveryThird);
    ai2.bar.forEach((t, i) => {
      const outcome = riskLabel(history, t, POLICY.risk)!;
      for (const part of RISK_PARTS) expect(ai2.parts[part][i]).toBe(outcome[part]);
      expect(ai2.label[i]).toBe(RISK_PARTS.some((part) => ai2.parts[part][i] === 1) ? 1 : 0);
    });
    for (const part of RISK_PARTS) {
      expect(ai2.parts[part].length).toBe(ai2.bar.length);
      expect(new Set(ai2.parts[part])).toEqual(new Set([0, 1]));
    }
  });

  it('has the fixed evaluation label in addition to the training label', () => {
    const fixed = labelPair(history, POLICY, isEveryThird).evaluation;
    const barriers: Barriers = { z_entry: 1.5, z_exit: 0, stop: 1, horizon: 20 };
    const variant = labelPair(history, { ...POLICY, barriers }, isEveryThird);
    expect(variant.evaluation).toEqual(fixed);
    expect(variant.ai1).toEqual(
      expected(
        history,
        (t) => isCandidate(history, t, barriers),
        (t) => reversionLabel(history, t, barriers),
      ),
    );
    expect(variant.ai1.bar.length).toBeGreaterThan(fixed.bar.length);
  });

  it.each([{ z_entry: 1.5 }, { z_exit: 0 }, { stop: 0.5 }, { horizon: 5 }])(
    'trains on its own barriers if only %j differs from the fixed label',
    (changes) => {
      const barriers = { ...EVALUATION_BARRIERS, ...changes };
      const { ai1, evaluation } = labelPair(history, { ...POLICY, barriers }, isEveryThird);
      const own = expected(
        history,
        (t) => isCandidate(history, t, barriers),
        (t) => reversionLabel(history, t, barriers),
      );
      expect(ai1).toEqual(own);
      expect(ai1).not.toEqual(evaluation);
    },
  );

  it('reads no bar after the one at which a label was known', () => {
    const { ai1, ai2, ai3 } = labelPair(history, POLICY, isEveryThird);
    const cutAt = (length: number): PairHistory => ({ ...randomHistory('pair labels', length, -1) });
    for (const [set, labelOf] of [
      [ai1, (own: PairHistory, t: number) => reversionLabel(own, t, EVALUATION_BARRIERS)],
      [ai2, (own: PairHistory, t: number) => riskLabel(own, t, POLICY.risk)],
      [ai3, (own: PairHistory, t: number) => scaleLabel(own, t, POLICY.scale)],
    ] as const) {
      for (let i = 0; i < set.bar.length; i += 9) {
        const t = set.bar[i]!;
        const end = set.end[i]!;
        expect(labelOf(cutAt(end + 1), t)).toMatchObject({ label: set.label[i], end });
        expect(labelOf(cutAt(end), t)).toBeNull();
      }
    }
  });

  it('is empty for an empty history', () => {
    const { ai1, ai2, ai3 } = labelPair(randomHistory('none', 0, 1), POLICY, () => true);
    for (const { bar, end, label } of [ai1, ai2, ai3])
      expect([bar.length, end.length, label.length]).toEqual([0, 0, 0]);
  });
});
