import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { createRng } from '../shared/rng.ts';
import { packageRoot } from '../shared/root.ts';
import { jobSchema, type Job } from '../trainer/jobs/kinds/registry.ts';
import { pairReversionJobSchema, type TrainingJob } from '../trainer/jobs/kinds/pair_reversion_job.ts';
import { createWorkplace } from './cli_process.ts';

/** Enough hours of a random walk for one training. */
function hourlyBars(): string {
  const rng = createRng('hours');
  const rows = ['time,open,high,low,close,volume'];
  let price = 100;
  for (let hour = 0; hour < 4000; hour++) {
    const open = price;
    price *= Math.exp(0.01 * rng.normal());
    const high = Math.max(open, price) * 1.001;
    const low = Math.min(open, price) * 0.999;
    const time = Date.UTC(2024, 0, 1, hour) / 1000;
    rows.push([time, open, high, low, price, 1 + rng.uniform()].join(','));
  }
  return `${rows.join('\n')}\n`;
}

/** The only direction model below a folder of bundles. */
function modelIn(folder: string): Buffer {
  const [path] = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.onnx'));
  return readFileSync(join(folder, path!));
}

describe('minutehand job', () => {
  const place = createWorkplace();
  afterAll(() => place.remove());

  const jobOf = async (...flags: string[]): Promise<TrainingJob> => {
    const { code, stdout } = await place.call(['train', '--print-job', ...flags]);
    expect(code).toBe(0);
    return pairReversionJobSchema.parse(JSON.parse(stdout));
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
      trigger: { code: 'command', values: { command: 'train' } },
    });
    expect((await jobOf('--warm-start', '--adopt')).kind).toBe('warm_start');
    expect((await jobOf('--theta2')).kind).toBe('thresholds');
    for (const [flag, value] of [
      ['--trials', '3'],
      ['--target', 'net'],
      ['--groups', 'metals=XAUUSD_XAGUSD'],
      ['--set', 'train.folds=3'],
      ['--balance', 'ai1=smote'],
      ['--engine', 'logistic'],
      ['--device', 'gpu'],
    ] as const)
      for (const kind of ['--theta2', '--warm-start']) {
        const { code, stderr } = await place.call(['train', '--print-job', kind, flag, value]);
        // A warm start refuses another learner by that of the active models.
        if (kind === '--warm-start' && ['--engine', '--device'].includes(flag)) expect(code).toBe(0);
        else expect([code, stderr]).toEqual([2, expect.stringContaining(`${flag} with ${kind}`)]);
      }
    const job = await jobOf('--theta2');
    expect(() => jobSchema.parse({ ...job, parameters: { ...(job['parameters'] as object), engine: 'vote' } })).toThrow(
      /continues the active models/,
    );
  });

  it('has every option of direction train', async () => {
    const { code, stdout } = await place.call([
      ...['direction', 'train', '--print-job', '--data', 'bars', '--symbols', 'BTCUSDT,ETHUSDT', '--timeframe', '4h'],
      ...[
        '--series',
        'other',
        '--balance',
        'none',
        '--class-weight-ratio',
        '0.5',
        '--trials',
        '4',
        '--balance-penalty',
      ],
      ...['--compare', 'class_weights', '--peers', 'lightgbm', '--sigmas', '1.5', '--horizon', '12', '--stride', '2'],
      ...['--fee-bps', '4', '--slippage-bps', '2', '--seed', '7', '--workers', '2', '--market', 'simulated'],
      ...['--out', 'models/x', '--from', '2022-01-01', '--to', '2024-01-01', '--days', '180'],
    ]);
    expect(code).toBe(0);
    expect(jobSchema.parse(JSON.parse(stdout))).toEqual({
      kind: 'direction',
      market: 'simulated',
      timeframe: '4h',
      symbols: ['BTCUSDT', 'ETHUSDT'],
      window: { from: '2022-01-01T00:00:00Z', to: '2024-01-01T00:00:00Z', days: 180 },
      source: { folder: 'bars', series: 'other' },
      seed: 7,
      parameters: {
        label: { unit: 'sigmas', threshold: 1.5, horizon: 12 },
        balance: 'none',
        class_weight_ratio: 0.5,
        trials: 4,
        balance_penalty: true,
        stride: 2,
        taker_fee_bps: 4,
        slippage_bps: 2,
        compare: ['class_weights'],
        peers: ['lightgbm'],
      },
      output: { folder: 'models/x', is_dry_run: false },
      adopt: false,
      resources: { workers: 2 },
      trigger: { code: 'command', values: { command: 'direction train' } },
    });
  });

  it('gives the bundle of direction train, to the byte', async () => {
    const bars = join(place.folder, 'coins');
    mkdirSync(bars);
    writeFileSync(join(bars, 'COIN.csv'), hourlyBars());
    const flags = ['--data', bars, '--symbols', 'COIN', '--seed', '3', '--stride', '6'];
    const asked = [...flags, '--out', join(place.folder, 'by_command')];
    const command = await place.call(['direction', 'train', ...asked]);
    expect([command.code, command.stderr]).toEqual([0, expect.any(String)]);
    const printed = await place.call(['direction', 'train', '--print-job', ...flags]);
    const job = {
      ...JSON.parse(printed.stdout),
      output: { folder: join(place.folder, 'by_job'), is_dry_run: false },
    } as Job;
    const file = join(place.folder, 'direction.json');
    writeFileSync(file, JSON.stringify(job));
    expect((await place.call(['job', 'run', file])).code).toBe(0);
    expect(modelIn(join(place.folder, 'by_job'))).toEqual(modelIn(join(place.folder, 'by_command')));
    // models verify --deep: later bars do not matter, other ones do.
    const folder = join(place.folder, 'by_job');
    const [version] = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'manifest.json')));
    const verify = ['models', 'verify', join(folder, version!), '--deep', '--data', bars, '--json'];
    const text = hourlyBars();
    const next = Date.UTC(2024, 0, 1, 4000) / 1000;
    writeFileSync(join(bars, 'COIN.csv'), `${text}${next},100,101,99,100,1\n`);
    const same = await place.call(verify);
    expect([same.code, JSON.parse(same.stdout)]).toMatchObject([0, { ok: true, deep: 'same', differences: [] }]);
    const rows = text.split('\n');
    rows[2000] = rows[2000]!.replace(/[^,]+$/, '7');
    writeFileSync(join(bars, 'COIN.csv'), rows.join('\n'));
    const gone = await place.call(verify);
    expect(gone.code).toBe(3);
    expect(gone.stdout).toContain('do not have its data hash');
    writeFileSync(join(bars, 'COIN.csv'), text);
    const path = join(folder, version!, 'manifest.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as { training: { seed: number; dataset_id: string } };
    expect(manifest.training.dataset_id).toMatch(/^[0-9a-f]{64}$/);
    writeFileSync(path, JSON.stringify({ ...manifest, training: { ...manifest.training, seed: 4 } }));
    const other = await place.call(verify);
    expect([other.code, JSON.parse(other.stdout)]).toMatchObject([1, { deep: 'different' }]);
    // Bars of this installation are those of its own market, whatever a document says.
    writeFileSync(file, JSON.stringify({ ...job, market: 'live', source: { folder: null, series: null } }));
    const foreign = await place.call(['job', 'run', file], { env: { MINUTEHAND_MARKET: 'simulated' } });
    expect([foreign.code, foreign.stderr]).toEqual([1, expect.stringContaining('MODEL_MARKET')]);
  });

  it('refuses a document that is none, names the field, and trains nothing', async () => {
    const job = await jobOf();
    const cases: readonly (readonly [string, string])[] = [
      ['{', 'JSON'],
      ['{}', 'kind'],
      [JSON.stringify({ ...job, seed: -1 }), 'seed'],
      [JSON.stringify({ ...job, unknown: 1 }), 'unknown'],
      [JSON.stringify({ ...job, window: { ...job.window, from: 'yesterday' } }), 'window.from'],
      [JSON.stringify({ ...job, adopt: true, output: { ...job.output, is_dry_run: true } }), 'adopt'],
      [JSON.stringify({ ...job, trigger: { code: 'schedule', values: { schedule: 'full' } } }), 'trigger: schedule'],
    ];
    const files = cases.map((_, index) => join(place.folder, `job_${index}.json`));
    for (const [index, [text]] of cases.entries()) writeFileSync(files[index]!, text);
    const absent = join(place.folder, 'absent.json');
    const answers = await place.runEach([...files, absent].map((file) => ['job', 'run', file]));
    for (const [index, [text, named]] of cases.entries()) {
      const { code, stderr } = answers[index]!;
      expect([text, code, stderr.includes('JOB_INVALID'), stderr.includes(named)]).toEqual([text, 1, true, true]);
    }
    expect(answers.at(-1)).toMatchObject({ code: 2 });
  });

  it('waits for a document that comes late on standard input', async () => {
    const program = join(packageRoot(), 'dist', 'cli', 'minutehand.js');
    const child = spawn(process.execPath, [program, 'job', 'run', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
    const said = text(child.stderr);
    await Promise.race([sleep(1500), once(child, 'exit')]);
    expect(child.exitCode).toBeNull();
    child.stdin.end('{"kind": "unknown"}');
    expect(await said).toContain('JOB_INVALID');
  });

  it('runs a document like the command that printed it', async () => {
    const file = join(place.folder, 'job.json');
    const flags = ['--data', join(place.folder, 'no-bars')];
    writeFileSync(file, JSON.stringify(await jobOf(...flags)));
    const byCommand = await place.call(['train', ...flags]);
    const byJob = await place.call(['job', 'run', file]);
    expect(byJob).toEqual(byCommand);
    expect(byJob.code).toBe(1);
  });

  it('never adopts models of another market than the installation’s', async () => {
    const file = join(place.folder, 'job.json');
    const job = await jobOf();
    const other = job.market === 'live' ? 'simulated' : 'live';
    writeFileSync(file, JSON.stringify({ ...job, market: other, adopt: true }));
    const { code, stderr } = await place.call(['job', 'run', file]);
    expect([code, stderr.includes('MODEL_MARKET')]).toEqual([1, true]);
  });
});
