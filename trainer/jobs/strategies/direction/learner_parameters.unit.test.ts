import { expect, it } from 'vitest';
import { tinySettings } from '../../../../test/tiny_settings.ts';
import type { Settings } from '../../../../shared/policy/policy.ts';
import { planOf } from '../../kinds/run_direction.ts';
import { DIRECTION_DEFAULTS, defaultLabel } from '../../kinds/direction_defaults.ts';
import { directionJobSchema } from '../../kinds/direction_job.ts';
import { refuseUnfitWays } from '../../../learning/strategies/direction/train_direction.ts';
import { learnerParameters, type ChosenDirectionLearner } from './learner_parameters.ts';

const settings = tinySettings();

function configured(train: Partial<Settings['minutehand']['train']>): Settings {
  const { minutehand } = settings;
  return { ...settings, minutehand: { ...minutehand, train: { ...minutehand.train, ...train } } };
}

/** The plan of a job with these parameters, as a later configuration would see it. */
function planned(chosen: ChosenDirectionLearner, own: Settings) {
  const parameters = directionJobSchema.shape.parameters.parse({
    ...DIRECTION_DEFAULTS,
    label: defaultLabel('1h'),
    peers: chosen.peers ?? [],
    ...learnerParameters(chosen, own),
  });
  return planOf({ parameters, seed: 1, resources: { workers: 1 } }, settings);
}

it('are none for the delivered engine', () => {
  expect(learnerParameters({}, settings)).toEqual({});
  expect(learnerParameters({ engine: 'gbdt' }, configured({ direction_engine: 'vote' }))).toEqual({});
  expect(learnerParameters({ peers: ['xgboost'] }, settings)).toEqual({});
});

it('state the configured engine with the members and networks that take part, whatever is configured later', () => {
  const own = configured({
    direction_engine: 'vote',
    vote_members: ['gbdt', 'lstm'],
    networks: { epochs: 3, sequence_bars: 20, ai1: { epochs: 7 } },
  });
  expect(learnerParameters({}, own)).toEqual({
    engine: 'vote',
    ensemble: { vote_members: ['gbdt', 'lstm'] },
    networks: { epochs: 3, sequence_bars: 20 },
  });
  const { learner, windows } = planned({}, own);
  expect([learner.engine, learner.ensembles.voteMembers]).toEqual(['vote', ['gbdt', 'lstm']]);
  expect([learner.network.epochs, windows.sequence]).toEqual([3, 20]);
});

it('state the GPU where one of their engines can use it, or none of any training can', () => {
  const onGpu = configured({ device: 'gpu', direction_engine: 'lightgbm' });
  expect(learnerParameters({}, onGpu)).toEqual({ engine: 'lightgbm', device: 'gpu' });
  expect(planned({}, onGpu).learner.device).toBe('gpu');
  expect(learnerParameters({ device: 'cpu' }, onGpu)).toEqual({ engine: 'lightgbm' });
  expect(learnerParameters({ device: 'gpu', engine: 'xgboost' }, settings)).toEqual({
    engine: 'xgboost',
    device: 'gpu',
  });
  expect(learnerParameters({ peers: ['lightgbm'] }, configured({ device: 'gpu' }))).toEqual({ device: 'gpu' });
  // It is meant for the models of pairs.
  expect(learnerParameters({}, configured({ device: 'gpu', engine: 'lightgbm' }))).toEqual({});
  const unused = planned({}, configured({ device: 'gpu' }));
  expect(() => refuseUnfitWays(unused)).toThrow(expect.objectContaining({ code: 'SETTING_UNSUPPORTED' }) as Error);
  expect(() => refuseUnfitWays(planned({ device: 'gpu' }, settings))).toThrow(/train\.device gpu with gbdt/);
  expect(() => refuseUnfitWays(planned({}, settings))).not.toThrow();
});

it('have what is given over what is configured', () => {
  const own = configured({ vote_members: ['gbdt', 'logistic'], stacking: { folds: 4 } });
  const given: ChosenDirectionLearner = {
    engine: 'stacking',
    ensemble: { stacking: { members: ['gbdt', 'xgboost'] } },
  };
  expect(learnerParameters(given, own)).toEqual({
    engine: 'stacking',
    ensemble: { vote_members: ['gbdt', 'logistic'], stacking: { members: ['gbdt', 'xgboost'] } },
  });
});

it('count the engines that are measured beside it, whose sequences all rows have then', () => {
  const own = configured({ networks: { sequence_bars: 12 } });
  expect(learnerParameters({ peers: ['gru', 'vote'] }, own)).toEqual({
    ensemble: {},
    networks: { sequence_bars: 12 },
  });
  expect(planned({ peers: ['gru'] }, own).windows.sequence).toBe(12);
  expect(planned({ peers: ['neural_net'] }, own).windows.sequence).toBeUndefined();
});
