import { quantileOf } from '../kernel/sorted_window.ts';
import { MAX_SORTED_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { quantileOfWindow } from '../window_statistics.ts';

export const MEDIAN: Operator = {
  name: 'median',
  family: 'selection',
  parameters: [series('x'), windowOf(2, MAX_SORTED_WINDOW)],
  type: 'number',
  unit: (units) => units[0],
  meaning: 'Median of the last n values; of an even number halfway between the two in the middle.',
  source: 'pandas.Series.rolling.median',
  cost: 'search and move',
  bars: ([n]) => n!,
  doubles: ([n]) => 2 * n!,
  build: (graph, [x], [n]) => quantileOf(graph, x!, n!, 0.5),
  oracle: ([x]) => quantileOfWindow(x!, 0.5),
};
