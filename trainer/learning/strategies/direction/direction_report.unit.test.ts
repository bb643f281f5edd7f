import fc from 'fast-check';
import { expect, it } from 'vitest';
import { classAucs, pickAnswers, upOrDownAuc, type EvaluatedAnswers } from './direction_report.ts';
import { DOWN, RANGE, UP } from './label/direction.ts';

const CLASSES = 3;
const HOUR = 3600;

const row = fc.record({
  block: fc.integer({ min: 0, max: 2 }),
  label: fc.constantFrom(UP, DOWN, RANGE),
  // Few values, so that ties occur.
  up: fc.constantFrom(0.1, 0.2, 0.3, 0.4),
  down: fc.constantFrom(0.1, 0.2, 0.3, 0.4),
});
interface Row {
  readonly block: number;
  readonly label: number;
  readonly up: number;
  readonly down: number;
}

function answersOf(rows: readonly Row[], isOneModel = false): EvaluatedAnswers {
  const probabilities = new Float64Array(rows.length * CLASSES);
  rows.forEach(({ up, down }, i) => {
    probabilities[i * CLASSES + UP] = up;
    probabilities[i * CLASSES + DOWN] = down;
    probabilities[i * CLASSES + RANGE] = 1 - up - down;
  });
  return {
    classes: CLASSES,
    probabilities,
    labels: Float64Array.from(rows, ({ label }) => label),
    rows: Int32Array.from(rows.keys()),
    ...(!isOneModel && { block: Int32Array.from(rows, ({ block }) => block) }),
  };
}

/** Share of pairs of a positive and a negative row of the same block that are in order; ties count half. */
function slowAuc(
  rows: readonly Row[],
  of: { score(row: Row): number; isPositive(row: Row): boolean; isCompared(row: Row): boolean },
): number | null {
  let won = 0;
  let pairs = 0;
  for (const one of rows)
    for (const other of rows) {
      if (one.block !== other.block || !of.isCompared(one) || !of.isCompared(other)) continue;
      if (!of.isPositive(one) || of.isPositive(other)) continue;
      pairs++;
      won += of.score(one) > of.score(other) ? 1 : of.score(one) === of.score(other) ? 0.5 : 0;
    }
  return pairs === 0 ? null : won / pairs;
}

function close(seen: number | null, expected: number | null): void {
  if (seen === null || expected === null) expect(seen).toBe(expected);
  else expect(seen).toBeCloseTo(expected, 12);
}

const times = { time: Float64Array.from({ length: 400 }, (_, i) => i * 7 * HOUR) };

it('ranks a row among those that the model of its block has answered', () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 60 }), (rows) => {
      const answers = answersOf(rows);
      const aucs = classAucs(answers);
      const scores = [({ up }: Row) => up, ({ down }: Row) => down, ({ up, down }: Row) => 1 - up - down];
      scores.forEach((score, k) =>
        close(aucs[k]!, slowAuc(rows, { score, isPositive: ({ label }) => label === k, isCompared: () => true })),
      );
      const expected = slowAuc(rows, {
        score: ({ up, down }) => up - down,
        isPositive: ({ label }) => label === UP,
        isCompared: ({ label }) => label !== RANGE,
      });
      const seen = upOrDownAuc(times, answers);
      // Its error needs two days.
      if (seen !== null) close(seen.auc, expected);
      // Picked answers keep their blocks, and those of one model are all compared.
      const half = Int32Array.from(rows.keys()).filter((i) => i % 2 === 0);
      const kept = rows.filter((_, i) => i % 2 === 0);
      expect(classAucs(pickAnswers(answers, half))).toEqual(classAucs(answersOf(kept)));
      const joined = rows.map((own) => ({ ...own, block: 0 }));
      expect(classAucs(answersOf(rows, true))).toEqual(classAucs(answersOf(joined)));
    }),
  );
});

it('is one half for base rates that differ between blocks, and below it over all blocks together', () => {
  // Each block answers the base rate of the blocks before it: a rise is less probable where it was rare before.
  const blockOf = (block: number, up: number, rises: number): Row[] =>
    Array.from({ length: 20 }, (_, i) => ({ block, up, down: 0.2, label: i < rises ? UP : DOWN }));
  const rows = [...blockOf(0, 0.4, 5), ...blockOf(1, 0.1, 15)];
  expect(classAucs(answersOf(rows))).toEqual([0.5, 0.5, null]);
  expect(classAucs(answersOf(rows, true))[UP]!).toBeLessThan(0.3);
  expect(upOrDownAuc(times, answersOf(rows))!.auc).toBe(0.5);
});
