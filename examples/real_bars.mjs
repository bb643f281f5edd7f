#!/usr/bin/env node
/**
 * From files of real bars to an answer: do these pairs earn more than they cost? Imports the bars, trains models on all
 * but their last fifth, backtests them, tries the same pairs without models, and says where an edge would show. Each
 * step is a command of minutehand, printed before it runs. Bars, models and report get a home of their own; a running
 * daemon, its models and its bars are not touched.
 *
 *     node examples/real_bars.mjs <folder of CSV files> [--home var/real_bars] [--price bid]
 *
 * The folder has months of one-minute bars of both symbols of a pair that config/core/minutehand.yaml lists, such as
 * EURUSD and GBPUSD: HistData's Generic ASCII (unpacked; its zips and status reports may lie beside it), MetaTrader's
 * export, Binance's klines, or CSV of your own. Two symbols of eight months take one to four minutes on two cores.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const MINUTEHAND = join(dirname(dirname(fileURLToPath(import.meta.url))), 'bin', 'minutehand.mjs');

/** @param {number | null} value @param {number} [digits] */
const number = (value, digits = 2) => (value === null ? '–' : value.toFixed(digits));

/** Exit code of a command that has done a part, and has said on standard error what is missing. */
const PARTLY_DONE = 3;

/**
 * Runs a command of minutehand; its progress and errors are shown. A part done is enough to go on with.
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<any>} its JSON document
 */
async function run(args, env) {
  console.log(`\n$ npx minutehand ${args.join(' ')}`);
  const child = spawn(process.execPath, [MINUTEHAND, ...args, '--json'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part) => (text += part));
  const code = await new Promise((ended, failed) => child.on('error', failed).on('close', ended));
  if (code === 0 || code === PARTLY_DONE) return JSON.parse(text);
  throw new Error(explained(text) || `minutehand ${args.join(' ')} ended with exit code ${code}`);
}

/** @param {string} text of a command that failed @returns {string | null} its error and the next step */
function explained(text) {
  try {
    const { error, symbols = [] } = JSON.parse(text);
    if (error) return `${error.code}: ${error.message}${error.next ? `\n${error.next}` : ''}`;
    const refused = symbols.filter(({ imported }) => !imported);
    return refused
      .map(
        ({ symbol, verdict }) =>
          `${symbol} was not imported: ${[verdict.verdict, ...verdict.findings].map(printed).join(' ')}`,
      )
      .join('\n');
  } catch {
    return null;
  }
}

/** @param {unknown} value */
const printed = (value) => (typeof value === 'string' ? value : JSON.stringify(value));

/**
 * One paragraph for each pair: what the models know, what a trade earns and costs, and below which cost it would pay.
 * @param {any} trained document of `train`
 * @param {any} manifest of the bundle
 * @param {any} scanned document of `scan`
 * @returns {string[]}
 */
export function conclusions(trained, manifest, scanned) {
  const { auc, skill, standard_error: error } = manifest.skill;
  const known =
    `AI1 tells reverting spreads from others with an AUC of ${number(auc, 3)}; ` +
    `${number(skill, 3)} ± ${number(error, 3)} of it is more than a market without direction gives.`;
  const pairs = Object.entries(trained.edge).map(([pair, edge]) => {
    const lines = [`${pair}: ${edge.no_edge ? 'NO_EDGE: the daemon would never enter' : 'EDGE'}`];
    lines.push(
      edge.trades === 0
        ? '  models: no trade of the holdout passed both thresholds'
        : `  models: ${edge.trades} trades of the holdout, ${parts(edge.mean_gross_bps, edge.mean_cost_bps, edge.mean_net_bps)} ` +
            `(lower bound at the level of this evaluation of the holdout ${number(edge.lower_5_net_bps)})`,
    );
    for (const trial of scanned.trials.filter((one) => one.pair.split('@')[0] === pair))
      lines.push(
        `  without models, bars of ${trial.timeframe}: ${trial.trades} trades, ` +
          `${parts(trial.gross_bps, trial.cost_bps, trial.net_bps)}; ` +
          `${breakEven(trial.break_even_cost_bps)} (${trial.verdict})`,
      );
    return lines.join('\n');
  });
  return [known, ...pairs];
}

/**
 * What a trade is made of: what is left of gross without cost and net are overnight swaps.
 * @param {number | null} gross @param {number | null | undefined} cost @param {number | null} net
 */
function parts(gross, cost, net) {
  if (gross === null || net === null || cost === null || cost === undefined) return 'none to measure';
  return `each ${number(gross)} bps - ${number(cost)} costs - ${number(gross - cost - net)} swaps = ${number(net)} net`;
}

/** @param {number | null} bps */
function breakEven(bps) {
  if (bps === null) return 'without trades there is no cost to compare';
  return bps > 0 ? `pays where a trade costs less than ${number(bps)} bps` : 'would not pay at any cost, not even 0';
}

async function main() {
  const options = /** @type {const} */ ({
    home: { type: 'string', default: 'var/real_bars' },
    price: { type: 'string', default: 'bid' },
  });
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [folder, ...more] = positionals;
  if (folder === undefined || more.length > 0) {
    console.error('Usage: node examples/real_bars.mjs <folder of CSV files> [--home var/real_bars] [--price bid]');
    return 2;
  }
  const home = resolve(values.home);
  const env = { ...process.env, MINUTEHAND_HOME: home, MINUTEHAND_MARKET: 'live' };
  console.log(`Everything is written to ${home}.`);
  await run(['bars', 'import', folder, '--price', values.price], env);
  const trained = await run(['train', '--trials', '0'], env);
  const report = join(home, 'report');
  const manifest = JSON.parse(readFileSync(join(trained.path, 'manifest.json'), 'utf8'));
  await run(['backtest', '--models', trained.path, '--from', manifest.period.holdout_from, '--out', report], env);
  const symbols = [...new Set(Object.keys(trained.edge).flatMap((pair) => pair.split('_')))];
  const scanned = await run(['scan', '--symbols', symbols.join(',')], env);
  console.log(`\n${conclusions(trained, manifest, scanned).join('\n')}`);
  console.log(`\n${scanned.verdict}`);
  console.log(`
Report: ${join(report, 'report.html')}
Gates and measures, with MINUTEHAND_HOME=${home}: npx minutehand models show ${trained.version}
Delete ${home} to take all of it back.`);
  return 0;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    process.exitCode = await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
