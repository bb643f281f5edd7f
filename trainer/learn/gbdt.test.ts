import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ln, sigmoid } from '../../shared/elementary.ts';
import { createRng } from '../../shared/rng.ts';
import type { Tree } from '../../shared/bundle/onnx/tree_ensemble.ts';
import { binMatrix } from './binning.ts';
import { GBDT_DEFAULTS, predict, trainGbdt, type GbdtParams, type Matrix, type TreeEnsemble } from './gbdt.ts';
import { createGradients, quantise } from './histogram.ts';

const SMALL: GbdtParams = { ...GBDT_DEFAULTS, rounds: 4, leaves: 6, minDataInLeaf: 3, learningRate: 0.3 };

/**
 * The same learner, slow and obvious: every candidate split of every leaf is tried by walking over the leaf's rows,
 * nothing is subtracted, nothing is packed, rows are routed by comparing float32 values with the threshold.
 */
function slowGbdt(
  x: Matrix,
  y: Float64Array,
  weights: Float64Array | null,
  params: GbdtParams,
  rounded = true,
): TreeEnsemble {
  const everyRow = [...Array(x.rows).keys()].filter((row) => weights === null || weights[row]! > 0);
  const data = binMatrix(
    x,
    Int32Array.from({ length: x.columns }, (_, c) => c),
    params.maxBins,
    Int32Array.from(everyRow),
  );
  const at = (row: number, column: number): number => x.values[row * x.columns + column]!;
  const weightOf = (row: number): number => weights?.[row] ?? 1;
  const totalWeight = everyRow.reduce((sum, row) => sum + weightOf(row), 0);
  const share = everyRow.reduce((sum, row) => sum + weightOf(row) * y[row]!, 0) / totalWeight;
  const mean = Math.min(Math.max(share, 1e-6), 1 - 1e-6);
  const baseScore = Math.fround(ln(mean / (1 - mean)));
  const scores = new Float64Array(x.rows).fill(baseScore);
  const trees: Tree[] = [];

  for (let round = 0; round < params.rounds; round++) {
    const g = scores.map((s, row) => weightOf(row) * (sigmoid(s) - y[row]!));
    const h = scores.map((s, row) => weightOf(row) * sigmoid(s) * (1 - sigmoid(s)));
    let [gradientUnit, hessianUnit] = [1, 1];
    if (rounded) {
      const q = createGradients(x.rows);
      quantise(q, g, h);
      for (let row = 0; row < x.rows; row++) {
        g[row] = q.packed[2 * row]!;
        h[row] = Math.floor(q.packed[2 * row + 1]! / q.countRange);
      }
      ({ gradientUnit, hessianUnit } = q);
    }
    const unitGain = (gradientUnit * gradientUnit) / hessianUnit;
    const l2 = params.l2 / hessianUnit;
    const sum = (rows: number[], of: Float64Array): number => rows.reduce((total, row) => total + of[row]!, 0);
    const value = (rows: number[]): number => (sum(rows, g) * sum(rows, g)) / (sum(rows, h) + l2);

    interface Candidate {
      column: number;
      threshold: number;
      missingLeft: boolean;
      gain: number;
      left: number[];
      right: number[];
    }
    const bestSplit = (rows: number[]): Candidate | null => {
      let best: Candidate | null = null;
      let bestScore = value(rows) + params.minGain / unitGain;
      for (let column = 0; column < x.columns; column++) {
        const missing = rows.filter((row) => Number.isNaN(at(row, column)));
        const known = rows.filter((row) => !Number.isNaN(at(row, column)));
        const edges = [...data.edges[column]!, Infinity];
        for (let bin = 0; bin < edges.length; bin++) {
          if (!known.some((row) => data.bins[column * x.rows + row] === bin)) continue;
          for (const missingLeft of [false, true]) {
            if (missingLeft && missing.length === 0) continue;
            const goesLeft = (row: number): boolean =>
              Number.isNaN(at(row, column)) ? missingLeft : at(row, column) <= edges[bin]!;
            const left = rows.filter(goesLeft);
            const right = rows.filter((row) => !goesLeft(row));
            if (left.length < params.minDataInLeaf || right.length < params.minDataInLeaf) continue;
            const score = value(left) + value(right);
            if (score > bestScore) {
              bestScore = score;
              const direction = missing.length > 0 ? missingLeft : left.length >= right.length;
              const gain = (score - value(rows)) * unitGain;
              best = { column, threshold: edges[bin]!, missingLeft: direction, gain, left, right };
            }
          }
        }
      }
      return best;
    };

    const nodes = [{ feature: -1, threshold: 0, left: 0, right: 0, missingLeft: 0, value: 0 }];
    const leaves = [{ node: 0, rows: everyRow, split: bestSplit(everyRow) }];
    while (leaves.length < params.leaves) {
      const chosen = leaves.reduce((a, b) => ((b.split?.gain ?? -1) > (a.split?.gain ?? -1) ? b : a));
      if (chosen.split === null) break;
      const { column, threshold, missingLeft, left, right } = chosen.split;
      const children = [nodes.length, nodes.length + 1] as const;
      for (let i = 0; i < 2; i++)
        nodes.push({ feature: -1, threshold: 0, left: 0, right: 0, missingLeft: 0, value: 0 });
      nodes[chosen.node] = {
        feature: column,
        threshold,
        left: children[0],
        right: children[1],
        missingLeft: missingLeft ? 1 : 0,
        value: 0,
      };
      leaves[leaves.indexOf(chosen)] = { node: children[0], rows: left, split: bestSplit(left) };
      leaves.push({ node: children[1], rows: right, split: bestSplit(right) });
    }
    if (nodes.length === 1) break;
    for (const { node, rows } of leaves) {
      const step = (-sum(rows, g) * (gradientUnit / hessianUnit)) / (sum(rows, h) + l2);
      nodes[node]!.value = Math.fround(step * params.learningRate);
      for (const row of rows) scores[row] = scores[row]! + nodes[node]!.value;
    }
    trees.push({
      feature: Int32Array.from(nodes, (n) => n.feature),
      threshold: Float32Array.from(nodes, (n) => n.threshold),
      left: Int32Array.from(nodes, (n) => n.left),
      right: Int32Array.from(nodes, (n) => n.right),
      missingLeft: Uint8Array.from(nodes, (n) => n.missingLeft),
      value: Float32Array.from(nodes, (n) => n.value),
    });
  }
  return { columns: x.columns, baseScore, trees };
}

