import { finite } from '../finite.ts';
import { MAX_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { decayedAverage } from '../window_statistics.ts';
import { common } from '../unit.ts';
import { DELAY } from './delay.ts';
import { GREATEST } from './greatest.ts';
import { LEAST } from './least.ts';
import { SUBTRACT } from './subtract.ts';
import { WILDER } from './wilder.ts';

export const ATR: Operator = {
  name: 'atr',
  family: 'fold',
  parameters: [series('high', 'high'), series('low', 'low'), series('close', 'close'), windowOf(2, MAX_WINDOW / 8 - 1)],
  type: 'number',
  unit: common,
  meaning: 'Average true range: `wilder` mean of max(high, close of one bar ago) − min(low, close of one bar ago).',
  source: 'Wilder (1978), over 8n bars',
  cost: 'constant',
  bars: ([n]) => 8 * n! + 1,
  doubles: ([n]) => 1 + WILDER.doubles([n!]),
  build: (graph, [high, low, close], [n]) => {
    const before = DELAY.build(graph, [close!], [1]);
    const top = GREATEST.build(graph, [high!, before], []);
    const bottom = LEAST.build(graph, [low!, before], []);
    return WILDER.build(graph, [SUBTRACT.build(graph, [top, bottom], [])], [n!]);
  },
  oracle: ([high, low, close], [n]) => {
    const ranges = high!.slice(1).map((top, i) => Math.max(top, close![i]!) - Math.min(low![i + 1]!, close![i]!));
    return finite(decayedAverage(ranges, 1 - 1 / n!));
  },
};
