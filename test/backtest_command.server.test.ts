import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readManifest } from '../shared/bundle/bundle.ts';
import { lookLevel } from '../trainer/learning/backtest/edge.ts';
import { looksPath } from '../trainer/learning/backtest/holdout_looks.ts';
import { backtestJobSchema } from '../trainer/jobs/kinds/backtest_job.ts';
import { activate } from './activate.ts';
import { backtestFigures } from '../trainer/control/api/backtest_figures.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { tinyBars, tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let place: Workplace;
let data: string;
let version: string;
let from: string;
beforeAll(async () => {
  place = createWorkplace();
  const bars = tinyBars(place.settings, 3000);
  data = await place.writeBars('bars', bars);
  ({ version } = await tinyModels(place.models, { settings: place.settings }));
  activate(place.models, version);
  const { time } = bars.get('XAUUSD')!;
  from = `${new Date(time[Math.floor(time.length / 2)]! * 1000).toISOString().slice(0, 16)}Z`;
});
afterAll(() => place.remove());

/** Output of a command with --json. */
async function json(...args: string[]): Promise<{ code: number | string; document: Record<string, never> }> {
  const { code, stdout } = await place.call(['backtest', ...args, '--json']);
  return { code, document: JSON.parse(stdout) as Record<string, never> };
}

const FIGURES = [
  'net_sharpe',
  'trades',
  'mean_net_bps',
  'mean_gross_bps',
  'win_rate',
  'max_drawdown',
  'refusal_rate',
  'net_return',
  'sortino',
  'exposure',
  'turnover',
];

