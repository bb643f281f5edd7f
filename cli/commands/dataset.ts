import { checkTimeframes } from '../../shared/bar_file/own_timeframe.ts';
import { withOtherBars } from '../../shared/bar_file/other_bars.ts';
import { legBars } from '../../shared/bar_file/resampled_bars.ts';
import { Option, type Command } from 'commander';
import { isoMinute, type OpenTime } from '../../shared/bar.ts';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import type { Market } from '../../shared/bar_file/bar_sink.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { parsePair, TIMEFRAME_NAMES } from '../../shared/pair.ts';
import { DIRECTION_BALANCES } from '../../shared/policy/balances.ts';
import { homePaths } from '../../shared/home.ts';
import { withFormulas } from '../../shared/policy/feature_settings.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { sha256Hex } from '../../shared/sha256.ts';
import { countResult } from '../../trainer/learning/backtest/holdout_looks.ts';
import { datasetPolicy } from '../../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { countCommonMinutes } from '../../trainer/learning/history/pair_history.ts';
import { computedRows } from '../../trainer/learning/feature_checks/computed_rows.ts';
import { storeRows } from '../../trainer/jobs/feature_source/stored_features.ts';
import { writeTable, type PairRows } from '../../trainer/learning/feature_table/write_table.ts';
import { TABLE_PARTS } from '../../trainer/learning/role_table/role_table.ts';
import { openStore, storeUrl } from '../../trainer/store/store.ts';
import { storedKey } from '../../trainer/jobs/feature_source/open_source.ts';
import { readConfiguredBars } from '../../trainer/jobs/bars/configured_bars.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import { endPartly, type Output } from '../output.ts';
import { lookText, refuseGiven, refuseOfInstruments, type ExportFlags } from '../strategies/exported_rows.ts';
import { ALL_COMMANDS } from '../strategies/registry.ts';
import { parsePeriod } from '../period.ts';

/** Of the models whose rows can be exported. */
const EXPORTED = ALL_COMMANDS.flatMap(({ rows }) => (rows === undefined ? [] : [rows]));
const ROLES = EXPORTED.flatMap(({ roles }) => roles);

export function addDataset(program: Command, output: () => Output): void {
  const dataset = program.command('dataset');
  dataset
    .command('export')
    .description(
      'writes features and labels: one row per pair and bar, for `train --features`; with --role the rows of one model with folds, weights and class balance, to learn from outside (docs/guides/extend/BRING_A_MODEL.md)',
    )
    .requiredOption('--out <place>', 'a file (.csv, .csv.gz, .parquet), or `store`: core.features and core.labels')
    .addOption(new Option('--role <name>', 'rows, label and features of one model').choices(ROLES))
    .option(
      '--parts <list>',
      `of ${TABLE_PARTS.join(', ')}; the holdout is counted as an evaluation of it (default: learn; with --role)`,
    )
    .addOption(
      new Option(
        '--balance <method>',
        'of the classes among the rows to learn from; mirror: of --role direction alone (default: none; with --role)',
      ).choices(DIRECTION_BALANCES),
    )
    .option('--holdout-from <day>', 'UTC day or minute of the start of the holdout (with --role)')
    .option('--seed <n>', 'seed of undersample and smote (default: that of a training; with --role)')
    .option('--symbols <list>', 'instruments (default: those of a training; with --role direction)')
    .addOption(
      new Option('--timeframe <timeframe>', 'of the instruments (default: 1h; with --role direction)').choices(
        TIMEFRAME_NAMES,
      ),
    )
    .option(
      '--series <folder>',
      'folder of auxiliary series (default: `series` in the data folder; with --role direction)',
    )
    .option('--data <folder>', 'folder of SYMBOL.csv[.gz]; without it, the bars that `train` would use')
    .option('--from <day>', 'first UTC day or minute of the bars to use')
    .option('--to <day>', 'UTC day or minute of the end')
    .action((flags: ExportFlags) => exportDataset(flags, output()));
}

