import { describe, expect, it } from 'vitest';
import { ensembleParameters } from './mixture/ensemble_parameters.ts';
import { complexityOf, LEARNERS } from './registry.ts';

type Configured = Parameters<typeof ensembleParameters>[0];

/** Names from the simplest to the least simple one. */
function ordered(names: readonly string[], configured: Configured): readonly string[] {
  const ensembles = ensembleParameters(configured);
  return [...names].sort((a, b) => complexityOf(a, ensembles) - complexityOf(b, ensembles));
}

describe('the order of simplicity', () => {
  it('is base rates, linear, single trees, forests, ensembles of one family, programs, networks', () => {
    const trees: Configured = {
      vote_members: ['gbdt', 'lightgbm'],
      stacking: { members: ['gbdt', 'random_forest'] },
    };
    const order = [
      'prior',
      'logistic',
      'sklearn_logistic',
      'gbdt',
      'random_forest',
      'sklearn_forest',
      'bagging',
      'stacking',
      'vote',
      'program',
      'neural_net',
      'gru',
      'lstm',
      'transformer',
    ];
    expect(ordered(order.toReversed(), trees)).toEqual(order);
    expect(complexityOf('lightgbm', ensembleParameters(trees))).toBe(complexityOf('gbdt', ensembleParameters(trees)));
    expect([...order, 'lightgbm', 'xgboost'].sort()).toEqual(LEARNERS.map(({ name }) => name).sort());
  });

  it('has ensembles with a network, or with members of several families, behind the networks', () => {
    const mixed: Configured = {
      vote_members: ['gbdt', 'neural_net'],
      bagging: { base: 'neural_net' },
      stacking: { members: ['gbdt', 'logistic'] },
    };
    const order = ['gbdt', 'neural_net', 'transformer', 'bagging', 'stacking', 'vote'];
    expect(ordered(order.toReversed(), mixed)).toEqual(order);
    // As delivered, votes and stacks have trees and a logistic regression.
    expect(ordered(['vote', 'bagging', 'neural_net'], {})).toEqual(['bagging', 'neural_net', 'vote']);
  });
});
