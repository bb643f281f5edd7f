import { expect, it } from 'vitest';
import { TRAIN_ENGINES } from '../shared/policy/engines.ts';
import { TRAINING_SETTINGS, trainingSettingsSchema } from '../shared/policy/training_settings.ts';
import { tinySettings } from '../test/tiny_settings.ts';
import { parseEngine, parseMembers } from './learner_options.ts';
import { unknownName } from './named_option.ts';
import { parseSettings } from './settings_option.ts';

it('a misspelt name is answered with those that it may have meant, another one with all', () => {
  expect(unknownName('--engine', 'gbtd', TRAIN_ENGINES)).toMatchObject({
    code: 'USAGE',
    seen: '--engine gbtd',
    expected: 'a known name, such as gbdt',
  });
  expect(unknownName('--engine', 'catboost', TRAIN_ENGINES).expected).toBe(TRAIN_ENGINES.join(', '));
});

it('names the one name of a list that is unknown', () => {
  const settings = tinySettings();
  expect(() => parseEngine('lightgmb')).toThrow(/--engine lightgmb\. Expected: a known name, such as lightgbm/);
  expect(() => parseMembers('gbdt,logistik', 'vote', settings)).toThrow(
    /--members logistik\. Expected: a known name, such as logistic/,
  );
  expect(() => parseMembers('gbdt', 'vote', settings)).toThrow(/--members gbdt\. Expected: two to five of/);
  expect(() => parseMembers('gbdt,gbdt', 'vote', settings)).toThrow(/each once/);
});

it('a setting is given once, by a name that there is', () => {
  const parse = (...set: string[]) => parseSettings(set, TRAINING_SETTINGS, trainingSettingsSchema);
  expect(parse('train.folds=3')).toEqual({ 'train.folds': 3 });
  expect(() => parse('train.fold=3')).toThrow(/--set train\.fold\. Expected: a known name, such as train\.folds/);
  expect(() => parse('train.folds=3', 'train.folds=4')).toThrow(/--set train\.folds twice/);
  expect(() => parse('train.folds=')).toThrow(/train\.folds=NUMBER/);
});
