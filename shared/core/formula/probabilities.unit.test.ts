import { expect, it } from 'vitest';
import { instrumentDefinitions, INSTRUMENT_WINDOWS } from '../features/instrument/definitions.ts';
import { parseFormula } from './formula.ts';
import { lookBackOnProbabilities, readsProbabilities } from './probabilities.ts';
import { ruleSources } from './sources.ts';

const sources = ruleSources(instrumentDefinitions(INSTRUMENT_WINDOWS));

it.each([
  ['ML_UP_PROB > 0.7', true, null],
  ['ML_UP_PROB - ML_DOWN_PROB > 0.2 and mean(close, 20) < close', true, null],
  ['mean(ML_UP_PROB, 5) > 0.7', true, 'mean'],
  ['close > 1 and delay(ML_RANGE_PROB + 1, 2) > 1.5', true, 'delay'],
  ['mean(close, 20) < close', false, null],
])('%s: reads probabilities %s, looks back over them by %s', (text, reads, operator) => {
  const formula = parseFormula(text, sources);
  expect(readsProbabilities(formula)).toBe(reads);
  expect(lookBackOnProbabilities(formula)?.split('(')[0] ?? null).toBe(operator);
});
