import { expect, it } from 'vitest';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { expectedTime as expectedTimeOf, type BarSpan } from './expected_time.ts';
import { FIRST_MODELS, newRun, requestTrigger, type RetrainRun } from './run.ts';

const DAY_MS = 86_400_000;
const settings = loadSettings({ env: {} });

type Run = Pick<RetrainRun, 'run_id' | 'kind' | 'parameters' | 'trigger'>;
const expectedTime = (run: Run, runs: readonly RetrainRun[], span: BarSpan | null) =>
  expectedTimeOf(run, runs, span, settings);

function endedRun(run_id: number, change: Partial<RetrainRun> = {}): RetrainRun {
  const begun = newRun({ run_id, kind: 'full', trigger: requestTrigger('api'), attempt: 1, started_at: '' });
  return {
    ...begun,
    status: 'rejected',
    duration_ms: 600_000,
    data_from: '2024-01-01T00:00Z',
    data_to: '2024-01-11T00:00Z',
    ...change,
  };
}

const asked = (kind: RetrainRun['kind'], parameters: RetrainRun['parameters']): Run => ({
  run_id: 9,
  kind,
  parameters,
  trigger: requestTrigger('api'),
});

const spanOf = (days: number) => ({ firstMs: 0, lastMs: days * DAY_MS });

it('is the time of the newest completed run of the kind, in proportion to the bars and the instruments', () => {
  const run = newRun({ run_id: 9, kind: 'full', trigger: requestTrigger('api'), attempt: 1, started_at: '' });
  const runs = [run, endedRun(8), endedRun(7, { duration_ms: 1 })];
  expect(expectedTime(run, runs, spanOf(10))).toEqual({ seconds: 600, from_run: 8 });
  expect(expectedTime(run, runs, spanOf(20))).toEqual({ seconds: 1200, from_run: 8 });
  expect(expectedTime(run, runs, null)).toEqual({ seconds: 600, from_run: 8 });
  const direction = asked('direction', { symbols: ['A', 'B', 'C'], timeframe: '1h' });
  const earlier = endedRun(6, { kind: 'direction', parameters: { symbols: ['A'], timeframe: '1h' } });
  expect(expectedTime(direction, [...runs, earlier], spanOf(10))).toEqual({ seconds: 1800, from_run: 6 });
  const shorter = asked('direction', { symbols: ['A'], timeframe: '15m' });
  expect(expectedTime(shorter, [earlier], spanOf(10))).toEqual({ seconds: 2400, from_run: 6 });
});

it('knows what is learned: folds, trials, members and trees, of which early stopping may leave some', () => {
  const ofPairs = (parameters: RetrainRun['parameters']): number =>
    expectedTime(asked('full', parameters), [endedRun(8, { parameters: { trials: 0, engine: 'gbdt' } })], spanOf(10))!
      .seconds;
  expect(ofPairs({ trials: 0, engine: 'gbdt' })).toBe(600);
  // A fifth of the time learns nothing.
  const rounds = (share: number) =>
    Object.fromEntries(
      (['ai1', 'ai2', 'ai3'] as const).map((role) => [
        `train.${role}.rounds`,
        share * settings.minutehand.train[role].rounds,
      ]),
    );
  expect(ofPairs({ trials: 0, engine: 'gbdt', settings: rounds(2) })).toBe(120 + 2 * 480);
  const bagging = { members: 4, base: 'gbdt' } as const;
  expect(ofPairs({ trials: 0, engine: 'bagging', ensemble: { bagging } })).toBe(120 + 4 * 480);
  expect(ofPairs({ trials: 50, engine: 'gbdt' })).toBeGreaterThan(2 * 600);
  expect(ofPairs({ trials: 0, engine: 'gbdt', settings: { 'train.folds': 10 } })).toBeGreaterThan(600);

  const instrument: RetrainRun['parameters'] = { symbols: ['A'], timeframe: '1h' };
  const ofInstrument = (parameters: RetrainRun['parameters']): number =>
    expectedTime(
      asked('direction', { ...instrument, ...parameters }),
      [endedRun(8, { kind: 'direction', parameters: instrument })],
      spanOf(10),
    )!.seconds;
  expect(ofInstrument({ direction_settings: { 'trees.rounds': 150 } })).toBe(120 + 240);
  expect(ofInstrument({ direction_settings: { 'walk_forward.blocks': 17 } })).toBe(120 + 2 * 480);
  expect(ofInstrument({ trials: 50 })).toBeGreaterThan(10 * 600);
});

it('is that of a measured training where no such run has completed: other kinds, without a result, first models', () => {
  const run = newRun({ run_id: 9, kind: 'full', trigger: requestTrigger('api'), attempt: 1, started_at: '' });
  Object.assign(run, { parameters: { trials: 0, engine: 'gbdt' } });
  const others = [
    run,
    endedRun(8, { kind: 'incremental' }),
    endedRun(7, { status: 'stopped' }),
    endedRun(6, { trigger: FIRST_MODELS }),
    endedRun(5, { duration_ms: null }),
  ];
  // Ten pairs over 241 days took 175 seconds.
  const ofTenPairs = (175 * settings.minutehand.pairs.length) / 10;
  expect(expectedTime(run, others, spanOf(241))).toEqual({ seconds: Math.round(ofTenPairs), from_run: null });
  expect(expectedTime(run, others, spanOf(2 * 241))).toEqual({ seconds: Math.round(2 * ofTenPairs), from_run: null });
  const coins = asked('direction', { symbols: ['A', 'B'], timeframe: '15m' });
  expect(expectedTime(coins, others, spanOf(365))).toEqual({ seconds: 68, from_run: null });
  // Nothing was measured of others, or by the bar.
  expect(expectedTime(run, others, null)).toBeNull();
  expect(expectedTime(asked('thresholds', {}), [], spanOf(10))).toBeNull();
});
