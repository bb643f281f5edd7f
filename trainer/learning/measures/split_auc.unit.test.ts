import { expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { auc } from './metrics.ts';
import { splitAuc, type SplitAnswers } from './split_auc.ts';

/** Share of the pairs of a positive and a negative row of the same split in which the positive scores above. */
function byPairs(splits: readonly SplitAnswers[]): number {
  let won = 0;
  let pairs = 0;
  for (const { scores, labels } of splits)
    for (let i = 0; i < labels.length; i++)
      for (let j = 0; j < labels.length; j++) {
        if (labels[i] !== 1 || labels[j] !== 0) continue;
        pairs++;
        won += scores[i]! > scores[j]! ? 1 : scores[i] === scores[j] ? 0.5 : 0;
      }
  return won / pairs;
}

it('counts pairs of rows of the same split', () => {
  const rng = createRng('splits');
  const splits = [40, 25, 7].map((rows): SplitAnswers => {
    const labels = Float64Array.from({ length: rows }, () => rng.integer(2));
    return { labels, scores: labels.map((label) => Math.floor(8 * rng.uniform()) + label) };
  });
  expect(splitAuc(splits)).toBeCloseTo(byPairs(splits), 12);
  expect(splitAuc(splits.slice(0, 1))).toBe(auc(splits[0]!.scores, splits[0]!.labels));
});

it('of the base rates of the other splits is one half, though over all rows it is below', () => {
  const labels = [0.2, 0.4, 0.6].map((share) =>
    Float64Array.from({ length: 50 }, (_, row) => (row < 50 * share ? 1 : 0)),
  );
  const splits = labels.map((own, k) => ({ labels: own, scores: own.map(() => 0.4 - 0.1 * (k - 1)) }));
  expect(splitAuc(splits)).toBe(0.5);
  const all = (of: (own: (typeof splits)[number]) => Float64Array): number[] => splits.flatMap((own) => [...of(own)]);
  expect(
    auc(
      all((own) => own.scores),
      all((own) => own.labels),
    ),
  ).toBeLessThan(0.4);
});

it('leaves out splits of one class, and is null of these alone', () => {
  const both = { scores: [0.1, 0.9], labels: [0, 1] };
  const one = { scores: [0.3, 0.2], labels: [1, 1] };
  expect(splitAuc([both, one])).toBe(1);
  expect(splitAuc([one])).toBeNull();
  expect(splitAuc([])).toBeNull();
});
