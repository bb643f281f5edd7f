import { ATTRIBUTE, type OnnxNode } from '../../../../shared/bundle/onnx/schema.ts';
import { alongAxis, type GraphNodes } from './graph_nodes.ts';

const BARS_AXIS = 1;
/** Name of the features of the newest bar, behind the prefix of the nodes. */
const NEWEST = 'features_of_newest';

/** The features of the newest bar [N, columns] of a sequence [N, bars, columns]. */
export interface NewestBar {
  readonly nodes: readonly OnnxNode[];
  /** Their name in the graph. */
  readonly output: string;
}

/** @param input name of the sequence in the graph */
export function newestBar({ node, named }: GraphNodes, input: string, bars: number): NewestBar {
  return {
    nodes: [
      node('Constant', [], 'newest', [{ name: 'value_int', type: ATTRIBUTE.INT, integer: bars - 1 }]),
      {
        ...node('Gather', [], NEWEST, alongAxis(BARS_AXIS)),
        inputs: [input, named('newest')],
      },
    ],
    output: named(NEWEST),
  };
}
