import { describe, expect, it } from 'vitest';
import { entryForms, formKey, questionKeys, strategyIdentity } from '../../../shared/bundle/rule/rule_identity.ts';
import { DEFAULT } from '../../../shared/core/features/features.fixture.ts';
import { checkStrategy, type FormulaStrategy } from '../../../shared/policy/strategy_file.ts';
import { createRng } from '../../../shared/rng.ts';
import { smallSpace } from './evolve.fixture.ts';
import { Breeder, genomeKey, strategyOf } from './genome.ts';
import { RuleIdentities } from './rule_identities.ts';

describe('the identity of a rule of a space', () => {
  it('is that of its strategy file, and so are its forms and questions', () => {
    const space = smallSpace({
      max_conditions: 6,
      features: [
        { formula: 'close / delay(close, n) - 1', windows: [1, 3], thresholds: [-0.01, 0.01] },
        { formula: 'day_of_week() >= 5' },
        { formula: 'hour() > 6 and rsi(14) < 40 or volume > 10' },
      ],
    });
    const identities = new RuleIdentities(space);
    const { questions } = identities;
    const breeder = new Breeder(space, createRng('identities'));
    for (let i = 0; i < 500; i++) {
      const genome = breeder.random();
      const strategy = checkStrategy(strategyOf(genome, space, 'own', ''), DEFAULT, () => '') as FormulaStrategy;
      const forms = entryForms(strategy);
      expect(identities.of(genomeKey(genome))).toEqual({
        identity: strategyIdentity(strategy),
        forms: forms.map((form) => formKey('instrument', form)),
      });
      for (const key of forms.flatMap((form) => questionKeys('instrument', form))) expect(questions).toContain(key);
    }
  });
});
