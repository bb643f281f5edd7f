import { POINTWISE, series, type Operator } from '../operator.ts';
import { PLAIN } from '../unit.ts';

export const IS_MISSING: Operator = {
  ...POINTWISE,
  name: 'is_missing',

  parameters: [series('x')],
  type: 'boolean',
  unit: () => PLAIN,
  meaning:
    'Whether x has no value. With `coalesce` and `where` the only operators of which a missing argument does not make the result missing.',
  source: 'minutehand',
  build: (graph, inputs) => graph.pointwise('is_missing', inputs, loop),
  oracle: (windows) => {
    const x = windows[0]![0]!;
    return Number(Number.isNaN(x));
  },
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const xs = inputs[0]!;
  for (let i = 0; i < count; i++) {
    const x = xs[i]!;
    out[i] = x === x ? 0 : 1;
  }
}
