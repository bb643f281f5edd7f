import { condition, POINTWISE, series, type Operator } from '../operator.ts';
import { common } from '../unit.ts';

export const WHERE: Operator = {
  ...POINTWISE,
  name: 'where',
  parameters: [condition('when'), series('x'), series('y')],
  type: 'number',
  unit: (units) => common(units.slice(1)),
  meaning: 'x when the condition holds, y when it does not. Only the chosen one may be missing or not.',
  source: 'numpy.where',
  build: (graph, inputs) => graph.pointwise('where', inputs, loop),
  oracle: ([when, x, y]) => (when![0] === 1 ? x![0]! : when![0] === 0 ? y![0]! : NaN),
};

function loop(inputs: readonly Float64Array[], out: Float64Array, count: number): void {
  const when = inputs[0]!;
  const x = inputs[1]!;
  const y = inputs[2]!;
  for (let i = 0; i < count; i++) {
    if (when[i] === 1) out[i] = x[i]!;
    else if (when[i] === 0) out[i] = y[i]!;
    else out[i] = NaN;
  }
}
