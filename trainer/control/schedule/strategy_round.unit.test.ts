import { scheduled } from '../../../shared/run_trigger/run_triggers.fixture.ts';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { directionJobSchema } from '../../jobs/kinds/direction_job.ts';
import {
  configuredDirections,
  directionParameters,
  DIRECTION_TRAINING,
} from '../../jobs/strategies/direction/training.ts';
import { StrategyRound } from './strategy_round.ts';
import { newRun, type RetrainRun, type RunRequest } from './run.ts';
import { jobOfRun } from './run_job.ts';

const delivered = loadSettings({ env: {} });
const withInstruments = (...instruments: string[]) => ({
  ...delivered,
  minutehand: { ...delivered.minutehand, instruments },
});
const settings = withInstruments('BTCUSDT@4h', 'ETHUSDT@1h', 'SOLUSDT@1h');

describe('direction models of the configuration', () => {
  it('are those of the instruments of a timeframe, and a job of theirs is valid', () => {
    expect([...configuredDirections(settings)]).toEqual([
      ['1h', ['ETHUSDT', 'SOLUSDT']],
      ['4h', ['BTCUSDT']],
    ]);
    const parameters = directionParameters(settings, '1h');
    const job = jobOfRun({ kind: 'direction', trigger: scheduled('direction'), parameters }, settings);
    expect(directionJobSchema.parse(job)).toMatchObject({
      symbols: ['ETHUSDT', 'SOLUSDT'],
      timeframe: '1h',
      adopt: true,
      trigger: { code: 'schedule' },
    });
    expect(directionParameters(withInstruments('BTCUSDT@4h'))).toEqual({ symbols: ['BTCUSDT'], timeframe: '4h' });
  });

  it.each([
    [settings, undefined, 'timeframe=1h'],
    [settings, '1d', 'timeframe=1h'],
    [withInstruments(), undefined, 'POST /api/ml-training/train'],
  ])('are refused where none or several are meant, with the next step', (own, timeframe, next) => {
    expect(() => directionParameters(own, timeframe)).toThrow(
      expect.objectContaining({ code: 'RETRAIN_KIND', next: expect.stringContaining(next) as string }) as Error,
    );
  });
});

describe('a round of direction models', () => {
  it('trains one timeframe after the other, behind a run of another kind or of its own', async () => {
    const runs: RetrainRun[] = [];
    const asked: RunRequest[] = [];
    let isBusy = true;
    const retrainer = {
      runs: () => runs,
      startOrWait: async (request: RunRequest) => {
        asked.push(request);
        // The first answer is that of a retrainer with another direction model at work.
        if (asked.length === 1) return false;
        expect(runs.every(({ status }) => status !== 'running')).toBe(true);
        const run = newRun({
          run_id: runs.length + 1,
          kind: 'direction',
          trigger: request.trigger,
          attempt: 1,
          started_at: '',
        });
        runs.unshift(run);
        setTimeout(() => (run.status = 'rejected'), 5);
        return true;
      },
    };
    const printed: string[] = [];
    const round = new StrategyRound(DIRECTION_TRAINING, retrainer, settings, (line) => printed.push(line), 1);
    const done = round.begin(scheduled('direction')).then(() => (isBusy = false));
    await round.begin(scheduled('direction'));
    expect([isBusy, printed]).toEqual([true, [expect.stringContaining('last round has not ended')]]);
    await done;
    expect(asked.map(({ parameters }) => parameters!.timeframe)).toEqual(['1h', '1h', '4h']);
  });

  it.each([
    ['waits for the retry of a failed run', 60, ['failed', 'killed', 'aborted', 'adopted'], ['1h', '4h']],
    ['goes on after a failed run without a retry', -10, ['failed', 'adopted'], ['1h', '4h']],
  ] as const)('%s', async (_, minutes, outcomes, timeframes) => {
    const runs: RetrainRun[] = [];
    const asked: (string | undefined)[] = [];
    const attempt = (trigger: RunRequest['trigger'], number: number): void => {
      const run = newRun({ run_id: runs.length + 1, kind: 'direction', trigger, attempt: number, started_at: '' });
      const status = outcomes[runs.length]!;
      runs.unshift(run);
      setTimeout(() => {
        run.status = status;
        if (minutes > 0 && (status === 'failed' || status === 'killed'))
          setTimeout(() => attempt(trigger, number + 1), 10);
      }, 5);
    };
    const retrainer = {
      runs: () => runs,
      startOrWait: async ({ trigger, parameters }: RunRequest) => {
        asked.push(parameters!.timeframe);
        // The next timeframe comes behind the last attempt of the one before it.
        if (minutes > 0 && asked.length === 2) expect(runs[0]!.status).toBe('aborted');
        attempt(trigger, 1);
        return true;
      },
    };
    const own = { ...settings, retrain: { ...settings.retrain, retrain_retry_delay_minutes: minutes } };
    await new StrategyRound(DIRECTION_TRAINING, retrainer, own, () => undefined, 1).begin(scheduled('direction'));
    expect([asked, runs.map(({ status }) => status).reverse()]).toEqual([timeframes, outcomes]);
  });

  it('ends when it is stopped, and says that there are no instruments', async () => {
    const retrainer = { runs: () => [], startOrWait: async () => true };
    const printed: string[] = [];
    const print = (line: string): void => void printed.push(line);
    await new StrategyRound(DIRECTION_TRAINING, retrainer, withInstruments(), print).begin(scheduled('direction'));
    expect(printed).toEqual(['Retraining (direction schedule) is skipped: there are no instruments.']);
    const round = new StrategyRound(DIRECTION_TRAINING, retrainer, settings, print);
    const done = round.begin(scheduled('direction'));
    setTimeout(() => round.stop(), 5);
    await done;
  });
});
