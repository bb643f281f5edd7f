import { expect, it } from 'vitest';
import {
  encodeGraph,
  featuresInput,
  INPUT_NAME,
  OUTPUT_NAME,
  scoreOutput,
} from '../../../../shared/bundle/onnx/onnx.ts';
import { loadScorer } from '../../../../shared/bundle/scorer.ts';
import { decodeWholeModel, encodeWholeModel, prefixNames } from './whole_model.ts';

it('nodes without a name get none from a prefix: two of the same name are no model', async () => {
  const unnamed = (operator: string, input: string, output: string) => ({
    name: '',
    operator,
    inputs: [input],
    outputs: [output],
    attributes: [],
  });
  const bytes = encodeGraph({
    name: 'unnamed',
    inputs: [featuresInput(1)],
    nodes: [unnamed('Tanh', INPUT_NAME, 'bounded'), unnamed('Sigmoid', 'bounded', OUTPUT_NAME)],
    width: 1,
    metadata: {},
  });
  const model = decodeWholeModel(bytes);
  const graph = {
    ...prefixNames(model.graph!, 'member/'),
    inputs: [{ ...featuresInput(1), name: `member/${INPUT_NAME}` }],
    outputs: [{ ...scoreOutput(1), name: `member/${OUTPUT_NAME}` }],
  };
  const prefixed = encodeWholeModel({ ...model, graph });
  const scorer = await loadScorer(prefixed, { columns: 1, bars: 1 }, 'unnamed');
  expect((await scorer.score(Float32Array.of(0), 1))[0]).toBe(0.5);
  await scorer.release();
});
