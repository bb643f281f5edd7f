import { finite } from '../finite.ts';

import { POINTWISE, series, type Operator } from '../operator.ts';
import { PLAIN } from '../unit.ts';

export const DAY_OF_WEEK: Operator = {
  ...POINTWISE,
  name: 'day_of_week',

  parameters: [series('minute', '#minute')],
  type: 'number',
  unit: () => PLAIN,
  meaning: 'Day of the bar’s open in UTC, 1 = Monday to 7 = Sunday.',
  source: 'Unix time',
  build: (graph, inputs) => graph.pointwise('day_of_week', inputs, loop),
  oracle: (windows) => {
    const x = windows[0]![0]!;
    return finite(new Date(x * 60_000).getUTCDay() || 7);
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const xs = inputs[0]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    const value = ((Math.floor(x / 1440) + 3) % 7) + 1 + 0;
    if (value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
