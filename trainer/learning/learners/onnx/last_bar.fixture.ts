import { INPUT_NAME, featuresInput, OUTPUT_NAME } from '../../../../shared/bundle/onnx/onnx.ts';
import type { Fitted } from '../contract/fitted.ts';
import { joinedParts } from '../contract/graph_part.ts';
import { graphNodes } from '../contract/graph_nodes.ts';
import { newestBar } from '../contract/newest_bar.ts';
import { encodePart } from './encode_part.ts';

/**
 * A model of one bar as one of the last `bars` bars together, of which it reads the newest: what serves a bundle gives
 * all of its models the same. Its answers are those of before.
 */
export function onLastBar(model: Fitted, bars: number): Fitted {
  const graph: Fitted['graph'] = ({ input, output, prefix }) => {
    const newest = newestBar(graphNodes(`${prefix}last_bar/`), input, bars);
    const part = model.graph({ input: newest.output, output, prefix: `${prefix}model/` });
    return joinedParts([newest.nodes, part]);
  };
  return {
    ...model,
    bars,
    withMargins: (by) => onLastBar(model.withMargins(by), bars),
    graph,
    toOnnx: ({ metadata }) =>
      encodePart({
        name: 'last_bar',
        input: featuresInput(model.columns, bars),
        part: graph({ input: INPUT_NAME, output: OUTPUT_NAME, prefix: '' }),
        width: model.width,
        metadata,
      }),
  };
}
