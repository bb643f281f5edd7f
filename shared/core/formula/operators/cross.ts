import { series, type Operator } from '../operator.ts';
import { common, PLAIN } from '../unit.ts';
import { AND } from './and.ts';
import { DELAY } from './delay.ts';
import { LESS } from './less.ts';
import { LESS_OR_EQUAL } from './less_or_equal.ts';

export const CROSS: Operator = {
  name: 'cross',
  family: 'delay',
  parameters: [series('x'), series('y')],
  type: 'boolean',
  unit: (units) => (common(units) === undefined ? undefined : PLAIN),
  meaning: 'Whether x has risen above y with this bar: it is above y, and one bar ago it was not.',
  source: 'TradingView ta.crossover',
  cost: 'constant',
  bars: () => 2,
  doubles: () => 2,
  build: (graph, [x, y]) => {
    const isAbove = LESS.build(graph, [y!, x!], []);
    const before = [DELAY.build(graph, [x!], [1]), DELAY.build(graph, [y!], [1])];
    return AND.build(graph, [isAbove, LESS_OR_EQUAL.build(graph, before, [])], []);
  },
  oracle: ([x, y]) => {
    if ([...x!, ...y!].some(Number.isNaN)) return NaN;
    return Number(x![1]! > y![1]! && x![0]! <= y![0]!);
  },
};
