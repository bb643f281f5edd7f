import { describe, expect, it } from 'vitest';
import { MinutehandError } from '../../errors.ts';
import { decodeFacts, encodeFacts, type ModelFacts } from './model_facts.ts';

describe('decodeFacts', () => {
  it.each<ModelFacts>([
    { task: 'binary', quantile: null, columns: ['a', 'b, "c"'], classes: [0, 1] },
    { task: 'multiclass', quantile: null, columns: ['é'], classes: ['no', 'perhaps', 'yes'] },
    { task: 'regression', quantile: null, columns: [], classes: null },
    { task: 'quantile', quantile: 0.9, columns: ['x'], classes: null },
  ])('decodes the output of encodeFacts: $task', (facts) => {
    expect(decodeFacts({ ...encodeFacts(facts), other: 'not JSON' })).toEqual(facts);
  });

  it('refuses other metadata', () => {
    for (const metadata of [{}, { task: 'binary' }, { task: 'binary', columns: '[' }, { task: 'rank', columns: '[]' }])
      expect(() => decodeFacts(metadata as Record<string, string>)).toThrow(MinutehandError);
  });
});