/** Rows of which columns 0–3 matter, with ties, missing values and infinities. */
function makeRows(rows: number, columns: number, seed: string): { x: Matrix; y: Float64Array } {
  const rng = createRng(seed);
  const values = new Float32Array(rows * columns);
  const y = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const o = row * columns;
    for (let c = 0; c < columns; c++) values[o + c] = c % 3 === 1 ? Math.round(rng.normal() * 4) / 4 : rng.normal();
    const logit = values[o]! + 1.5 * values[o + 1]! * values[o + 2]! - (values[o + 3]! > 0.5 ? 2 : 0);
    y[row] = rng.uniform() < sigmoid(logit) ? 1 : 0;
    if (rng.uniform() < 0.1) values[o + 2] = NaN;
    if (rng.uniform() < 0.02) values[o] = y[row]! > 0.5 ? Infinity : -Infinity;
  }
  return { x: { rows, columns, values }, y };
}

const logLossOf = (p: Float64Array, y: Float64Array): number =>
  y.reduce((sum, target, i) => sum - target * Math.log(p[i]!) - (1 - target) * Math.log(1 - p[i]!), 0) / y.length;

describe('trainGbdt against the slow learner', () => {
  const cell = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -3, max: 3 }).map((k) => Math.fround(k / 3)) },
    { weight: 3, arbitrary: fc.float({ noNaN: true }) },
    { weight: 1, arbitrary: fc.constant(NaN) },
  );
  const problem = fc.integer({ min: 1, max: 60 }).chain((rows) =>
    fc.record({
      cells: fc.array(cell, { minLength: rows * 3, maxLength: rows * 3 }),
      y: fc.array(fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true })), {
        minLength: rows,
        maxLength: rows,
      }),
      weights: fc.option(
        fc
          .array(fc.constantFrom(0.25, 1, 1, 3), { minLength: rows, maxLength: rows })
          .chain((w) =>
            fc.integer({ min: 0, max: rows - 1 }).map((zero) => w.map((v, i) => (i === zero && rows > 1 ? 0 : v))),
          ),
        { nil: null },
      ),
      minDataInLeaf: fc.integer({ min: 1, max: 8 }),
      l2: fc.constantFrom(0, 1, 10),
      minGain: fc.constantFrom(0, 0.5),
      maxBins: fc.constantFrom(2, 5, 255),
    }),
  );

  it('grows the same trees to the last bit', () => {
    fc.assert(
      fc.property(problem, ({ cells, y: targets, weights: w, ...rules }) => {
        const y = Float64Array.from(targets);
        const weights = w === null ? null : Float64Array.from(w);
        const x = { rows: y.length, columns: 3, values: Float32Array.from(cells) };
        const params = { ...SMALL, ...rules };
        expect(trainGbdt(x, y, weights, params)).toEqual(slowGbdt(x, y, weights, params));
      }),
      { numRuns: 300 },
    );
  });

  it('grows the same trees when every fourth and more columns are shared in one pass', () => {
    for (const columns of [4, 7, 9]) {
      const { x, y } = makeRows(150, columns, `columns ${columns}`);
      expect(trainGbdt(x, y, null, SMALL)).toEqual(slowGbdt(x, y, null, SMALL));
    }
  });

  it('predicts what unrounded float64 gradients predict', () => {
    const { x, y } = makeRows(500, 5, 'unrounded');
    const exact = predict(slowGbdt(x, y, null, SMALL, false), x);
    const fast = predict(trainGbdt(x, y, null, SMALL), x);
    fast.forEach((p, i) => expect(Math.abs(p - exact[i]!)).toBeLessThan(1e-6));
  });
});