describe('minutehand backtest', () => {
  it('reports every metric of the active bundle, in total and per pair, and writes its files', async () => {
    const out = join(place.folder, 'report');
    const { code, document } = await json('--data', data, '--from', from, '--out', out);
    expect(code).toBe(0);
    expect(document).toMatchObject({ version, pairs: place.settings.minutehand.pairs });
    // As the dashboard's page of a result reads it.
    expect(backtestFigures(document)?.bundles.map((bundle) => bundle.version)).toEqual([version]);
    for (const model of ['ai1', 'ai2', 'ai3'])
      expect(Object.keys(document['models']![model]!)).toEqual(expect.arrayContaining(['auc', 'brier', 'ece']));
    for (const view of ['all_pairs', 'edge_pairs']) {
      const { pairs, ...total } = document[view] as unknown as { pairs: Record<string, object> };
      expect(Object.keys(total)).toEqual(expect.arrayContaining(FIGURES));
      for (const pair of Object.values(pairs)) expect(Object.keys(pair)).toEqual(expect.arrayContaining(FIGURES));
    }
    const trades = readFileSync(join(out, 'trades.csv'), 'utf8').trimEnd().split('\n');
    expect(trades).toHaveLength((document['all_pairs'] as unknown as { trades: number }).trades + 1);
    expect(readFileSync(join(out, 'equity.csv'), 'utf8')).toMatch(/^time,all_pairs,edge_pairs,/);
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
  });

  it('is the same with any number of threads, and reports a bundle compared with itself as equal', async () => {
    const outs = ['1', '2'].map((workers) => join(place.folder, `with ${workers}`));
    const folder = join(place.models, version);
    for (const [i, out] of outs.entries()) {
      const args = ['--data', data, '--models', folder, '--models', folder, '--workers', String(i + 1), '--out', out];
      const { code, document } = await json(...args);
      expect(code).toBe(0);
      expect(document['challenger']).toMatchObject({ version });
      expect(backtestFigures(document)?.bundles).toHaveLength(2);
      const { all_pairs } = document['comparison'] as unknown as { all_pairs: object };
      expect(all_pairs).toMatchObject({ net_return: 0, trades: 0, max_drawdown: 0 });
    }
    for (const file of ['trades.csv', 'equity.csv', 'report.html'])
      expect(readFileSync(join(outs[0]!, file), 'utf8')).toBe(readFileSync(join(outs[1]!, file), 'utf8'));
  });

  it('gives the same figures as a job, and refuses one of other pairs or of another market', async () => {
    const flags = ['--data', data, '--from', from, '--theta1', '0.4', '--pairs', 'XAUUSD_XAGUSD', '--cost-table'];
    const printed = await place.call(['backtest', ...flags, '--print-job']);
    const job = backtestJobSchema.parse(JSON.parse(printed.stdout));
    expect(job).toMatchObject({ pairs: ['XAUUSD_XAGUSD'], parameters: { theta1: 0.4, theta2: null } });
    const run = async (document: object): Promise<{ code: number | string; document: Record<string, unknown> }> => {
      const file = join(place.folder, 'backtest.json');
      writeFileSync(file, JSON.stringify(document));
      const { code, stdout } = await place.call(['job', 'run', file, '--json']);
      return { code, document: JSON.parse(stdout) as Record<string, unknown> };
    };
    const byFlags = await json(...flags);
    const byJob = await run(job);
    expect([byFlags.code, byJob.code]).toEqual([0, 0]);
    expect({ ...byJob.document, seconds: 0 }).toEqual({ ...byFlags.document, seconds: 0 });
    expect(byJob.document['cost_table']).toHaveLength(4);
    const refusals = [
      { ...job, pairs: ['EURUSD_USDJPY'] },
      { ...job, source: { folder: null }, market: 'live' },
      { ...job, models: [] },
    ];
    const codes: unknown[] = [];
    for (const refusal of refusals) codes.push((await run(refusal)).document['error']);
    expect(codes).toMatchObject([{ code: 'PAIR_UNKNOWN' }, { code: 'MODEL_MARKET' }, { code: 'JOB_INVALID' }]);
  });

  it('counts each look with other trades at the same bars, and claims an edge at the level that is left', async () => {
    const { holdout_from: first } = readManifest(join(place.models, version)).period;
    const flags = ['--data', data, '--from', first];
    const run = async (...more: string[]): Promise<Record<string, unknown>> => {
      const { code, document } = await json(...flags, ...more);
      expect(code).toBe(0);
      return document;
    };
    const loose = ['--theta1', '0', '--theta2', '1'];
    const one = await run();
    const other = await run(...loose);
    const again = await run(...loose);
    const look = one['evaluation_look'] as number;
    expect(one).toMatchObject({ trained_on_period: false, edge_level: lookLevel(look) });
    expect(other).toMatchObject({ evaluation_look: look + 1, edge_level: lookLevel(look + 1) });
    expect(again['evaluation_look']).toBe(look + 1);
    expect(Object.keys((other['edge'] as { pairs: object }).pairs)).toEqual(other['pairs']);
    const counted = JSON.stringify(JSON.parse(readFileSync(looksPath(place.models), 'utf8')));
    // A period that began before the holdout claims nothing, and is no look.
    const { document } = await json('--data', data);
    expect(document).toMatchObject({ trained_on_period: true, evaluation_look: null, edge_level: null, edge: null });
    expect(JSON.stringify(JSON.parse(readFileSync(looksPath(place.models), 'utf8')))).toBe(counted);
    const out = join(place.folder, 'claims');
    const { stdout } = await place.call(['backtest', ...flags, ...loose, '--out', out]);
    expect(stdout).toMatch(
      /edge in this period, evaluation \d+ of the holdout \(trainings, backtests, searches and scans count\): p, adjusted for all these claims, below 0\.0/,
    );
    const page = readFileSync(join(out, 'report.html'), 'utf8');
    expect(page).toContain(
      `This is evaluation ${look + 1} of the holdout (trainings, backtests, searches and scans count): an edge needs p`,
    );
    expect(page).not.toMatch(/>Net (?:per trade, bps|return)</);
    for (const name of [
      'Net per trade, bps, position_scale applied',
      'Net per trade at full size, bps',
      'Net return of its own capital',
      'Net return of the capital of all pairs',
    ])
      expect(page).toContain(`>${name}<`);
  });

  it('prints a readable report, and that the models were trained on part of the period', async () => {
    const { code, stdout } = await place.call(['backtest', '--data', data, '--pairs', 'XAUUSD_XAGUSD']);
    expect(code).toBe(0);
    expect(stdout).toContain(`${data}: 1 pair, `);
    expect(stdout).toMatch(/partly in-sample/);
    expect(stdout).toMatch(/If every pair had an edge: a (gain|loss) of [\d.]+ % of the capital in \d+ trades/);
    expect(stdout).toMatch(/^total +\d+/m);
    // Every figure says whether it is at full size or has position_scale applied.
    expect(stdout).toContain('all_pairs, bps per trade with position_scale applied, and net at full size:');
    expect(stdout).toMatch(/ net +full .* return +of all /);
    expect(stdout).not.toMatch(/net bps per trade(?! at full size)/);
  });

  it('exits with 2 for invalid arguments and with 1 for failures', async () => {
    const here = ['--data', data];
    const cases: [string[], number, string][] = [
      [[...here, '--theta1', '1.2'], 2, 'USAGE'],
      [[...here, '--theta2', ''], 2, 'USAGE'],
      [[...here, '--models', 'a', '--models', 'b', '--models', 'c'], 2, 'USAGE'],
      [[...here, '--from', '2024-02-01', '--to', '2024-01-01'], 2, 'USAGE'],
      [[...here, '--workers', '0'], 2, 'USAGE'],
      [[...here, '--pairs', 'AAA_BBB'], 1, 'PAIR_UNKNOWN'],
      [[...here, '--models', 'nowhere'], 1, 'MODEL_MISSING'],
      [[...here, '--from', '2030-01-01'], 1, 'DATA_MISSING'],
      [['--data', join(place.folder, 'nowhere')], 1, 'DATA_MISSING'],
    ];
    const all = await place.runEach(cases.map(([args]) => ['backtest', ...args, '--json']));
    cases.forEach(([args, exit, code], index) => {
      const { code: seen, stdout } = all[index]!;
      expect({ seen, ...(JSON.parse(stdout) as object) }, args.join(' ')).toMatchObject({
        seen: exit,
        error: { code },
      });
    });
  });
});
