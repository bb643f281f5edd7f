import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Manifest } from '../shared/bundle/manifest.ts';
import type { BarColumns } from '../shared/bar_file/bar_file.ts';
import type { ModelValidation } from '../trainer/learning/validate/validation.ts';
import { PRODUCTION_METADATA, TRAINING_METADATA } from '../trainer/control/registry/metadata_views.ts';
import { createWorkplace, type Finished, type Workplace } from './cli_process.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 120_000 });

let place: Workplace;
let bars: Map<string, BarColumns>;
let trained: Finished;
let data: string;
let version: string;
let manifest: Manifest;
beforeAll(async () => {
  // No AUC reaches this, so one gate always fails.
  place = createWorkplace({ retrain: { adopt_min_auc: 0.99 } });
  bars = tinyBars(place.settings);
  data = await place.writeBars('bars', bars);
  const flags = [
    '--trials',
    '0',
    '--days',
    '1',
    '--verbose',
    '--require-gates',
    '--hash-name',
    '--settings-name',
    '--json',
  ];
  const config = join(place.config, 'minutehand.yaml');
  trained = await place.run(['train', '--data', data, '--config', config, ...flags], {
    env: { MINUTEHAND_CONFIG: '/nowhere' },
  });
  ({ version } = JSON.parse(trained.stdout) as { version: string });
  manifest = JSON.parse(readFileSync(join(place.models, version, 'manifest.json'), 'utf8')) as Manifest;
}, 120_000);
afterAll(() => place.remove());

const read = (file: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(place.models, file), 'utf8')) as Record<string, unknown>;
/** The bars of the folder, and so the models, are of a live market. */
const env = { MINUTEHAND_MARKET: 'live' };
const check = async (...flags: string[]) => {
  const { code, stdout } = await place.run(['check', 'models', ...flags, '--json'], { env });
  return { code, ...(JSON.parse(stdout) as { ok: boolean; bundles: Record<string, unknown>[] }) };
};

describe('train', () => {
  it('takes the last days, names its stages, and ends with 1 when a required gate fails', () => {
    expect(trained.code).toBe(1);
    expect(trained.stderr).toMatch(/ s: reading bars\n.* s: features and labels\n.* s: learning\n/s);
    const newest = Math.max(...[...bars.values()].map(({ time }) => time.at(-1)!));
    // One day of bars, minus the warm-up.
    expect(Date.parse(manifest.period.from) / 1000).toBeGreaterThan(newest - 86_400);
    expect(Date.parse(manifest.period.to) / 1000).toBeGreaterThanOrEqual(newest);
  });

  it('names the bundle by the hash of the configuration in its manifest, and by engine and horizon', () => {
    expect(version).toMatch(/^\d{8}_\d{4}-[0-9a-f]{8}-gbdt-h20$/);
    expect(manifest.configuration).toMatchObject({
      policy_hash: place.settings.policyHash,
      'train.engine': 'gbdt',
      'label.horizon_bars': 20,
    });
  });

  it('writes training_metadata.json from the metrics of its bundle', () => {
    const validation = read(join(version, 'validation.json')) as unknown as Record<string, ModelValidation>;
    const { f1, accuracy } = validation['ai1']!.holdout.pooled;
    expect(f1).not.toBeNull();
    expect(read(TRAINING_METADATA)).toMatchObject({
      model_version: version,
      theta1: manifest.theta1,
      model_metrics: {
        ai1: { f1_score: f1, accuracy, auc: manifest.metrics.ai1.holdout.auc, skill: manifest.skill!.skill },
        ai2: { f1_score: validation['ai2']!.holdout.pooled.f1 },
      },
    });
    const { model_metrics } = read(TRAINING_METADATA) as { model_metrics: Record<string, Record<string, unknown>> };
    expect(Object.keys(model_metrics)).toEqual(['ai1', 'ai2', 'ai3']);
    for (const figures of Object.values(model_metrics))
      expect(figures).toMatchObject({ f1_score: expect.any(Number) as number, accuracy: expect.any(Number) as number });
    // Rejected: nothing is active, and what is read of production are numbers all the same.
    const production = read(PRODUCTION_METADATA);
    expect(production).toMatchObject({ model_version: null, previous_version: null, model_metrics: {} });
    expect(production['performance_metrics']).toMatchObject({ f1_score: 0, accuracy: 0, trades: 0 });
  });
});

