import { describe, expect, it } from 'vitest';
import type { TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { sigmoid } from '../../../shared/elementary.ts';
import { createRng } from '../../../shared/rng.ts';
import type { FitRows } from '../learners/contract/fit_rows.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import { fittedTrees } from '../learners/trees/fitted_trees.ts';
import { fitPlatt, scalingOfPlatt } from './platt.ts';
import { recalibration } from './recalibrate.ts';

/** Logit −1 up to one half, 1 beyond. */
const MODEL: TreeModel = {
  link: 'sigmoid',
  ensembles: [
    {
      columns: 1,
      baseScore: 0,
      trees: [
        {
          feature: Int32Array.of(0, -1, -1),
          threshold: Float32Array.of(0.5, 0, 0),
          missingLeft: Uint8Array.of(1, 0, 0),
          left: Int32Array.of(1, 0, 0),
          right: Int32Array.of(2, 0, 0),
          value: Float32Array.of(0, -1, 1),
        },
      ],
    },
  ],
} as unknown as TreeModel;

/** Labels with the probability sigmoid(slope · logit + intercept). */
function rowsOf(count: number, slope: number, intercept: number, seed = 'rows'): FitRows {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: count }, () => rng.uniform());
  const time = Float64Array.from({ length: count }, (_, row) => row * 60);
  return {
    x: { rows: count, columns: 1, values },
    y: Float64Array.from(values, (value) =>
      rng.uniform() < sigmoid(slope * (value > 0.5 ? 1 : -1) + intercept) ? 1 : 0,
    ),
    time,
    labelEnd: time.map((from) => from + 600),
    weights: new Float64Array(count).fill(1),
  };
}

const all = ({ y }: FitRows): Int32Array => Int32Array.from(y.keys());
const known = fittedTrees('gbdt', MODEL);
/** As a training asks: whether it helps, then by all rows. */
async function updated(rows: FitRows): Promise<Fitted> {
  const fit = recalibration(known);
  return fit(rows, all(rows), await fit(rows, all(rows), null));
}

describe('recalibration', () => {
  it('gives a model whose probabilities have drifted the slope and intercept of the new rows', async () => {
    const rows = rowsOf(6000, 0.4, 1);
    const { x } = rows;
    const logits = known.openMargins()(x)[0]!;
    const platt = fitPlatt(logits, rows.y, rows.weights)!;
    expect(platt.slope).toBeCloseTo(0.4, 0);
    expect(platt.intercept).toBeCloseTo(1, 0);
    expect([...(await updated(rows)).answers(x)]).toEqual([...known.withMargins(scalingOfPlatt(platt)).answers(x)]);
  });

  it('leaves a model alone that is calibrated, of which nothing can be learned, or with few rows', async () => {
    const draws = await Promise.all(
      Array.from({ length: 60 }, (_, draw) => updated(rowsOf(2000, 1, 0, `draw ${draw}`))),
    );
    // By chance it seems to help in about half of all draws, and never by much.
    const changed = draws.filter((model) => model !== known);
    expect(changed.length).toBeLessThan(45);
    const { x } = rowsOf(200, 1, 0);
    for (const model of changed) {
      const answers = model.answers(x);
      known.answers(x).forEach((before, row) => expect(Math.abs(answers[row]! - before)).toBeLessThan(0.08));
    }
    expect(await updated(rowsOf(300, 0.4, 1))).toBe(known);
    expect(await updated({ ...rowsOf(6000, 1, 0), y: new Float64Array(6000) })).toBe(known);
  });

  it('looks at no row outside of its subset, and decides by the last part of its time', async () => {
    const rows = rowsOf(6000, 0.4, 1);
    const early = all(rows).subarray(0, 3000);
    const others = { ...rows, y: rows.y.map((label, row) => (row < 3000 ? label : 1 - label)) };
    const fit = recalibration(known);
    const answersOf = async (own: FitRows, subset: Int32Array): Promise<number[]> => [
      ...(await fit(own, subset, null)).answers(rows.x),
    ];
    expect(await answersOf(rows, early)).toEqual(await answersOf(others, early));
    // The last rows are as the model has them: the change does not last.
    const back = rowsOf(6000, 1, 0);
    const turned = { ...rows, y: rows.y.map((label, row) => (row < 4800 ? label : back.y[row]!)) };
    turned.x.values.set(back.x.values.subarray(4800), 4800);
    expect(await fit(turned, all(turned), null)).toBe(known);
  });
});
