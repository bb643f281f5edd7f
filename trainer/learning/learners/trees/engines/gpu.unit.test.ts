import { describe, expect, it } from 'vitest';
import { MinutehandError } from '../../../../../shared/errors.ts';
import type { FitRequest } from '../../contract/learner.ts';
import {
  directionLearner,
  openDirectionLearner,
  type DirectionLearner,
} from '../../../strategies/direction/direction_learner.ts';
import { refuseUnusedDevice } from '../../registry.ts';
import { ensembleParameters } from '../../mixture/ensemble_parameters.ts';
import type { Device } from '../../../../../shared/policy/engines.ts';
import type { FitTask } from '../fit.ts';
import { LEARNER_DEFAULTS } from '../learner.ts';
import { TREE_LEARNERS } from '../tree_learners.ts';
import { lightgbmParameters } from './lightgbm.ts';
import { refuseProcessor, xgboostParameters } from './xgboost.ts';

const BINARY = { kind: 'binary' } as const;
const onGpu = { ...LEARNER_DEFAULTS, device: 'gpu' } as const;

describe('train.device gpu', () => {
  it('is a parameter of LightGBM, and of XGBoost as its version has it', () => {
    const facts = { threads: 1, hasStopping: false, isSoft: false };
    expect(lightgbmParameters(BINARY, onGpu, facts)).toContain('device_type=gpu');
    expect(lightgbmParameters(BINARY, LEARNER_DEFAULTS, facts)).not.toContain('device_type');
    const method = (params: typeof LEARNER_DEFAULTS, major: number): Record<string, string> => {
      const all = Object.fromEntries(xgboostParameters(BINARY, params, { threads: 1, mean: 0.5, major }));
      return Object.fromEntries(Object.entries(all).filter(([name]) => ['tree_method', 'device'].includes(name)));
    };
    expect(method(onGpu, 1)).toEqual({ tree_method: 'gpu_hist' });
    expect(method(onGpu, 2)).toEqual({ tree_method: 'hist', device: 'cuda' });
    expect(method(LEARNER_DEFAULTS, 2)).toEqual({ tree_method: 'hist' });
  });

  it('is given to the engines that can use it, and to no other', async () => {
    const placeOf = async (engine: string, device?: Device): Promise<string | undefined> => {
      let asked: FitTask | null = null;
      const learner = TREE_LEARNERS.find(({ name }) => name === engine)!.open({
        parameters: {
          rounds: 1,
          learning_rate: 1,
          leaves: 2,
          min_data_in_leaf: 1,
          l2: 0,
          row_fraction: 1,
          column_fraction: 1,
        },
        device,
        fitTrees: (task) => {
          asked = task;
          return Promise.reject(new Error('asked'));
        },
      });
      const rows = {
        x: { rows: 1, columns: 1, values: new Float32Array(1) },
        y: new Float64Array(1),
        time: new Float64Array(1),
        labelEnd: new Float64Array(1),
        weights: new Float64Array(1),
      };
      const fit = learner.fit({
        task: BINARY,
        rows,
        subset: Int32Array.of(0),
        columns: null,
        budget: { kind: 'fixed', iterations: 1 },
        seed: 'gpu',
        continueFrom: null,
      });
      await expect(fit).rejects.toThrow('asked');
      return asked!.params.device;
    };
    expect(await placeOf('lightgbm', 'gpu')).toBe('gpu');
    expect(await placeOf('xgboost', 'gpu')).toBe('gpu');
    expect(await placeOf('gbdt', 'gpu')).toBeUndefined();
    expect(await placeOf('lightgbm', 'cpu')).toBeUndefined();
    expect(await placeOf('lightgbm')).toBeUndefined();
  });

  it('is refused where no engine of the training would use it', () => {
    const ensembles = ensembleParameters({
      vote_members: ['gbdt', 'lightgbm'],
      stacking: { members: ['gbdt', 'logistic'] },
    });
    const refused = { code: 'SETTING_UNSUPPORTED' };
    for (const name of ['gbdt', 'logistic', 'stacking'])
      expect(() => refuseUnusedDevice([name], 'gpu', ensembles)).toThrow(expect.objectContaining(refused) as Error);
    for (const name of ['lightgbm', 'vote', 'lstm'])
      expect(() => refuseUnusedDevice([name], 'gpu', ensembles)).not.toThrow();
    expect(() => refuseUnusedDevice(['gbdt'], undefined, ensembles)).not.toThrow();
  });

  it('says how to go on where the library finds no GPU, and is given to direction models as well', async () => {
    const asked: (string | undefined)[] = [];
    const failure = new MinutehandError('LEARNER_FAILED', { seen: 'LGBM_BoosterCreate: No OpenCL device found' });
    const pool = {
      fit: (task: FitTask) => {
        asked.push(task.params.device);
        return Promise.reject(failure);
      },
    };
    const rows = {
      x: { rows: 3, columns: 1, values: Float32Array.of(1, 2, 3) },
      y: Float64Array.of(0, 1, 2),
      time: new Float64Array(3),
      labelEnd: new Float64Array(3),
      weights: new Float64Array(3).fill(1),
    };
    const request: FitRequest = {
      task: { kind: 'multiclass', classes: 3 },
      rows,
      subset: Int32Array.of(0, 1, 2),
      columns: null,
      budget: { kind: 'fixed', iterations: 1 },
      seed: 'gpu',
      continueFrom: null,
    };
    const fit = (learner: DirectionLearner): Promise<unknown> =>
      openDirectionLearner(learner, { params: LEARNER_DEFAULTS, columnNames: ['x'], pool }).fit(request);
    await expect(fit(directionLearner('lightgbm', { device: 'gpu' }))).rejects.toMatchObject({
      code: 'LEARNER_FAILED',
      seen: failure.seen,
      next: expect.stringMatching(/--device cpu/) as string,
    });
    await expect(fit(directionLearner('lightgbm', {}))).rejects.toBe(failure);
    expect(asked).toEqual(['gpu', undefined]);
  });

  it('ends with an error where XGBoost has gone on without a GPU', () => {
    const config = (generic_param: object): string => JSON.stringify({ learner: { generic_param } });
    for (const other of [{ device: 'cpu' }, { gpu_id: '-1' }, {}])
      expect(() => refuseProcessor(config(other))).toThrow(
        expect.objectContaining({ code: 'LEARNER_FAILED' }) as Error,
      );
    for (const gpu of [{ device: 'cuda:0' }, { gpu_id: '0' }]) expect(() => refuseProcessor(config(gpu))).not.toThrow();
  });
});
