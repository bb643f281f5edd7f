import { finite } from '../finite.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { DELAY } from './delay.ts';
import { SUBTRACT } from './subtract.ts';

export const DELTA: Operator = {
  name: 'delta',
  family: 'delay',
  parameters: [series('x'), windowOf(1, MAX_WINDOW - 1, 1)],
  type: 'number',
  unit: (units) => units[0],
  meaning: 'x − x of n bars ago.',
  source: 'pandas.Series.diff',
  cost: 'constant',
  bars: ([n]) => n! + 1,
  doubles: ([n]) => n!,
  build: (graph, [x], [n]) => SUBTRACT.build(graph, [x!, DELAY.build(graph, [x!], [n!])], []),
  oracle: ([x]) => finite(x!.at(-1)! - x![0]!),
};
