import { INPUT_NAME, featuresInput, OUTPUT_NAME } from '../../../../shared/bundle/onnx/onnx.ts';
import { ATTRIBUTE } from '../../../../shared/bundle/onnx/schema.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import type { Fitted } from '../contract/fitted.ts';
import { joinedParts } from '../contract/graph_part.ts';
import { graphNodes } from '../contract/graph_nodes.ts';
import { encodePart } from './encode_part.ts';

const BARS_AXIS = 1;

/**
 * A model of one bar as one of the last `bars` bars together, of which it reads the newest: what serves a bundle gives
 * all of its models the same. Its answers are those of before.
 */
export function onLastBar(model: Fitted, bars: number): Fitted {
  const { node, named } = graphNodes('last_bar/');
  return {
    ...model,
    bars,
    withMargins: (by) => onLastBar(model.withMargins(by), bars),
    graph() {
      throw new MinutehandError('LEARNER_TASK', {
        seen: `a model of ${model.learner} that gets ${bars} bars together, as a part of another`,
        next: 'Train it alone: members of an ensemble get the features of one bar.',
      });
    },
    toOnnx: ({ metadata }) =>
      encodePart({
        name: 'last_bar',
        input: featuresInput(model.columns, bars),
        part: joinedParts([
          [
            node('Constant', [], 'newest', [{ name: 'value_int', type: ATTRIBUTE.INT, integer: bars - 1 }]),
            {
              ...node('Gather', [], 'features', [{ name: 'axis', type: ATTRIBUTE.INT, integer: BARS_AXIS }]),
              inputs: [INPUT_NAME, named('newest')],
            },
          ],
          model.graph({ input: named('features'), output: OUTPUT_NAME, prefix: 'model/' }),
        ]),
        metadata,
      }),
  };
}
