import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { GateResult } from '../shared/bundle/gates/gate_result.ts';
import { gateText } from '../shared/bundle/gates/gate_text.ts';
import { createRng } from '../shared/rng.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';

// A search, a training and its evaluation, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000 });

let place: Workplace;
beforeAll(() => {
  place = createWorkplace();
  writeFileSync(join(place.folder, 'funding.csv'), 'time,rate\n1600000000,0.0001\n1600028800,\n1600057600,0.0002\n');
  const rng = createRng('cli');
  let price = 100;
  const bars = Array.from({ length: 1800 }, (_, t) => {
    const open = price;
    price *= Math.exp(0.006 * rng.normal());
    return `${1_600_000_000 - (1_600_000_000 % 3600) + t * 3600},${open},${Math.max(open, price)},${Math.min(open, price)},${price},1`;
  });
  writeFileSync(join(place.folder, 'BTCUSDT-1h.csv'), `time,open,high,low,close,volume\n${bars.join('\n')}\n`);
});
afterAll(() => place.remove());

const IMPORT = ['series', 'import', 'funding.csv', '--symbol', 'BTCUSDT', '--into', 'series', '--value', 'rate'];

interface Report {
  readonly version: string;
  readonly metrics: { readonly rows: number };
  readonly search: { readonly best_parameters: object };
  readonly net: { readonly no_edge: boolean; readonly edge: Record<string, unknown> };
  readonly gates: readonly GateResult[];
  readonly evaluation_look: number;
}

interface Evaluation {
  readonly period: { readonly from: string };
  readonly metrics: { readonly auc_errors: readonly number[] };
  readonly net: {
    readonly trades: number;
    readonly edge: Readonly<Record<string, { readonly trades: number }>>;
  };
  readonly gates: readonly GateResult[];
}

