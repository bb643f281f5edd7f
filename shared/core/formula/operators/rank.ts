import { rankOf } from '../kernel/sorted_window.ts';
import { MAX_SORTED_WINDOW } from '../limits.ts';
import { series, windowOf, type Operator } from '../operator.ts';
import { PLAIN } from '../unit.ts';

export const RANK: Operator = {
  name: 'rank',
  family: 'selection',
  parameters: [series('x'), windowOf(2, MAX_SORTED_WINDOW)],
  type: 'number',
  unit: () => PLAIN,
  meaning: 'Share of the n − 1 values before x that are below it, 0 to 1; equal ones count half.',
  source: 'pandas.Series.rolling.rank, scaled to 0 … 1',
  cost: 'search and move',
  bars: ([n]) => n!,
  doubles: ([n]) => 2 * n!,
  build: (graph, [x], [n]) => rankOf(graph, x!, n!),
  oracle: ([x]) => {
    const others = x!.slice(0, -1);
    const own = x!.at(-1)!;
    if (x!.some(Number.isNaN)) return NaN;
    const below = others.filter((value) => value < own).length;
    const equal = others.filter((value) => value === own).length;
    return (below + equal / 2) / others.length;
  },
};
