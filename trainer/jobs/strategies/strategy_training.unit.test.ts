import { describe, expect, it } from 'vitest';
import { shelfNameOf } from '../../../shared/bundle/shelf_name.ts';
import { ALL_SHELVES } from '../../../shared/bundle/shelves/registry.ts';
import type { MinutehandError } from '../../../shared/errors.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { jobSchema } from '../kinds/registry.ts';
import { ALL_TRAININGS, trainingOfRun, trainingOfShelf } from './registry.ts';
import type { StrategyTraining } from './strategy_training.ts';
import { slotOfTimeframe } from '../../../shared/subject/written_names.ts';

const delivered = loadSettings({ env: {} });
const settings = { ...delivered, minutehand: { ...delivered.minutehand, instruments: ['BTCUSDT@4h', 'ETHUSDT@1h'] } };
const trigger = { code: 'first_models', values: {} } as const;
/** A slot of each strategy. */
const SLOTS = ['pairs', 'direction 1h'] as const;

describe('the trainings', () => {
  it('are one for each shelf of bundles, with kinds of runs of their own', () => {
    expect(ALL_TRAININGS.map(({ shelf }) => shelf)).toEqual(ALL_SHELVES.map(({ name }) => name));
    const kinds = ALL_TRAININGS.flatMap(({ runs }) => runs);
    expect(kinds).toEqual([...new Set(kinds)]);
    expect(['automl', 'evolve', 'judge'].map((kind) => trainingOfRun(kind as 'automl'))).toEqual([null, null, null]);
  });

  it('are of every slot with subjects in a round, and of none without', () => {
    const timeframes = ALL_TRAININGS.map((own) => own.roundOf(settings).map(({ timeframe }) => timeframe));
    expect(timeframes).toEqual([[undefined], ['1h', '4h']]);
    const none = { minutehand: { ...settings.minutehand, pairs: [], instruments: [] } };
    expect(ALL_TRAININGS.flatMap((own) => own.roundOf(none))).toEqual([]);
  });

  it.each(ALL_TRAININGS.map((training) => [training.shelf, training] as const))(
    'of %s make a valid job of each of their runs, with the threads that they get',
    (_shelf, training) => {
      for (const kind of training.runs) {
        expect(trainingOfRun(kind)).toBe(training);
        const { parameters = {} } = training.retraining(slotOf(training), true, settings);
        const job = training.jobOf({ kind, trigger, parameters }, settings, 3);
        expect(jobSchema.parse(JSON.parse(JSON.stringify(job)))).toEqual(job);
        expect(job).toMatchObject({ adopt: true, resources: { workers: 3 }, trigger });
        expect(training.workOf({ kind, trigger, parameters }, settings)).toBeGreaterThanOrEqual(1);
      }
    },
  );

  it.each(SLOTS)('answer findings about the slot %s by a run of their own, in full where asked', (slot) => {
    const training = trainingOfShelf(shelfNameOf(slot));
    const full = training.retraining(slot, true, settings);
    expect(full.kind).toBe(training.runs[0]);
    expect(slotOfTimeframe(full.parameters?.timeframe)).toBe(slot);
    expect(training.runs).toContain(training.retraining(slot, false, settings).kind);
  });

  it('refuse a request that names a slot which they do not have', () => {
    const refused = expect.objectContaining({ code: 'RETRAIN_KIND' }) as Error;
    expect(() => trainingOfShelf('pairs').requested('full', '1h', settings)).toThrow(refused);
    expect(() => trainingOfShelf('direction').requested('direction', '15m', settings)).toThrow(refused);
    expect(trainingOfShelf('pairs').requested('thresholds', undefined, settings)).toEqual({ kind: 'thresholds' });
    expect(trainingOfShelf('direction').requested('direction', '4h', settings)).toEqual({
      kind: 'direction',
      parameters: { symbols: ['BTCUSDT'], timeframe: '4h' },
    });
  });

  it('tell how the labels overlap that judge live models', () => {
    expect(trainingOfShelf('pairs').overlapOf('pairs')).toEqual({ horizon: 60, block: 720 });
    const { horizon, block } = trainingOfShelf('direction').overlapOf('direction 1h');
    expect(block).toBe(3 * horizon);
  });
});

function slotOf({ shelf }: StrategyTraining): (typeof SLOTS)[number] {
  return SLOTS.find((slot) => shelfNameOf(slot) === shelf)!;
}

it('what a configuration asks for and no training can do is said of it', () => {
  const { minutehand, ...others } = tinySettings();
  const codesOf = (train: object, instruments: readonly string[] = []): readonly string[] => {
    const own = { ...minutehand, instruments: [...instruments], train: { ...minutehand.train, ...train } };
    return ALL_TRAININGS.flatMap((training) => {
      try {
        training.refuseUnusable({ ...others, minutehand: own });
        return [];
      } catch (error) {
        return [(error as MinutehandError).code];
      }
    });
  };
  expect(codesOf({})).toEqual([]);
  expect(codesOf({ device: 'gpu' })).toEqual(['SETTING_UNSUPPORTED']);
  expect(codesOf({ device: 'gpu' }, ['BTCUSDT@1h'])).toEqual(['SETTING_UNSUPPORTED', 'SETTING_UNSUPPORTED']);
  expect(codesOf({ engine: 'logistic', balance: { ai2: 'focal' } })).toEqual(['LEARNER_TASK']);
  expect(codesOf({ direction_engine: 'logistic' }, ['BTCUSDT@1h'])).toEqual([]);
});
