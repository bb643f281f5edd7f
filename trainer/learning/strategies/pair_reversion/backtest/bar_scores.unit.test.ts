import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BundleModel } from '../../../../../shared/bundle/manifest.ts';
import type { BatchScores, ModelSet } from '../../../../../shared/bundle/model_set.ts';
import type { DecisionPolicy } from '../../../../../shared/strategies/pair_reversion/pair_input.ts';
import { createRng } from '../../../../../shared/rng.ts';
import { randomHistory } from '../../../history/pair_history.fixture.ts';
import type { PairHistory } from '../../../history/pair_history.ts';
import { EVALUATION_BARRIERS } from '../label/reversion.ts';
import { isEvaluatedMinute, ROWS_PER_SCORE, scoreAllBars, scoreBars } from './bar_scores.ts';

const THRESHOLDS = { theta1: 0.5, theta2: 0.6 };
const COLUMNS = 3;
/** What a feature adds to the number of its bar. */
const COLUMN_STEP = 100_000;
const NAMES = ['ai1', 'ai2', 'ai3', 'riskScore', 'resultSigmas'] as const;

function policyOf(z_entry: number, max_age_bars: number): DecisionPolicy {
  return {
    z_entry,
    z_exit: 0.5,
    stop: 1.5,
    max_age_bars,
    beta_min: 0.05,
    beta_max: 20,
    risk_exit: 0.95,
    require_edge: false,
    no_entry_windows: [],
    min_expected_net_bps: -Infinity,
  };
}

/** A history whose features identify their bar, kept from `start` on, in descending order of time. */
function namedHistory(seed: string, length: number, start: number): PairHistory {
  const history = randomHistory(seed, length, 1);
  const rows = length - start;
  const row = history.row.map((_, t) => (t < start ? -1 : length - 1 - t));
  const features = new Float32Array(rows * COLUMNS);
  for (let t = start; t < length; t++)
    for (let c = 0; c < COLUMNS; c++) features[row[t]! * COLUMNS + c] = t + c * COLUMN_STEP;
  return { ...history, row, features, rows };
}

/** Answers by bar, into the same memory each time, like a model set; models that are not scored answer −1. */
function createSet(answers: readonly number[], isPromise: boolean) {
  const batch = (): Float64Array => new Float64Array(ROWS_PER_SCORE);
  const scores: BatchScores = {
    return_prob: batch(),
    risk_prob: batch(),
    risk_score: batch(),
    position_scale: batch(),
    result_sigmas: batch(),
  };
  const asked: { readonly models: string; readonly bars: readonly number[] }[] = [];
  const set = {
    // Each bar alone: the rule of sequences is in the schema's windows.
    schema: { windows: {} },
    infer(features: Float32Array, rows: number, only: readonly BundleModel[]) {
      expect(features).toHaveLength(rows * COLUMNS);
      const bars = Array.from({ length: rows }, (_, i) => features[i * COLUMNS]!);
      const isWhole = features.every(
        (value, i) => value === bars[Math.floor(i / COLUMNS)]! + (i % COLUMNS) * COLUMN_STEP,
      );
      expect(isWhole).toBe(true);
      asked.push({ models: only.join(), bars });
      const answer = (): BatchScores => {
        for (const column of Object.values(scores) as Float64Array[]) column.fill(-1);
        bars.forEach((t, i) => {
          if (only.includes('ai1')) scores.return_prob[i] = answers[5 * t]!;
          if (only.includes('ai2')) scores.risk_prob[i] = answers[5 * t + 1]!;
          if (only.includes('ai3')) scores.position_scale[i] = answers[5 * t + 2]!;
          if (only.includes('ai2')) scores.risk_score[i] = answers[5 * t + 3]!;
          if (only.includes('net')) scores.result_sigmas[i] = answers[5 * t + 4]!;
        });
        return scores;
      };
      return isPromise ? Promise.resolve().then(answer) : answer();
    },
  } as unknown as ModelSet;
  return { set, asked };
}

/** Computes bar by bar which bars each model must score. */
function obviousScores(history: PairHistory, start: number, policy: DecisionPolicy, answers: readonly number[]) {
  const expected = NAMES.map(() => new Float64Array(history.length).fill(NaN));
  const farOut = Math.min(policy.z_entry, EVALUATION_BARRIERS.z_entry);
  const isLikely = (t: number): boolean => Math.abs(history.z[t]!) >= policy.z_entry && answers[5 * t]! > 0.5;
  const isEntry = (t: number): boolean => isLikely(t) && answers[5 * t + 3]! < 0.6;
  for (let t = start; t < history.length; t++) {
    const isEvaluated = (history.time[t]! / 60) % 7 === 0;
    let isRisk = isEvaluated || isLikely(t) || t < start + policy.max_age_bars;
    for (let s = Math.max(start, t - policy.max_age_bars); s < t; s++) isRisk ||= isEntry(s);
    const isFar = Math.abs(history.z[t]!) >= farOut;
    const isAsked = { ai1: isFar, ai2: isRisk, ai3: isEvaluated || isEntry(t), riskScore: isRisk, resultSigmas: isFar };
    NAMES.forEach((name, i) => {
      if (isAsked[name]) expected[i]![t] = answers[5 * t + i]!;
    });
  }
  return expected;
}

