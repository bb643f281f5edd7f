import { finite } from '../finite.ts';

import { POINTWISE, series, type Operator } from '../operator.ts';
import { PLAIN } from '../unit.ts';

export const MINUTE_OF_DAY: Operator = {
  ...POINTWISE,
  name: 'minute_of_day',

  parameters: [series('minute', '#minute')],
  type: 'number',
  unit: () => PLAIN,
  meaning: 'Minute of the bar’s open in the UTC day, 0 to 1439.',
  source: 'Unix time',
  build: (graph, inputs) => graph.pointwise('minute_of_day', inputs, loop),
  oracle: (windows) => {
    const x = windows[0]![0]!;
    return finite(new Date(x * 60_000).getUTCHours() * 60 + new Date(x * 60_000).getUTCMinutes());
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const xs = inputs[0]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    const value = (x % 1440) + 0;
    if (value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
