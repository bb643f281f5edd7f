import { describe, expect, it } from 'vitest';
import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import type { ModelMarkets } from '../generated/generated_pairs.ts';
import type { EntrantModels, EntrantPart } from './entrant_models.ts';
import { measureGenerated } from './generated_scenarios.ts';

/** Answers the only column, times a factor. */
function part(pairs: readonly number[] | null, factor: number): EntrantPart {
  return {
    pairs,
    fitted: { answers: ({ values }: Matrix) => Float64Array.from(values, (p) => factor * p) } as Fitted,
  };
}

const rowsOf = (pairId: string, p: number[], y: number[]) => ({
  pairId,
  x: { rows: p.length, columns: 1, values: Float32Array.from(p) },
  y: Float64Array.from(y),
});
const MARKETS: ModelMarkets = {
  bull: [rowsOf('A_B', [0.5, 0.25], [1, 0]), rowsOf('C_D', [0.75, 0.5], [0, 1])],
  bear: [rowsOf('A_B', [0.5], [1])],
  range: [rowsOf('A_B', [], [])],
};

describe('answers to generated markets', () => {
  it('are measured over all pairs of a scenario, and scenarios without rows are left out', async () => {
    const models: EntrantModels = [part(null, 1)];
    const measured = await measureGenerated(models, MARKETS, ['C_D', 'A_B']);
    expect(Object.keys(measured)).toEqual(['bull', 'bear']);
    expect(measured.bull).toEqual({
      rows: 4,
      log_loss: expect.closeTo((Math.log(2) - Math.log(0.75) + Math.log(4) + Math.log(2)) / 4, 12),
      // Of four pairs of a positive and a negative row: two won, two lost.
      auc: 0.5,
      answer_mean: 0.5,
      label_mean: 0.5,
    });
    expect(measured.bear).toMatchObject({ rows: 1, auc: null, answer_mean: 0.5, label_mean: 1 });
  });

  it('are those of the model of the pair, where an entrant has one for each group', async () => {
    // Index 1 is A_B.
    const models: EntrantModels = [part([1], 1), part([0], 0.5)];
    const { bull } = await measureGenerated(models, MARKETS, ['C_D', 'A_B']);
    expect(bull!.answer_mean).toBe((0.5 + 0.25 + 0.375 + 0.25) / 4);
  });

  it('are empty where no market could be made', async () => {
    expect(await measureGenerated([part(null, 1)], {}, ['A_B'])).toEqual({});
  });
});