async function exportDataset(flags: ExportFlags, output: Output): Promise<void> {
  const { out } = flags;
  if (out !== 'store' && !/\.(csv|csv\.gz|parquet)$/.test(out))
    throw new MinutehandError('USAGE', {
      seen: `--out ${out}`,
      expected: 'a .csv, .csv.gz or .parquet file, or store',
    });
  const { role } = flags;
  if (role !== undefined) return await EXPORTED.find(({ roles }) => roles.includes(role))!.export(flags, role, output);
  refuseOfInstruments(flags);
  refuseWithoutRole(flags);
  const settings = withFormulas(loadSettings());
  const market = flags.data === undefined ? settings.minutehand.market : 'live';
  const progress = output.progress();
  const left =
    out === 'store'
      ? 'The store may have a part of the pairs; the same command writes all.'
      : `${out} was not written.`;
  tellWhenInterrupted({ output, progress, kept: () => [left] });
  try {
    const bars = await readConfiguredBars(flags.data ?? null, parsePeriod(flags), settings, (done, total) =>
      progress.update('reading bars', done, total),
    );
    const written = new Set<string>();
    const pairs = counted(
      pairsOf(settings, bars, (done, total) => progress.update('features and labels', done, total)),
      written,
    );
    const key = storedKey(settings, market);
    // The rows of the store stay with the home; a file has the labels of every holdout for whoever opens it.
    const look = out === 'store' ? null : countExport(bars, market, key.schema.hash);
    const rows = out === 'store' ? await storeAll(pairs, key) : await writeTable(out, key.schema, pairs);
    progress.stop();
    output.line(`${rows} rows written to ${out}`);
    if (look !== null) output.note(lookText(look));
    const missing = settings.minutehand.pairs.filter((id) => !written.has(id));
    output.result({ out, rows, look, missing_pairs: missing, feature_schema: key.schema.hash, labels: key.labels });
    endPartly(missing.length === 0 ? [] : [`${missing.join(', ')}: no rows`], rows > 0, output);
  } finally {
    progress.stop();
  }
}

/** Counts the evaluation of all bars that a table of them is, once on each minute. */
function countExport(bars: ReadonlyMap<string, BarColumns>, market: Market, schema: string): number {
  const known = [...bars.values()].filter(({ length }) => length > 0);
  const from = Math.min(...known.map(({ time }) => time[0]!));
  const to = Math.max(...known.map(({ time, length }) => time[length - 1]!));
  const work = sha256Hex('export of a table');
  const place = { market, from: isoMinute(from as OpenTime), to: isoMinute(to as OpenTime), symbols: [...bars.keys()] };
  return known.length === 0
    ? 1
    : countResult(homePaths().models, place, sha256Hex(`export table ${schema}`), { work, exported: true });
}

/** @throws MinutehandError USAGE */
function refuseWithoutRole({ parts, balance, holdoutFrom, seed }: ExportFlags): void {
  const given = { '--parts': parts, '--balance': balance, '--holdout-from': holdoutFrom, '--seed': seed };
  refuseGiven(given, {
    seen: 'without --role',
    expected: `--role ${ROLES.join(', ')}`,
    next: 'Name the model whose rows are wanted: the table of all bars has no parts.',
  });
}

/** Adds the pairs that have rows to `written`. */
async function* counted(pairs: PairRows, written: Set<string>): PairRows {
  for await (const pair of pairs) {
    if (pair.rows.length > 0) written.add(pair.pairId);
    yield pair;
  }
}

async function storeAll(pairs: PairRows, key: ReturnType<typeof storedKey>): Promise<number> {
  const store = await openStore(storeUrl(process.env, homePaths()));
  try {
    let written = 0;
    for await (const { pairId, rows } of pairs) {
      await storeRows(store, key, pairId, rows);
      written += rows.length;
    }
    return written;
  } finally {
    await store.close();
  }
}

/** One pair in memory at a time. */
async function* pairsOf(
  settings: Settings,
  known: ReadonlyMap<string, BarColumns>,
  onProgress: (done: number, total: number) => void,
): PairRows {
  const policy = datasetPolicy(settings);
  const bars = withOtherBars(known, policy.windows);
  const configured = settings.minutehand.pairs.map(parsePair);
  checkTimeframes(configured, bars);
  const pairs = configured.filter((pair) => countCommonMinutes(legBars(bars, pair, 'a'), legBars(bars, pair, 'b')) > 0);
  for (const [i, pair] of pairs.entries()) {
    const rows = computedRows(pair, legBars(bars, pair, 'a')!, legBars(bars, pair, 'b')!, policy);
    yield await Promise.resolve({ pairId: pair.id, rows });
    onProgress(i + 1, pairs.length);
  }
}
