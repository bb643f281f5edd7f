import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parse, stringify } from 'yaml';
import type { Manifest } from '../shared/bundle/manifest.ts';
import { findBarFile, readBarFile, writeBarFile, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { parsePair } from '../shared/pair.ts';
import { pairCosts } from '../shared/policy/costs.ts';
import { decisionPolicy, loadSettings } from '../shared/policy/policy.ts';
import { packageRoot } from '../shared/root.ts';
import { meanOf } from '../shared/statistics.ts';
import { buildPairHistory } from '../trainer/learning/history/pair_history.ts';
import { backtest } from '../trainer/learning/trades/backtest.ts';
import { coinsOf, mirrorBars } from '../trainer/learning/placebo/mirrored_bars.ts';
import { plantEdge, type PlantedMarket } from './acceptance/planted_edge.ts';
import { openTemporaryFolder } from './temporary_folder.ts';

/*
 * What trainings would trade on markets where the truth is known. Each run draws the direction of every bar of real
 * bars by coins, so that nothing can be known; with --drift-bps, candidates of eight hours of the day are followed by a
 * drift of so much, before costs, toward the mean of the spread. Each run is a whole `minutehand train`: models,
 * thresholds, placebo, backtest, gates.
 *
 *     node dist/bench/training_acceptance.js --data <folder> --runs 100
 *     node dist/bench/training_acceptance.js --data <folder> --runs 10 --drift-bps 8
 *     node dist/bench/training_acceptance.js --data <folder> --runs 3 --days 60 --engine vote --members logistic,gbdt
 */

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    pair: { type: 'string', default: 'AUDUSD_NZDUSD' },
    runs: { type: 'string', default: '10' },
    first: { type: 'string', default: '1' },
    'drift-bps': { type: 'string' },
    /** As `train` takes them. */
    engine: { type: 'string', default: 'gbdt' },
    members: { type: 'string' },
    days: { type: 'string' },
    /** Without costs, so that they do not hide what a model promises by chance. */
    'no-costs': { type: 'boolean', default: false },
    trials: { type: 'string', default: '0' },
    set: { type: 'string', multiple: true, default: [] },
  },
});
if (options.data === undefined) {
  console.error('node dist/bench/training_acceptance.js --data <folder of bars> [--runs 10] [--drift-bps 8]');
  process.exit(2);
}

/** Minutes of the drift, and the UTC hours whose candidates it follows. */
const DRIFT = { bars: 30, hours: [8, 16] } as const;

const settings = loadSettings();
const { windows, decision } = settings.minutehand;
const pair = parsePair(options.pair);
const recorded = { a: await barsOf(pair.a), b: await barsOf(pair.b) };
const folder = openTemporaryFolder('acceptance');
const config = join(folder.path, 'config');
writeConfiguration(config);

let promoted = 0;
const first = Number(options.first);
const runs = Number(options.runs);
console.log('run|planted candidates|oracle net bps|trades|net bps|lower bound|failed gates|result');
for (let run = first; run < first + runs; run++) {
  const data = join(folder.path, `bars-${run}`);
  const models = join(folder.path, `models-${run}`);
  mkdirSync(data);
  const market = coinedMarket(run);
  await writeBarFile(join(data, `${pair.a}.csv`), market.a);
  await writeBarFile(join(data, `${pair.b}.csv`), market.b);
  const manifest = train(data, models, run);
  const edge = manifest.edge?.[pair.id];
  const failed = (manifest.gates ?? []).flatMap((gate) =>
    gate.passed || !('code' in gate) ? [] : [[gate.role, gate.code].join(' ').trim()],
  );
  const isPromoted = failed.length === 0 && edge?.no_edge === false;
  if (isPromoted) promoted += 1;
  const cells = [
    run,
    market.events.length,
    oracleNetBps(market)?.toFixed(2) ?? '–',
    edge?.trades ?? '–',
    edge?.mean_net_bps?.toFixed(2) ?? '–',
    edge?.lower_5_net_bps?.toFixed(2) ?? '–',
    failed.join(', ') || '–',
    isPromoted ? 'would trade' : 'would not trade',
  ];
  console.log(cells.join('|'));
  rmSync(data, { recursive: true });
  rmSync(models, { recursive: true });
}
console.log(`${promoted} of ${runs} would trade`);
folder.remove();