describe('the commands of an instrument', () => {
  it('import a series once, with its arrival times, and refuse one without', async () => {
    const [without, unknown] = await place.runEach([
      [...IMPORT, '--name', 'funding_rate'],
      [...IMPORT, '--name', 'rate', '--lag', '60'],
    ]);
    expect(without).toMatchObject({ code: 2, stderr: expect.stringMatching(/^USAGE.*neither --arrival nor --lag/) });
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringMatching(/^USAGE.*--name rate/) });
    for (const added of [2, 0]) {
      const { code, stdout } = await place.call([...IMPORT, '--name', 'funding_rate', '--lag', '60', '--json']);
      expect([code, JSON.parse(stdout)]).toEqual([
        0,
        {
          symbol: 'BTCUSDT',
          name: 'funding_rate',
          added,
          duplicates: 2 - added,
          revisions: 0,
          empty: 1,
          compared_bars: 1800,
        },
      ]);
    }
    expect(readFileSync(join(place.folder, 'series', 'BTCUSDT.funding_rate.csv'), 'utf8')).toContain(
      '1600000000,1600000060,0.0001\n',
    );
  });

  it('refuse a series that moves before the bars beside it, and keep nothing of it', async () => {
    const bars = readFileSync(join(place.folder, 'BTCUSDT-1h.csv'), 'utf8').trimEnd().split('\n').slice(1);
    const rows = bars.map((line) => line.split(','));
    const early = rows.slice(6).map(([, , , , close], t) => `${Number(rows[t]![0]) + 3600},${close}`);
    writeFileSync(join(place.folder, 'oi.csv'), `time,open_interest\n${early.join('\n')}\n`);
    const importOi = [
      'series',
      'import',
      'oi.csv',
      '--symbol',
      'BTCUSDT',
      '--name',
      'open_interest',
      '--into',
      'early',
    ];
    const { code, stderr } = await place.call([...importOi, '--value', 'open_interest', '--lag', '0', '--bars', '.']);
    expect([code, existsSync(join(place.folder, 'early'))]).toEqual([1, false]);
    expect(stderr).toMatch(/^SERIES_FORESIGHT.*open_interest moves 6 h before BTCUSDT/);
    const honest = rows.map(([time, , , , close]) => `${Number(time) + 3600},${close}`);
    writeFileSync(join(place.folder, 'oi.csv'), `time,open_interest\n${honest.join('\n')}\n`);
    const taken = await place.call([...importOi, '--value', 'open_interest', '--lag', '0', '--bars', '.']);
    expect(taken.stderr).toBe('');
    expect(taken.stdout).toContain('Compared with 1800 bars of BTCUSDT');
  });

  it('train on the bars of this installation, unless there are none', async () => {
    const train = ['direction', 'train', '--symbols', 'BTCUSDT'];
    const [none, market] = await place.runEach([train, [...train, '--market', 'live']]);
    expect(none).toMatchObject({ code: 1, stderr: expect.stringMatching(/DATA_MISSING.*no bars of BTCUSDT in the/) });
    expect(none!.stderr).toContain('`direction train` is `train --strategy direction` now; both do the same.');
    expect(market).toMatchObject({ code: 2, stderr: expect.stringMatching(/USAGE.*--market live without --data/) });
  });

  it('write balanced rows of a training as a table, count a look at evaluated ones, and refuse what does not belong to it', async () => {
    const data = ['dataset', 'export', '--role', 'direction', '--data', '.', '--symbols', 'btc-usdt'];
    const [balanced, whole, again, store, holdout, parts, pairs] = await place.runEach([
      [...data, '--balance', 'smote', '--out', 'balanced.csv', '--json'],
      [...data, '--parts', 'learn,holdout', '--out', 'whole.parquet', '--json'],
      [...data, '--parts', 'holdout', '--balance', 'smote', '--out', 'again.csv.gz', '--json'],
      [...data, '--out', 'store'],
      [...data, '--out', 'x.csv', '--holdout-from', '2020-10-01'],
      [...data, '--out', 'x.csv', '--parts', 'calibration'],
      ['dataset', 'export', '--role', 'ai1', '--symbols', 'BTCUSDT', '--out', 'x.csv'],
    ]);
    expect(balanced!.code, balanced!.stderr).toBe(0);
    const facts = JSON.parse(balanced!.stdout) as {
      written_rows: number;
      learned_classes: Record<string, { rows: number; weight: number }>;
      features: string[];
    };
    const lines = readFileSync(join(place.folder, 'balanced.csv'), 'utf8').trimEnd().split('\n');
    expect(lines[0]).toBe(`pair_id,part,fold,time,label_end,synthetic,label,weight,${facts.features.join(',')}`);
    expect(lines).toHaveLength(1 + facts.written_rows);
    // Counted in the file itself.
    const counts = ['0', '1', '2'].map((label) => lines.filter((line) => line.split(',')[6] === label).length);
    expect(Object.values(facts.learned_classes).map(({ rows }) => rows)).toEqual(counts);
    expect(new Set(counts).size).toBe(1);
    expect(JSON.parse(readFileSync(join(place.folder, 'balanced.csv.json'), 'utf8'))).toMatchObject({
      role: 'direction',
      balance: 'smote',
    });
    // The same evaluated rows are one look, however they are balanced.
    expect(JSON.parse(whole!.stdout)).toMatchObject({ look: 1, rows: { synthetic: 0 } });
    expect(JSON.parse(again!.stdout)).toMatchObject({ look: 1, rows: { learn: 0 } });
    expect(whole!.stderr).toContain('evaluation 1 of the holdout');
    expect([store!.code, holdout!.code, parts!.code, pairs!.code]).toEqual([2, 2, 2, 2]);
    expect(pairs!.stderr).toContain('--symbols without --role direction');
    expect(existsSync(join(place.folder, 'x.csv'))).toBe(false);
  });

  it('train on bars of a folder, find no edge in a random walk, and write a verified bundle', async () => {
    const train = ['train', '--strategy', 'direction', '--data', '.', '--symbols', 'BTCUSDT', '--stride', '1'];
    train.push('--out', 'models');
    train.push('--trials', '2', '--balance-penalty', '--class-weight-ratio', '0.8');
    const [plan, both, nowhere] = await place.runEach([
      [...train, '--dry-run', '--verbose', '--config', join(place.config, 'minutehand.yaml'), '--json'],
      [...train, '--dry-run', '--print-job'],
      ['train', '--strategy', 'direction', '--data', 'none', '--dry-run'],
    ]);
    expect(plan!.stderr).toMatch(/ s: reading bars\n.* s: features and labels\n/s);
    expect(existsSync(join(place.folder, 'models'))).toBe(false);
    const planned = JSON.parse(plan!.stdout) as { rows: { evaluated: number }; fits: number };
    // Eight blocks and the model of all bars; two trials on five blocks, and two ways on six.
    expect(planned).toMatchObject({ kind: 'direction', trials: 2, fits: 8 + 1 + 2 * 5 + 2 * 6, expected: null });
    expect(both).toMatchObject({ code: 2, stderr: expect.stringMatching(/USAGE.*--dry-run with --print-job/) });
    expect(nowhere).toMatchObject({ code: 1, stderr: expect.stringMatching(/DATA_MISSING.*none cannot be read/) });
    const { code, stdout, stderr } = await place.call([...train, '--json']);
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as Report;
    expect(report.metrics.rows).toBe(planned.rows.evaluated);
    expect(report.net.no_edge).toBe(true);
    expect(report.search).toMatchObject({ trials: 2, balance_penalty: 0.5 });
    expect(report.search.best_parameters).toHaveProperty('class_weight_ratio');
    expect(report.net.edge['BTCUSDT']).toMatchObject({ no_edge: true });
    const card = readFileSync(join(place.folder, 'models', report.version, 'CARD.md'), 'utf8');
    expect(card).toMatch(/\|BTCUSDT\|\d+\|.*\|NO_EDGE\|/);
    expect(card).toContain('1h bars of a live market');
    expect(card).toContain('|target|goal|measured|met|');

    const manifestPath = join(place.folder, 'models', report.version, 'manifest.json');
    const manifest = JSON.parse(readFileSync(manifestPath, 'utf8')) as Report;
    // The exported table was the first.
    expect(manifest.evaluation_look).toBe(2);
    expect(manifest.gates).toEqual(report.gates);
    expect(manifest.gates.map(({ code }) => code)).toContain('plausible');
    for (const gate of report.gates) {
      const { name, seen, limit } = gateText(gate, 'en');
      expect(card).toContain(`|${name}|${gate.passed ? 'yes' : '**no**'}|${seen}|${limit}|`);
    }
    writeFileSync(
      manifestPath,
      JSON.stringify({ ...manifest, gates: manifest.gates.map((gate) => ({ ...gate, passed: false })) }),
    );
    const promote = ['models', 'promote', `models/${report.version}`];
    const bundle = join('models', report.version);
    const evaluate = ['direction', 'evaluate', bundle, '--data', '.', '--json'];
    const [shown, none, all, twice, pairs, active] = await place.runEach([
      ['models', 'show', bundle],
      evaluate,
      [...evaluate, '--from', '2020-10-15', '--symbols', 'btc/usdt'],
      ['backtest', '--strategy', 'direction', '--models', bundle, '--data', '.', '--from', '2020-10-15', '--json'],
      ['backtest', '--strategy', 'pair_reversion', '--models', bundle],
      ['backtest', '--strategy', 'direction'],
    ]);
    expect(pairs).toMatchObject({ code: 2, stderr: expect.stringMatching(/USAGE.*a bundle of pairs/) });
    expect(active).toMatchObject({ code: 2, stderr: expect.stringMatching(/USAGE.*0 active direction models/) });
    expect(shown!.stdout).toContain(`# Direction model ${report.version}`);
    expect(none).toMatchObject({ code: 1, stderr: expect.stringMatching(/DATA_TOO_SHORT.*no labeled bar from/) });
    expect([all!.code, twice!.code], all!.stderr).toEqual([0, 0]);
    const evaluated = JSON.parse(all!.stdout) as Evaluation;
    expect(JSON.parse(twice!.stdout)).toEqual(evaluated);
    expect(evaluated).toMatchObject({ version: report.version, trained_on_period: true, evaluation_look: null });
    expect(evaluated.period.from).toBe('2020-10-15T00:00:00.000Z');
    const column = evaluated.gates.find(({ code }) => code === 'single_column')!;
    expect(gateText(column, 'en').seen).toBe('judged in its training: see `models show`');
    expect(evaluated.metrics.auc_errors).toHaveLength(3);
    expect(evaluated.net.trades).toBe(evaluated.net.edge['BTCUSDT']!.trades);
    const matrix = ['features', '--instrument', 'BTCUSDT@1h', '--data', '.', '--model', `models/${report.version}`];
    const { stdout: csv } = await place.call(matrix);
    const [header, ...lines] = csv
      .trimEnd()
      .split('\n')
      .map((line) => line.split(','));
    const published = ['buy_liquidation_ratio', 'sell_liquidation_ratio', 'liquidation_imbalance'];
    published.push('market_sentiment_score', 'funding_rate', 'open_interest_change', 'volume_imbalance');
    expect(header).toEqual(expect.arrayContaining([...published, 'order_book_imbalance']));
    expect(header!.slice(-3)).toEqual(['ML_UP_PROB', 'ML_DOWN_PROB', 'ML_RANGE_PROB']);
    expect(lines).toHaveLength(1800);
    expect(lines[0]!.slice(-3)).toEqual(['', '', '']);
    expect(
      lines
        .at(-1)!
        .slice(-3)
        .reduce((sum, p) => sum + Number(p), 0),
    ).toBeCloseTo(1, 9);
    expect(lines[0]![header!.indexOf('funding_rate')]).toBe('0.0001');

    const override = ['--despite-gates', '--reason', 'a test of one instrument'];
    const env = { MINUTEHAND_MARKET: 'live' };
    const simulated = await place.call(promote);
    const refused = await place.call(promote, { env });
    const taken = await place.call([...promote, ...override], { env });
    expect(simulated).toMatchObject({ code: 1, stderr: expect.stringMatching(/^MODEL_MARKET/) });
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^MODEL_GATES.*direction plausible: seen/),
    });
    expect(taken.stderr).toMatch(/it makes no entries: .*direction bias \(MODEL_BIASED\)/);
    expect(taken.stdout).toContain(`Active direction model of 1h: ${report.version}`);
    const listed = await place.call(['models', 'list']);
    expect(listed.stdout).toMatch(new RegExp(`\\* ${report.version} .*direction 1h.*of 1 instruments with an edge`));
  });
});
