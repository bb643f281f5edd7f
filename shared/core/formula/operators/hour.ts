import { finite } from '../finite.ts';

import { POINTWISE, series, type Operator } from '../operator.ts';
import { PLAIN } from '../unit.ts';

export const HOUR: Operator = {
  ...POINTWISE,
  name: 'hour',

  parameters: [series('minute', '#minute')],
  type: 'number',
  unit: () => PLAIN,
  meaning: 'Hour of the bar’s open in UTC, 0 to 23.',
  source: 'Unix time',
  build: (graph, inputs) => graph.pointwise('hour', inputs, loop),
  oracle: (windows) => {
    const x = windows[0]![0]!;
    return finite(new Date(x * 60_000).getUTCHours());
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const xs = inputs[0]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    const value = (Math.floor(x / 60) % 24) + 0;
    if (value - value === 0) out[i] = value;
    else out[i] = NaN;
  }
}