async function barsOf(symbol: string): Promise<BarColumns> {
  const path = await findBarFile(options.data!, symbol);
  if (path === null) throw new Error(`${options.data} has no bars of ${symbol}`);
  return await readBarFile(path);
}

/** The configuration in use, with this pair alone, and without costs where that is asked for. */
function writeConfiguration(to: string): void {
  cpSync(process.env['MINUTEHAND_CONFIG'] ?? join(packageRoot(), 'config'), to, { recursive: true });
  const file = join(to, 'minutehand.yaml');
  const written = parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  const symbols = written['symbols'] as CostsOfSymbols;
  writeFileSync(
    file,
    stringify({ ...written, symbols: options['no-costs'] ? withoutCosts(symbols) : symbols, pairs: [pair.id] }),
  );
}

type CostsOfSymbols = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

function withoutCosts(symbols: CostsOfSymbols): CostsOfSymbols {
  const free = (costs: CostsOfSymbols[string]) =>
    Object.fromEntries(Object.entries(costs).map(([name, value]) => [name, name.includes('_bps') ? 0 : value]));
  return Object.fromEntries(Object.entries(symbols).map(([symbol, costs]) => [symbol, free(costs)]));
}

/** The bars of a run: directions by coins, and the planted edge where one is asked for. */
function coinedMarket(run: number): PlantedMarket {
  const coins = coinsOf(`acceptance/${run}`);
  const coined = { a: mirrorBars(recorded.a, coins), b: mirrorBars(recorded.b, coins) };
  const drift = options['drift-bps'];
  if (drift === undefined) return { ...coined, events: [] };
  return plantEdge(coined, {
    pair,
    windows,
    edge: { ...DRIFT, grossBps: Number(drift), zEntry: decision.z_entry },
  });
}

/** Mean net result of entering the planted candidates alone, with the exits of the product; null without trades. */
function oracleNetBps({ a, b, events }: PlantedMarket): number | null {
  const history = buildPairHistory(pair, a, b, windows, () => false);
  const entries = new Set<number>(events);
  const trades = backtest(history, 0, history.length, {
    thresholds: { theta1: 0.5, theta2: 0.5 },
    policy: { ...decisionPolicy(settings), require_edge: false },
    edge: true,
    costs: pairCosts(settings.minutehand.symbols, pair),
    scores: (t) => ({ return_prob: entries.has(history.time[t]!) ? 1 : 0, risk_score: 0 }),
  });
  return trades.length === 0 ? null : meanOf(trades.map(({ netBps }) => netBps));
}

/** A whole training of the market in `data`. */
function train(data: string, models: string, seed: number): Manifest {
  const members = options.members === undefined ? [] : ['--members', options.members];
  const engine = ['--engine', options.engine, ...members];
  const days = options.days === undefined ? [] : ['--days', options.days];
  const set = options.set.length === 0 ? [] : ['--set', ...options.set];
  const args = ['train', '--config', config, '--data', data, '--out', models, '--seed', String(seed), '--json'];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(packageRoot(), 'bin', 'minutehand.mjs'), ...args, ...engine, '--trials', options.trials, ...days, ...set],
    { encoding: 'utf8', maxBuffer: 1 << 28, env: { ...process.env, MINUTEHAND_HOME: join(models, 'home') } },
  );
  if (status !== 0) throw new Error(`the training ended with ${status}: ${stderr}`);
  const { path } = JSON.parse(stdout) as { path: string };
  return JSON.parse(readFileSync(join(path, 'manifest.json'), 'utf8')) as Manifest;
}
