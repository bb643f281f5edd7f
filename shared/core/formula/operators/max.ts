import { extreme } from '../kernel/extreme.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { extremeOf } from '../window_statistics.ts';

export const MAX: Operator = {
  name: 'max',
  family: 'selection',
  parameters: [series('x'), windowOf(2, MAX_WINDOW)],
  type: 'number',
  unit: (units) => units[0],
  meaning: 'Greatest of the last n values.',
  source: 'pandas.Series.rolling.max',
  cost: 'constant',
  bars: ([n]) => n!,
  doubles: ([n]) => 1.5 * n!,
  build: (graph, [x], [n]) => extreme(graph, x!, n!, 1, 'value'),
  oracle: ([x]) => extremeOf(x!, Math.max),
};
