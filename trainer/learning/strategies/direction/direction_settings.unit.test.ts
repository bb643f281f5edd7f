import { expect, it } from 'vitest';
import { DIRECTION_BALANCES, type DirectionBalance } from '../../../../shared/policy/balances.ts';
import { DELIVERED_LEARNER } from './direction_learner.ts';
import { directionSettingsSchema, paramsWith, rangesOf, walkForwardWith } from './direction_settings.ts';
import { searchSpace } from './search_direction.ts';
import { DIRECTION_PARAMS, DIRECTION_WALK_FORWARD } from './train_direction.ts';
import type { LearningPlan } from './walk_forward.ts';

const learning: LearningPlan = {
  learner: DELIVERED_LEARNER,
  params: DIRECTION_PARAMS,
  balance: { balance: 'none', classWeightRatio: 1, seed: 's' },
  stride: 1,
};

it('settings of one training stand in for trees and blocks, the others stay', () => {
  const given = {
    'trees.leaves': 8,
    'trees.early_stopping_rounds': 5,
    'walk_forward.blocks': 6,
    'walk_forward.first_share': 0.8,
  };
  expect(paramsWith(DIRECTION_PARAMS, given)).toEqual({ ...DIRECTION_PARAMS, leaves: 8, patience: 5 });
  expect(walkForwardWith(DIRECTION_WALK_FORWARD, given)).toEqual({
    ...DIRECTION_WALK_FORWARD,
    blocks: 6,
    firstShare: 0.8,
  });
  expect(paramsWith(DIRECTION_PARAMS, {})).toEqual(DIRECTION_PARAMS);
});

it('ranges of a search stand in for the delivered ones, and contain the configured values', () => {
  const given = { 'search.ranges.leaves.high': 10, 'search.ranges.l2.low': 0, 'search.ranges.row_fraction.low': 0.9 };
  const space = searchSpace(learning, rangesOf(given));
  // 12 leaves and 0.7 of the rows are delivered.
  expect(space['leaves']).toMatchObject({ low: 4, high: 12 });
  expect(space['row_fraction']).toMatchObject({ low: 0.7, high: 1 });
  expect(space['l2']).toMatchObject({ low: 1e-3, high: 100 });
  expect(space['learning_rate']).toEqual(searchSpace(learning, {})['learning_rate']);
});

it('class_weight_ratio is searched where class weights act: with them, and with mirror images', () => {
  const isSearched = (balance: DirectionBalance): boolean => {
    const space = searchSpace({ ...learning, balance: { ...learning.balance, balance } }, {});
    return 'class_weight_ratio' in space;
  };
  expect(DIRECTION_BALANCES.filter(isSearched)).toEqual(['class_weights', 'mirror']);
});

it('values beyond their limits, unknown names and ranges that end before they begin are refused', () => {
  const isTaken = (given: object): boolean => directionSettingsSchema.safeParse(given).success;
  expect(isTaken({ 'walk_forward.blocks': 4, 'trees.leaves': 2, 'train.networks.epochs': 3 })).toBe(true);
  for (const wrong of [
    { 'walk_forward.blocks': 3 },
    { 'walk_forward.blocks': 21 },
    { 'walk_forward.first_share': 0.95 },
    { 'trees.leaves': 1 },
    { 'trees.depth': 3 },
    { 'train.networks.epochs': 0 },
    { 'train.networks.ai1.epochs': 3 },
    { 'search.ranges.l2.low': 3, 'search.ranges.l2.high': 2 },
  ])
    expect(isTaken(wrong), JSON.stringify(wrong)).toBe(false);
});

it('a search of a network has the ranges of the specification, whatever the balance', () => {
  const searched = (engine: 'lstm' | 'neural_net') =>
    searchSpace({ ...learning, learner: { ...DELIVERED_LEARNER, engine } }, {});
  expect(searched('lstm')).toEqual({
    'network.learning_rate': { kind: 'float', low: 1e-5, high: 1e-2, log: true },
    'network.dropout': { kind: 'float', low: 0.1, high: 0.5 },
    'network.batch_size': { kind: 'categorical', choices: [256, 512, 1024] },
    // The configured 0.25 is the first trial.
    'network.class_weight_ratio': { kind: 'float', low: 0.25, high: 0.7 },
    'network.lstm_units': { kind: 'integer', low: 64, high: 256, step: 2 },
  });
  expect(Object.keys(searched('neural_net'))).not.toContain('network.lstm_units');
});
