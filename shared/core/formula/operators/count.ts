import { MAX_WINDOW } from '../limits.ts';
import { condition, windowOf, type Operator } from '../operator.ts';
import { PLAIN } from '../unit.ts';
import { SUM } from './sum.ts';

export const COUNT: Operator = {
  name: 'count',
  family: 'fold',
  parameters: [condition('x'), windowOf(2, MAX_WINDOW)],
  type: 'number',
  unit: () => PLAIN,
  meaning: 'Of the last n bars, those at which the condition held.',
  source: 'SQL',
  cost: 'constant',
  bars: ([n]) => n!,
  doubles: ([n]) => SUM.doubles([n!]),
  build: (graph, [x], [n]) => SUM.build(graph, [x!], [n!]),
  oracle: ([x]) => (x!.some(Number.isNaN) ? NaN : x!.filter((value) => value === 1).length),
};
