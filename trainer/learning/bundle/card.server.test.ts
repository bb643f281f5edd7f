import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readManifest } from '../../../shared/bundle/bundle.ts';
import type { Manifest, ModelMetrics, ModelReport } from '../../../shared/bundle/manifest.ts';
import { tinyModels } from '../../../test/tiny_models.ts';
import { renderCard } from './card.ts';

let folder: string;
let manifest: Manifest;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-card-'));
  manifest = readManifest((await tinyModels(folder)).path);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The lines below a heading that begins so, up to the next one. */
function section(card: string, heading: string): string[] {
  const lines = card.split('\n');
  const from = lines.findIndex((line) => line.startsWith(`## ${heading}`));
  expect(from, heading).toBeGreaterThan(0);
  const length = lines.slice(from + 1).findIndex((line) => line.startsWith('## '));
  return lines.slice(from, length < 0 ? undefined : from + 1 + length);
}

function withAi1(changes: Partial<ModelReport>): Manifest {
  const { metrics } = manifest;
  return { ...manifest, metrics: { ...metrics, ai1: { ...metrics.ai1, ...changes } } };
}

describe('renderCard', () => {
  it('has the holdout figures of the manifest, and a dash for what does not exist', () => {
    const card = renderCard(manifest);
    const { ai1, ai3 } = manifest.metrics;
    const holdout = section(card, 'Measured on the holdout').join('\n');
    expect(holdout).toContain(
      `| AI1 | ${ai1.holdout.rows} | ${ai1.holdout.label_mean!.toFixed(3)} | ${ai1.holdout.auc!.toFixed(4)} |`,
    );
    expect(holdout).toContain(`| AI3 | ${ai3.holdout.rows} | ${ai3.holdout.label_mean!.toFixed(3)} | – |`);
    expect(card).toContain(`nothing from ${manifest.period.holdout_from} on was used for any choice`);
    expect(card).not.toMatch(/undefined|null|NaN|\[object/);
  });

  it('has the AUC of AI1 beside that of placebo markets, with its error', () => {
    const { auc, placebo_auc, skill, standard_error, lower_95, days } = manifest.skill!;
    expect(skill).toBeCloseTo(auc - placebo_auc, 12);
    const figures = [auc, placebo_auc, skill, standard_error, lower_95].map((own) => own?.toFixed(4) ?? '–');
    expect(section(renderCard(manifest), 'Skill of AI1')).toContain(
      `| ${['all pairs', ...figures, days].join(' | ')} |`,
    );
    const { skill: _skill, ...older } = manifest;
    expect(renderCard(older)).not.toContain('Skill of AI1');
    const outside = renderCard({ ...manifest, outside_columns: ['corr', 'z_score'] });
    expect(outside).toContain('does not compute to the same values: corr, z_score.');
  });

  it('has each measure of each model under its head, and those of the model of the result', () => {
    const HEADS = {
      rows: 'rows',
      label_mean: 'label mean',
      auc: 'AUC',
      brier: 'Brier',
      brier_baseline: 'Baseline Brier',
      log_loss: 'log loss',
      ece: 'calibration error',
    } as const;
    const row = {
      costs: 'flat',
      windows: true,
      trades: 7,
      gross_bps: 4,
      net_bps: 1.25,
      lower_5_net_bps: -0.5,
      upper_95_net_bps: 3,
      no_edge: true,
    } as const;
    const net = { rows: 900, effective_rows: 120.4, trees: 33, clipped: 0.0125, walk_forward: [row] };
    const card = renderCard({ ...manifest, metrics: { ...manifest.metrics, net } as unknown as Manifest['metrics'] });
    const cellsOf = (lines: readonly string[]) =>
      lines.filter((line) => line.startsWith('| ')).map((line) => line.slice(2, -2).split(' | '));
    const [head, ...rows] = cellsOf(section(card, 'Measured on the holdout'));
    expect(rows).toHaveLength(3);
    for (const cells of rows) {
      const measured = manifest.metrics[cells[0]!.toLowerCase() as 'ai1'].holdout;
      for (const [key, title] of Object.entries(HEADS)) {
        const value = measured[key as keyof typeof HEADS];
        const cell = cells[head!.indexOf(title)]!;
        expect([cells[0], key, cell === '–' ? null : Number(cell)]).toEqual([
          ...[cells[0], key],
          value === null ? null : expect.closeTo(value, key === 'label_mean' ? 2.99 : 3.99),
        ]);
      }
    }
    const result = section(card, 'Model of the result');
    expect(result.join(' ')).toContain('900 rows worth 120 independent ones, 33 trees, 1.3 % of the results clipped');
    expect(cellsOf(result)[1]).toEqual(['flat', 'as configured', '7', '4.00', '1.25', '-0.50', '3.00', 'NO_EDGE']);
  });

  it('has tables whose rows have as many cells as their header', () => {
    let cells = 0;
    for (const line of renderCard(manifest).split('\n')) {
      const own = line.startsWith('|') ? line.split('|').length : 0;
      if (own > 0 && cells > 0) expect(own, line).toBe(cells);
      cells = own;
    }
  });

  it('gives every pair its verdict and counts those with an edge', () => {
    expect(renderCard(manifest)).toContain('## Edge after costs on the holdout: 0 of 3 pairs');
    const proven = {
      no_edge: false,
      trades: 99,
      mean_gross_bps: 3,
      mean_net_bps: 1.5,
      lower_5_net_bps: 0.25,
      mean_cost_bps: 1.5,
      break_even_cost_bps: 2.75,
    };
    const card = renderCard({ ...manifest, edge: { ...manifest.edge, EURUSD_GBPUSD: proven } });
    expect(card).toContain('on the holdout: 1 of 3 pairs');
    expect(card).toMatch(
      /\| EURUSD_GBPUSD \| [\d.]+ \| 99 \| 3\.00 \| 1\.50 \| 0\.25 \| – \| 1\.50 \| 2\.75 \| edge \|/,
    );
    expect(card).toMatch(/\| XAUUSD_XAGUSD \|.* NO_EDGE \|/);
  });

  it('states the trials on the bars before the holdout', () => {
    const { own, total } = manifest.trials!;
    expect([own, total]).toEqual([1, 1]);
    const card = renderCard({ ...manifest, trials: { own: 41, total: 140 } });
    expect(card).toContain('Configurations ever tried here on the bars before it: 140, 41 of them by this training');
  });

  it('shows what was searched, whether it was taken, and how far the thresholds can be chance', () => {
    expect(renderCard(manifest)).not.toContain('## Search');
    const ai1 = {
      trials: 16,
      complete: 12,
      pruned: 4,
      failed: 0,
      configured_log_loss: 0.63284,
      best_log_loss: 0.63255,
      gain: 0.00029,
      gain_standard_error: 0.00027,
      best_parameters: {},
      adopted: false,
    };
    const thresholds = {
      tried: 31,
      allowed: 21,
      chosen: true,
      net_sharpe: -3.417,
      trades: 31,
      pass_rate: 0.25,
      expected_max_sharpe: 7.51,
      probabilistic_sharpe: 0.0001,
      deflated_sharpe: null,
    };
    const text = section(renderCard({ ...manifest, search: { ai1, thresholds } }), 'Search').join('\n');
    expect(text).toContain('16 trials, 4 of them pruned, 0 failed');
    expect(text).toContain('0.63255 at best, 0.63284 with the configured parameters');
    expect(text).toContain('That is no clear gain: the configured parameters were kept.');
    expect(text).toContain('| -3.42 | 7.51 | 0.00 | – |');
    const worse = renderCard({ ...manifest, search: { ai1: { ...ai1, forward_gain: -0.0004 }, thresholds: null } });
    expect(section(worse, 'Search').join('\n')).toContain('In walk-forward it was worse by 0.00040');
    const taken = renderCard({ ...manifest, search: { ai1: { ...ai1, adopted: true }, thresholds: null } });
    expect(section(taken, 'Search').join('\n')).toContain('these models were learned by the best trial.');
  });

  it('shows each model’s training data: rows, effective rows, trees, calibration', () => {
    const card = renderCard(
      withAi1({ rows: 5292, effective_rows: 1080.3, trees: 80, calibration: { slope: 0.94, intercept: -0.0251 } }),
    );
    expect(section(card, 'Models')).toContain(
      '| AI1 | will the spread revert within the horizon before its stop? | 5292 | 1080 | 80 | logit × 0.940 − 0.025 |',
    );
    expect(section(renderCard(withAi1({ calibration: null })), 'Models').join('\n')).toMatch(
      /\| AI1 \|.*\| none: it did not help out of fold \|/,
    );
  });

  it('has the means of folds and of walk-forward blocks, with the spread of their AUC', () => {
    const fold = (auc: number | null): ModelMetrics => ({ ...manifest.metrics.ai1.holdout, auc });
    const split = { mean: { ...fold(0.6), rows: 123 }, folds: [fold(0.65), fold(0.55), fold(null)] };
    const card = renderCard(withAi1({ cross_validation: split, walk_forward: split }));
    for (const heading of ['Purged cross-validation', 'Walk-forward'])
      expect(section(card, heading).join('\n')).toMatch(/\| AI1 \| 123 \|.* 0\.6000 \|.* 0\.5500 to 0\.6500 \|/);
    expect(section(card, 'Walk-forward').join('\n')).toMatch(/\| AI3 \|.*\| – \|/);
  });

  it('names the parts of AI2’s label with their share and the AUC for each alone', () => {
    const metrics = {
      ...manifest.metrics,
      ai2_parts: { drawdown: 0.0125, volatility: 0.27, correlation: 0.2 },
      ai2_parts_auc: { drawdown: null, volatility: 0.84823, correlation: 0.61983 },
    };
    const parts = section(renderCard({ ...manifest, metrics }), 'The parts of AI2');
    expect(parts).toContain('| drawdown | 0.013 | – |');
    expect(parts).toContain('| volatility | 0.270 | 0.8482 |');
  });

  it('lists at its beginning which tests failed, counts them, and puts them before those that passed', () => {
    const gate = (name: string, passed: boolean) => ({ name, passed, seen: `saw ${name}`, limit: `at most ${name}` });
    const gates = [gate('first', true), gate('second', false), gate('third', true), gate('fourth', false)];
    const card = renderCard({ ...manifest, gates });
    expect(card.slice(0, card.indexOf('## '))).toContain('**Failed tests: second, fourth.**');
    const lines = section(card, 'Quality and leakage tests: 2 of 4 FAILED');
    expect(lines.filter((line) => /^\| (first|second|third|fourth) /.test(line))).toEqual([
      '| second | **FAILED** | saw second | at most second |',
      '| fourth | **FAILED** | saw fourth | at most fourth |',
      '| first | passed | saw first | at most first |',
      '| third | passed | saw third | at most third |',
    ]);
    const passed = renderCard({ ...manifest, gates: [gate('only', true)] });
    expect(passed).toContain('## Quality and leakage tests: all 1 passed');
    expect(passed).not.toMatch(/failed/i);
  });

  it('lists every label parameter and parameter of the engine once, with the model that it belongs to', () => {
    const lines = section(renderCard(manifest), 'Labels and parameters');
    expect(lines[2]).toBe('| model | label | gbdt |');
    expect(lines.find((line) => line.startsWith('| AI1 |'))).toMatch(
      /z_entry 2, z_exit 0\.5, stop 1\.5, horizon 60 \| rounds 12, /,
    );
    expect(lines.find((line) => line.startsWith('| all |'))).toContain('folds 3');
    const listed = lines.join('\n').match(/[a-z_0-9]+ -?\d[\d.]*(?=,| \|)/g)!;
    const { label_policy, engine } = manifest;
    expect(listed).toHaveLength(Object.keys(label_policy).length + Object.keys(engine.parameters).length);
  });

  it('renders a manifest from before these figures existed', () => {
    const {
      rows: _rows,
      effective_rows: _effective,
      trees: _trees,
      walk_forward: _walk,
      ...ai1
    } = manifest.metrics.ai1;
    const { ai2, ai3, ai2_parts } = manifest.metrics;
    const { gates: _gates, ...rest } = manifest;
    const without = ({ walk_forward: _, ...report }: ModelReport): ModelReport => report;
    const card = renderCard({ ...rest, metrics: { ai1, ai2: without(ai2), ai3: without(ai3), ai2_parts } });
    expect(card).not.toContain('Walk-forward');
    expect(card).not.toContain('Quality and leakage tests');
    expect(card).not.toMatch(/undefined|NaN/);
  });
});
