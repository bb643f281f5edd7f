import { finite } from '../finite.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { decayedAverage } from '../window_statistics.ts';
import { PLAIN } from '../unit.ts';
import { ADD } from './add.ts';
import { DELTA } from './delta.ts';
import { DIVIDE } from './divide.ts';
import { GREATEST } from './greatest.ts';
import { MULTIPLY } from './multiply.ts';
import { NEGATE } from './negate.ts';
import { WILDER } from './wilder.ts';

export const RSI: Operator = {
  name: 'rsi',
  family: 'fold',
  parameters: [series('x', 'close'), windowOf(2, MAX_WINDOW / 8 - 1)],
  type: 'number',
  unit: () => PLAIN,
  meaning:
    'Relative strength index, 0 to 100: 100 · gains / (gains + losses), each a `wilder` mean of one-bar changes; missing when x did not change.',
  source: 'Wilder (1978), over 8n changes',
  cost: 'constant',
  bars: ([n]) => 8 * n! + 1,
  doubles: ([n]) => 1 + 2 * WILDER.doubles([n!]),
  build: (graph, [x], [n]) => {
    const change = DELTA.build(graph, [x!], [1]);
    const zero = graph.constant(0);
    const gains = WILDER.build(graph, [GREATEST.build(graph, [change, zero], [])], [n!]);
    const fall = NEGATE.build(graph, [change], []);
    const losses = WILDER.build(graph, [GREATEST.build(graph, [fall, zero], [])], [n!]);
    const share = DIVIDE.build(graph, [gains, ADD.build(graph, [gains, losses], [])], []);
    return MULTIPLY.build(graph, [share, graph.constant(100)], []);
  },
  oracle: ([x], [n]) => {
    const changes = x!.slice(1).map((value, i) => value - x![i]!);
    const gains = decayedAverage(
      changes.map((change) => Math.max(change, 0)),
      1 - 1 / n!,
    );
    const losses = decayedAverage(
      changes.map((change) => Math.max(-change, 0)),
      1 - 1 / n!,
    );
    return finite((100 * gains) / (gains + losses));
  },
};