describe('trainGbdt', () => {
  const train = makeRows(4000, 8, 'train');
  const test = makeRows(4000, 8, 'test');
  const params: GbdtParams = { ...GBDT_DEFAULTS, rounds: 60, learningRate: 0.1, minDataInLeaf: 20 };

  it('learns what can be learnt, and lowers the training loss with every round', () => {
    const ensemble = trainGbdt(train.x, train.y, null, params);
    const losses = [0, 1, 5, 20, 60].map((n) =>
      logLossOf(predict({ ...ensemble, trees: ensemble.trees.slice(0, n) }, train.x), train.y),
    );
    for (let i = 1; i < losses.length; i++) expect(losses[i]!).toBeLessThan(losses[i - 1]!);
    const base = logLossOf(new Float64Array(test.y.length).fill(sigmoid(ensemble.baseScore)), test.y);
    expect(logLossOf(predict(ensemble, test.x), test.y)).toBeLessThan(0.8 * base);
  });

  it('gives the same trees for the same seed and others for another, when it samples', () => {
    const sampled = { ...params, rounds: 10, rowFraction: 0.7, columnFraction: 0.5 };
    const one = trainGbdt(train.x, train.y, null, sampled);
    expect(trainGbdt(train.x, train.y, null, sampled)).toEqual(one);
    expect(trainGbdt(train.x, train.y, null, { ...sampled, seed: 1 })).not.toEqual(one);
    for (const tree of one.trees) {
      const used = new Set([...tree.feature].filter((column) => column >= 0));
      expect(used.size).toBeLessThanOrEqual(4);
    }
    expect(logLossOf(predict(one, test.x), test.y)).toBeLessThan(
      logLossOf(predict({ ...one, trees: [] }, test.x), test.y),
    );
  });

  it('does not depend on the order of the rows when it does not sample', () => {
    const { x, y } = train;
    const order = Array.from({ length: x.rows }, (_, i) => (i * 1237) % x.rows);
    const values = Float32Array.from({ length: x.values.length }, (_, i) => {
      return x.values[order[Math.floor(i / x.columns)]! * x.columns + (i % x.columns)]!;
    });
    const shuffled = trainGbdt(
      { ...x, values },
      Float64Array.from(order, (row) => y[row]!),
      null,
      params,
    );
    expect(shuffled).toEqual(trainGbdt(x, y, null, params));
  });

  it('splits only on the allowed columns', () => {
    const ensemble = trainGbdt(train.x, train.y, null, { ...params, rounds: 5, columns: [3, 0] });
    const used = new Set(ensemble.trees.flatMap((tree) => [...tree.feature]));
    expect([...used].sort()).toEqual([-1, 0, 3]);
    expect(ensemble.columns).toBe(8);
  });

  it('keeps at least minDataInLeaf rows in every leaf, and at most the allowed leaves', () => {
    const ensemble = trainGbdt(train.x, train.y, null, { ...params, rounds: 3, minDataInLeaf: 150, leaves: 9 });
    for (const tree of ensemble.trees) {
      const counts = new Map<number, number>();
      for (let row = 0; row < train.x.rows; row++) {
        const p = predict(
          { columns: 8, baseScore: 0, trees: [tree] },
          {
            rows: 1,
            columns: 8,
            values: train.x.values.subarray(row * 8, row * 8 + 8),
          },
        )[0]!;
        counts.set(p, (counts.get(p) ?? 0) + 1);
      }
      expect(Math.min(...counts.values())).toBeGreaterThanOrEqual(150);
      expect([...tree.feature].filter((f) => f < 0).length).toBeLessThanOrEqual(9);
    }
  });

  it('treats a row of weight 2 as two rows and a row of weight 0 as none', () => {
    const { x, y } = makeRows(300, 4, 'weights');
    const weights = Float64Array.from({ length: 300 }, (_, row) => (row % 5 === 0 ? 0 : row % 3 === 0 ? 2 : 1));
    const copies = [...weights].flatMap((weight, row) => Array<number>(weight).fill(row));
    const values = Float32Array.from(copies.flatMap((row) => [...x.values.subarray(row * 4, row * 4 + 4)]));
    const doubled = { rows: copies.length, columns: 4, values };
    const rules = { ...SMALL, minDataInLeaf: 1, leaves: 4 };
    const weighted = predict(trainGbdt(x, y, weights, rules), x);
    const repeated = predict(
      trainGbdt(
        doubled,
        Float64Array.from(copies, (row) => y[row]!),
        null,
        rules,
      ),
      x,
    );
    weighted.forEach((p, i) => expect(Math.abs(p - repeated[i]!)).toBeLessThan(1e-6));
  });

  it('learns soft targets as their probability', () => {
    const rows = 2000;
    const values = Float32Array.from({ length: rows }, (_, i) => i % 4);
    const y = Float64Array.from(values, (v) => [0.1, 0.25, 0.6, 0.95][v]!);
    const p = predict(trainGbdt({ rows, columns: 1, values }, y, null, { ...params, rounds: 150, l2: 0 }), {
      rows,
      columns: 1,
      values,
    });
    p.forEach((probability, i) => expect(Math.abs(probability - y[i]!)).toBeLessThan(1e-4));
  });

  it('separates missing from known when that is all there is to know', () => {
    const rows = 400;
    const values = Float32Array.from({ length: rows }, (_, i) => (i % 2 ? NaN : i));
    const y = Float64Array.from({ length: rows }, (_, i) => i % 2);
    const ensemble = trainGbdt({ rows, columns: 1, values }, y, null, params);
    const p = predict(ensemble, { rows: 3, columns: 1, values: Float32Array.of(NaN, 1e9, -1e9) });
    expect(p[0]).toBeGreaterThan(0.9);
    expect(p[1]).toBeLessThan(0.1);
    expect(p[2]).toBeLessThan(0.1);
  });

  it('stops early on validation rows and keeps the trees of the best round', () => {
    const noisy = { x: train.x, y: Float64Array.from(train.y, (t, i) => (i % 3 === 0 ? 1 - t : t)) };
    const eager = { ...params, rounds: 400, learningRate: 0.3 };
    const seen: number[] = [];
    const stopped = trainGbdt(noisy.x, noisy.y, null, eager, {
      validation: test,
      earlyStoppingRounds: 20,
      onRound: (round) => seen.push(round),
    });
    expect(seen.length).toBe(stopped.trees.length + 20);
    expect(seen.length).toBeLessThan(400);
    const all = trainGbdt(noisy.x, noisy.y, null, { ...eager, rounds: seen.length });
    expect(all.trees.slice(0, stopped.trees.length)).toEqual(stopped.trees);
    const lossAfter = (n: number): number =>
      logLossOf(predict({ ...all, trees: all.trees.slice(0, n) }, test.x), test.y);
    const losses = all.trees.map((_, i) => lossAfter(i + 1));
    expect(losses.indexOf(Math.min(...losses)) + 1).toBe(stopped.trees.length);
  });

  it('answers the mean when nothing can be split', () => {
    const x = { rows: 10, columns: 1, values: new Float32Array(10).fill(3) };
    const ensemble = trainGbdt(x, new Float64Array(10).fill(0.25), null, params);
    expect(ensemble.trees).toEqual([]);
    expect(predict(ensemble, x)[0]).toBeCloseTo(0.25, 6);
    const certain = trainGbdt(x, new Float64Array(10).fill(1), null, params);
    expect(predict(certain, x)[0]).toBeGreaterThan(0.999);
  });

  it('refuses data and parameters that mean nothing', () => {
    const { x, y } = makeRows(10, 2, 'bad');
    expect(() => trainGbdt(x, y.slice(1), null, params)).toThrow(RangeError);
    expect(() =>
      trainGbdt(
        x,
        y.map(() => 2),
        null,
        params,
      ),
    ).toThrow(/target 2 of row 0/);
    expect(() =>
      trainGbdt(
        x,
        y,
        y.map(() => -1),
        params,
      ),
    ).toThrow(/weight -1/);
    expect(() => trainGbdt(x, y, new Float64Array(10), params)).toThrow(/There is not enough data/);
    expect(() => trainGbdt(x, y, null, { ...params, maxBins: 256 })).toThrow(/maxBins is 256/);
    expect(() => trainGbdt(x, y, null, { ...params, rowFraction: 0 })).toThrow(/rowFraction is 0/);
    expect(() => trainGbdt(x, y, null, { ...params, columns: [2] })).toThrow(/column 2/);
  });
});
