import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { trainingJobSchema, type TrainingJob } from '../trainer/jobs/training_job.ts';
import { createWorkplace } from './cli_process.ts';

describe('minutehand job', () => {
  const place = createWorkplace();
  afterAll(() => place.remove());

  const jobOf = async (...flags: string[]): Promise<TrainingJob> => {
    const { code, stdout } = await place.run(['train', '--print-job', ...flags]);
    expect(code).toBe(0);
    return trainingJobSchema.parse(JSON.parse(stdout));
  };

  it('has every option of train', async () => {
    expect(
      await jobOf(
        ...['--data', 'bars', '--from', '2019-03-01', '--to', '2019-04-01T12:00Z', '--days', '9', '--seed', '7'],
        ...['--trials', '3', '--engine', 'random_forest', '--target', 'net', '--mid', '--holdout-from', '2019-03-20'],
        ...['--groups', 'metals=XAUUSD_XAGUSD', '--out', 'models/x', '--hash-name', '--dry-run', '--workers', '1'],
        ...['--no-cache', '--features', 'x.csv'],
      ),
    ).toEqual({
      kind: 'train',
      market: 'live',
      window: { from: '2019-03-01T00:00:00Z', to: '2019-04-01T12:00:00Z', days: 9 },
      seed: 7,
      source: { folder: 'bars', features: 'x.csv', mid: true },
      parameters: {
        trials: 3,
        engine: 'random_forest',
        target: 'net',
        holdout_from: '2019-03-20T00:00:00Z',
        groups: { metals: ['XAUUSD_XAGUSD'] },
      },
      output: { folder: 'models/x', hash_name: true, is_dry_run: true },
      adopt: false,
      resources: { workers: 1, cache: false },
      trigger: { code: 'command', text: 'train' },
    });
    expect((await jobOf('--warm-start', '--adopt')).kind).toBe('warm_start');
    expect((await jobOf('--theta2')).kind).toBe('thresholds');
  });

  it('refuses a document that is none, names the field, and trains nothing', async () => {
    const file = join(place.folder, 'job.json');
    const job = await jobOf();
    const cases: readonly (readonly [string, string])[] = [
      ['{', 'JSON'],
      ['{}', 'kind'],
      [JSON.stringify({ ...job, seed: -1 }), 'seed'],
      [JSON.stringify({ ...job, unknown: 1 }), 'unknown'],
      [JSON.stringify({ ...job, window: { ...job.window, from: 'yesterday' } }), 'window.from'],
      [JSON.stringify({ ...job, adopt: true, output: { ...job.output, is_dry_run: true } }), 'adopt'],
    ];
    for (const [text, named] of cases) {
      writeFileSync(file, text);
      const { code, stderr } = await place.run(['job', 'run', file]);
      expect([text, code, stderr.includes('JOB_INVALID'), stderr.includes(named)]).toEqual([text, 1, true, true]);
    }
    expect(await place.run(['job', 'run', join(place.folder, 'absent.json')])).toMatchObject({ code: 2 });
  });

  it('runs a document like the command that printed it', async () => {
    const file = join(place.folder, 'job.json');
    const flags = ['--data', join(place.folder, 'no-bars')];
    writeFileSync(file, JSON.stringify(await jobOf(...flags)));
    const byCommand = await place.run(['train', ...flags]);
    const byJob = await place.run(['job', 'run', file]);
    expect(byJob).toEqual(byCommand);
    expect(byJob.code).toBe(1);
  });

  it('never adopts models of another market than the installation’s', async () => {
    const file = join(place.folder, 'job.json');
    const job = await jobOf();
    const other = job.market === 'live' ? 'simulated' : 'live';
    writeFileSync(file, JSON.stringify({ ...job, market: other, adopt: true }));
    const { code, stderr } = await place.run(['job', 'run', file]);
    expect([code, stderr.includes('MODEL_MARKET')]).toEqual([1, true]);
  });
});