describe('scoreBars', () => {
  it('scores each model once at exactly the bars where its answer decides or is evaluated', async () => {
    let left = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.string(),
        fc.integer({ min: 0, max: 50 }),
        fc.constantFrom(1.2, 2, 2.6),
        fc.constantFrom(0, 1, 6),
        fc.boolean(),
        async (seed, start, z_entry, max_age_bars, isPromise) => {
          const history = namedHistory(seed, 300, start);
          const rng = createRng(seed);
          const answers = Array.from({ length: 5 * 300 }, () => rng.uniform());
          const policy = policyOf(z_entry, max_age_bars);
          const { set, asked } = createSet(answers, isPromise);
          const scores = await scoreBars(set, history, start, policy, THRESHOLDS);
          const expected = obviousScores(history, start, policy, answers);
          NAMES.forEach((name, i) => expect(scores[name], name).toEqual(expected[i]));
          for (const model of ['ai1,net', 'ai2', 'ai3']) {
            const bars = asked.filter(({ models }) => models === model).flatMap((question) => question.bars);
            expect(new Set(bars).size).toBe(bars.length);
          }
          left += scores.ai2.filter(Number.isNaN).length;
        },
      ),
      { numRuns: 60, seed: 1 },
    );
    expect(left).toBeGreaterThan(1000);
  });

  it('treats an answer exactly at a threshold as a refusal, and z exactly at the entry as a candidate', async () => {
    const policy = policyOf(2.5, 3);
    const at = async (returnProb: number, riskScore: number, z: number): Promise<boolean> => {
      const { time: minutes, ...history } = namedHistory('threshold', 40, 0);
      // No evaluated minute among the bars in question.
      const time = minutes.map((_, t) => (7 * 1000 + 1 + (t % 6)) * 60);
      const quiet = { ...history, time, z: history.z.map((_, t) => (t === 10 ? z : 0)) };
      const answers = Array.from({ length: 5 * 40 }, (_, i) => [returnProb, 0, 0, riskScore, 0][i % 5]!);
      const scores = await scoreBars(createSet(answers, false).set, quiet, 0, policy, THRESHOLDS);
      expect(Number.isNaN(scores.ai2[14]), 'after the longest age').toBe(true);
      expect(Number.isNaN(scores.ai3[10]), 'scale of an entry').toBe(Number.isNaN(scores.ai2[13]));
      return !Number.isNaN(scores.ai2[13]);
    };
    expect(await at(0.51, 0.59, 2.5)).toBe(true);
    expect(await at(0.51, 0.59, -2.5)).toBe(true);
    expect(await at(0.51, 0.59, 2.49)).toBe(false);
    expect(await at(0.5, 0.59, 2.5)).toBe(false);
    expect(await at(0.51, 0.6, 2.5)).toBe(false);
  });

  it('scores all bars in batches of the set’s size', async () => {
    const length = 2 * ROWS_PER_SCORE + 10;
    const history = namedHistory('long', length, 3);
    const answers = Array.from({ length: 5 * length }, (_, i) => i);
    const { set, asked } = createSet(answers, false);
    const scores = await scoreBars(set, history, 3, policyOf(2, length), THRESHOLDS);
    const ofRisk = asked.filter(({ models }) => models === 'ai2');
    expect(ofRisk.map(({ bars }) => bars.length)).toEqual([ROWS_PER_SCORE, ROWS_PER_SCORE, 7]);
    expect(scores.ai2.subarray(3)).toEqual(Float64Array.from({ length: length - 3 }, (_, i) => 5 * (i + 3) + 1));
  });

  it('scores nothing without bars', async () => {
    const { set, asked } = createSet([], false);
    const scores = await scoreBars(set, namedHistory('none', 20, 20), 20, policyOf(2, 6), THRESHOLDS);
    expect(asked).toEqual([]);
    expect(scores.riskScore).toEqual(new Float64Array(20).fill(NaN));
  });
});

describe('scoreAllBars', () => {
  it.each([
    ['ai1,ai2,ai3', {}],
    ['ai1,ai2,ai3,net', { 'net.onnx': {} }],
  ])('scores every bar from the start on by %s of the pair’s models', async (models, files) => {
    const history = namedHistory('all', 30, 4);
    const isNet = models.endsWith('net');
    const answers = Array.from({ length: 5 * 30 }, (_, i) => i);
    const { set, asked } = createSet(answers, true);
    const own = { ...set, manifest: { files } };
    const serving = (id: string) => (id === 'AAA_BBB' ? own : null);
    const scores = await scoreAllBars({ groups: { serving } } as unknown as ModelSet, history, 4);
    expect(asked).toEqual([{ models, bars: Array.from({ length: 26 }, (_, i) => i + 4) }]);
    NAMES.forEach((name, i) => {
      const answer = (t: number): number => (name === 'resultSigmas' && !isNet ? -1 : 5 * t + i);
      expect(scores[name], name).toEqual(history.z.map((_, t) => (t < 4 ? NaN : answer(t))));
    });
  });
});

describe('isEvaluatedMinute', () => {
  it('is every seventh minute', () => {
    const evaluated = Array.from({ length: 15 }, (_, minute) => isEvaluatedMinute((7000 + minute) * 60));
    expect(evaluated.flatMap((is, minute) => (is ? [minute] : []))).toEqual([0, 7, 14]);
  });
});
