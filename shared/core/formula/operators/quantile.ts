import { quantileOf } from '../kernel/sorted_window.ts';
import { MAX_SORTED_WINDOW } from '../limits.ts';
import { constant, series, windowOf, type Operator } from '../operator.ts';
import { quantileOfWindow } from '../window_statistics.ts';

export const QUANTILE: Operator = {
  name: 'quantile',
  family: 'selection',
  parameters: [series('x'), windowOf(2, MAX_SORTED_WINDOW), constant('q', 0, 1)],
  type: 'number',
  unit: (units) => units[0],
  meaning: 'The q-quantile of the last n values, 0 ≤ q ≤ 1; between two values by distance.',
  source: 'Hyndman and Fan (1996), type 7',
  cost: 'search and move',
  bars: ([n]) => n!,
  doubles: ([n]) => 2 * n!,
  build: (graph, [x], [n, q]) => quantileOf(graph, x!, n!, q!),
  oracle: ([x], [, q]) => quantileOfWindow(x!, q!),
};
