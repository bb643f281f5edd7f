import { extreme } from '../kernel/extreme.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { ageOfExtreme } from '../window_statistics.ts';
import { PLAIN } from '../unit.ts';

export const ARGMIN: Operator = {
  name: 'argmin',
  family: 'selection',
  parameters: [series('x'), windowOf(2, MAX_WINDOW)],
  type: 'number',
  unit: () => PLAIN,
  meaning: 'Bars since the least of the last n values, 0 to n − 1; of equal ones the newest.',
  source: 'Qlib IdxMin, counted from the newest bar',
  cost: 'constant',
  bars: ([n]) => n!,
  doubles: ([n]) => 1.5 * n!,
  build: (graph, [x], [n]) => extreme(graph, x!, n!, -1, 'age'),
  oracle: ([x]) => ageOfExtreme(x!, Math.min),
};
