import { describe, expect, it } from 'vitest';
import { tinySettings } from '../test/tiny_settings.ts';
import type { TrainEngine } from '../shared/policy/engines.ts';
import type { EnsemblePolicy } from '../shared/policy/schema.ts';
import { ENSEMBLE_SETTINGS, isEnsembleSetting, parseEnsemble } from './ensemble_option.ts';

const settings = tinySettings();

const parse = (set: readonly string[], engine: TrainEngine, members?: EnsemblePolicy) =>
  parseEnsemble({ set, engines: [engine], members }, settings);

describe('--set of an ensemble', () => {
  it('has all that a request can set', () => {
    expect(ENSEMBLE_SETTINGS).toEqual([
      ...['members', 'fraction', 'base', 'mixed', 'seed'].map((name) => `train.bagging.${name}`),
      ...['members', 'meta', 'folds', 'probabilities', 'seed'].map((name) => `train.stacking.${name}`),
    ]);
    expect(['train.stacking.folds=2', 'train.folds=2'].map(isEnsembleSetting)).toEqual([true, false]);
  });

  it('changes numbers, names, lists and yes or no, beside --members and the configuration', () => {
    const set = ['train.stacking.folds=2', 'train.stacking.meta=logistic', 'train.stacking.probabilities=false'];
    const stacking = { folds: 2, meta: 'logistic', probabilities: false };
    expect(parse(set, 'stacking')).toEqual({ stacking });
    expect(
      parse([...set, 'train.stacking.seed=7'], 'stacking', { stacking: { members: ['gbdt', 'logistic'] } }),
    ).toEqual({
      stacking: { ...stacking, seed: 7, members: ['gbdt', 'logistic'] },
    });
    expect(parse(['train.bagging.mixed=gbdt,logistic', 'train.bagging.fraction=0.5'], 'bagging')).toEqual({
      bagging: { mixed: ['gbdt', 'logistic'], fraction: 0.5 },
    });
    const { minutehand } = settings;
    const train = { ...minutehand.train, engine: 'stacking' as const, stacking: { seed: 3 } };
    const configured = { ...settings, minutehand: { ...minutehand, train } };
    expect(
      parseEnsemble({ set: ['train.stacking.folds=4'], engines: ['stacking'], members: undefined }, configured),
    ).toEqual({
      stacking: { seed: 3, folds: 4 },
    });
    expect(parse([], 'stacking')).toBeUndefined();
  });

  it('names members in one place, and each setting once', () => {
    const members: EnsemblePolicy = { stacking: { members: ['gbdt', 'xgboost'] } };
    expect(() => parse(['train.stacking.members=gbdt,logistic'], 'stacking', members)).toThrow(
      /train\.stacking\.members=gbdt,logistic with --members/,
    );
    expect(() => parse(['train.bagging.base=gbdt'], 'bagging', { bagging: { base: 'logistic' } })).toThrow(
      /with --members/,
    );
    expect(() => parse(['train.stacking.folds=2', 'train.stacking.folds=3'], 'stacking')).toThrow(
      /train\.stacking\.folds twice/,
    );
  });

  it.each([
    [['train.stacking.folds=11'], 'stacking', /train\.stacking\.folds=11/],
    [['train.stacking.meta=ridge'], 'stacking', /train\.stacking\.meta=ridge/],
    [['train.stacking.folds'], 'stacking', /NAME=VALUE/],
    [['train.stacking.folds='], 'stacking', /NAME=VALUE/],
    [['train.bagging.members=3'], 'stacking', /--engine bagging/],
    [['train.stacking.folds=2'], 'gbdt', /--engine stacking/],
    [['train.stacking.folds=2'], settings.minutehand.train.engine, /--engine stacking/],
  ] as const)('%j with %s is refused', (set, engine, words) => {
    expect(() => parse(set, engine)).toThrow(words);
  });
});
