import { delayed } from '../kernel/delay.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';

export const DELAY: Operator = {
  name: 'delay',
  family: 'delay',
  parameters: [series('x'), windowOf(1, MAX_WINDOW - 1, 1)],
  type: 'number',
  unit: (units) => units[0],
  meaning: 'x of n bars ago.',
  source: 'pandas.Series.shift',
  cost: 'constant',
  bars: ([n]) => n! + 1,
  doubles: ([n]) => n!,
  build: (graph, [x], [n]) => delayed(graph, x!, n!),
  oracle: ([x]) => x![0]!,
};