describe('check ml-models', () => {
  it('prints the plan alone with --dry-run, from a configuration in one file, and then trains by it', async () => {
    const unified = join(place.config, 'unified.yaml');
    const parts = ['minutehand: minutehand.yaml', 'core: core_policy.yaml', 'retrain: retrain_policy.yaml'];
    writeFileSync(unified, `${parts.join('\n')}\n`);
    const args = ['check', 'ml-models', '--data', data, '--days', '1', '--trials', '0', '--config', unified, '--json'];
    const env = { MINUTEHAND_CONFIG: '/nowhere' };
    const before = readdirSync(place.models);
    const planned = await place.run([...args, '--dry-run'], { env });
    expect([planned.code, planned.stderr]).toEqual([0, expect.any(String)]);
    const { training: plan } = JSON.parse(planned.stdout) as { training: { kind: string; period: { from: string } } };
    expect(plan).toMatchObject({ kind: 'train', engine: 'gbdt', trials: 0, models_folder: place.models });
    expect(readdirSync(place.models)).toEqual(before);
    const run = await place.run([...args, '--verbose'], { env });
    const checked = JSON.parse(run.stdout) as {
      ok: boolean;
      training: { version: string };
      bundles: { version: string }[];
    };
    // A day of bars passes no gate of quality.
    expect([run.code, checked.ok]).toEqual([1, false]);
    expect(run.stderr).toMatch(/Gates have failed: .*ai1 auc/);
    expect(run.stderr).toMatch(/ s: reading bars\n.* s: learning\n/s);
    expect(checked.bundles.map((bundle) => bundle.version).sort()).toEqual([version, checked.training.version].sort());
    const learned = JSON.parse(
      readFileSync(join(place.models, checked.training.version, 'manifest.json'), 'utf8'),
    ) as Manifest;
    expect(learned.period.from).toBe(plan.period.from);
    rmSync(join(place.models, checked.training.version), { recursive: true });
  });
});

describe('check models', () => {
  it('fails while nothing is active, and after a bundle was damaged', async () => {
    expect(await check()).toMatchObject({ code: 1, ok: false, bundles: [{ version, role: null, ok: true }] });
  });

  it('verifies and times the bundles, and writes the metadata of the active one unless it is a dry run', async () => {
    const override = ['--despite-gates', '--reason', 'a test of metadata'];
    expect((await place.run(['models', 'promote', version, ...override], { env })).code).toBe(0);
    const view = read(PRODUCTION_METADATA);
    expect(view).toMatchObject({
      model_version: version,
      performance_metrics: {
        trades: manifest.backtest!.trades,
        sharpe: manifest.backtest!.net_sharpe ?? 0,
        auc: manifest.metrics.ai1.holdout.auc,
        f1_score: expect.any(Number) as number,
        accuracy: expect.any(Number) as number,
      },
      model_metrics: { ai3: { f1_score: expect.any(Number) as number } },
    });
    // Programs that print each of them as a number.
    for (const [name, value] of Object.entries(view['performance_metrics'] as object))
      expect(value, name).toEqual(expect.any(Number));
    rmSync(join(place.models, PRODUCTION_METADATA));
    // A person has given a reason.
    expect(await check('--dry-run')).toMatchObject({
      code: 0,
      ok: true,
      problems: [{ slot: 'pairs', isStated: true }],
    });
    const [foreign] = await place.runEach([['check', 'models', '--json']]);
    expect(foreign).toMatchObject({ code: 1, stdout: expect.stringContaining('MODEL_MARKET') as string });
    expect(existsSync(join(place.models, PRODUCTION_METADATA))).toBe(false);
    const tested = await check('--test');
    expect(tested).toMatchObject({
      code: 0,
      bundles: [{ role: 'active', failed_gates: expect.arrayContaining(['ai1.auc']) as string[] }],
    });
    expect(tested.bundles[0]!['rows_per_second']).toBeGreaterThan(0);
    expect(read(PRODUCTION_METADATA)).toEqual(view);
  });

  it('models list shows the break-even cost of each pair beside the configured one, and models note writes into the registry', async () => {
    const [list, note] = await place.runEach([
      ['models', 'list'],
      ['models', 'note', version, 'one day only', '--model', 'AI1', '--json'],
    ]);
    for (const [pair, { break_even_cost_bps, mean_cost_bps }] of Object.entries(manifest.edge)) {
      const shown = (bps: number | null | undefined): string => ((bps ?? null) === null ? '–' : bps!.toFixed(2));
      expect(list!.stdout).toMatch(
        new RegExp(
          `${pair} +break-even cost +${shown(break_even_cost_bps)} bps, configured +${shown(mean_cost_bps)} bps`,
        ),
      );
    }
    const { dataset_id, configuration, seed } = manifest;
    const policy = String(configuration!['policy_hash']).slice(0, 12);
    expect(list!.stdout).toContain(`seed ${seed}, table ${dataset_id!.slice(0, 12)}, settings ${policy}`);
    expect(JSON.parse(note!.stdout)).toEqual({ version, models: ['AI1'], notes: 'one day only' });
  });
});
