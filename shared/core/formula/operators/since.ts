import { barsSince } from '../kernel/since.ts';
import { MAX_WINDOW } from '../limits.ts';
import { condition, windowOf, type Operator } from '../operator.ts';
import { PLAIN } from '../unit.ts';

export const SINCE: Operator = {
  name: 'since',
  family: 'selection',
  parameters: [condition('x'), windowOf(2, MAX_WINDOW)],
  type: 'number',
  unit: () => PLAIN,
  meaning: 'Bars since the condition last held, 0 when it holds now; n when it did not in the last n bars.',
  source: 'TradingView ta.barssince, limited to n',
  cost: 'constant',
  bars: ([n]) => n!,
  doubles: () => 2,
  build: (graph, [x], [n]) => barsSince(graph, x!, n!),
  oracle: ([x]) => {
    if (x!.some(Number.isNaN)) return NaN;
    const last = x!.lastIndexOf(1);
    return last < 0 ? x!.length : x!.length - 1 - last;
  },
};
