import { checkTimeframes } from '../../shared/bar_file/own_timeframe.ts';
import { legBars } from '../../shared/bar_file/resampled_bars.ts';
import { Option, type Command } from 'commander';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import { MODEL_NAMES, type ModelName } from '../../shared/core/features/feature.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { sha256Hex } from '../../shared/sha256.ts';
import { parsePair } from '../../shared/pair.ts';
import { homePaths } from '../../shared/home.ts';
import { withFormulas } from '../../shared/policy/feature_settings.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { datasetPolicy } from '../../trainer/learning/dataset/dataset_policy.ts';
import { countCommonMinutes } from '../../trainer/learning/history/pair_history.ts';
import { computedRows } from '../../trainer/learning/feature_checks/computed_rows.ts';
import { storeRows } from '../../trainer/jobs/feature_source/stored_features.ts';
import { writeTable, type PairRows } from '../../trainer/learning/feature_table/write_table.ts';
import { countResult } from '../../trainer/learning/backtest/holdout_looks.ts';
import { BALANCES, type Balance } from '../../trainer/learning/learners/balance/balance.ts';
import { holdoutOf } from '../../trainer/learning/proof/prove_models.ts';
import { roleTable, TABLE_PARTS, type TablePart } from '../../trainer/learning/role_table/role_table.ts';
import { factsPath, writeRoleTable } from '../../trainer/learning/role_table/write_role_table.ts';
import { trainingDataset } from '../../trainer/learning/training/pipeline.ts';
import { withTrainOptions } from '../../trainer/jobs/kinds/run_training.ts';
import { openStore, storeUrl } from '../../trainer/store/store.ts';
import { storedKey } from '../../trainer/jobs/feature_source/open_source.ts';
import { readConfiguredBars } from '../../trainer/jobs/bars/configured_bars.ts';
import { gitCommit } from '../git_commit.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import { endPartly, type Output } from '../output.ts';
import { experimentJob } from '../experiment_job.ts';
import { parsePeriod } from '../period.ts';

interface ExportFlags {
  readonly out: string;
  readonly data?: string;
  readonly from?: string;
  readonly to?: string;
  readonly role?: ModelName;
  readonly parts?: string;
  readonly balance?: Balance;
  readonly holdoutFrom?: string;
  readonly seed?: string;
}

export function addDataset(program: Command, output: () => Output): void {
  const dataset = program.command('dataset');
  dataset
    .command('export')
    .description(
      'writes features and labels: one row per pair and bar, for `train --features`; with --role the rows of one model with folds and weights, to learn from outside (docs/guides/extend/BRING_A_MODEL.md)',
    )
    .requiredOption('--out <place>', 'a file (.csv, .csv.gz, .parquet), or `store`: core.features and core.labels')
    .addOption(new Option('--role <name>', 'rows, label and features of one model').choices(MODEL_NAMES))
    .option(
      '--parts <list>',
      `of ${TABLE_PARTS.join(', ')}; the holdout is counted as a look at it (default: learn; with --role)`,
    )
    .addOption(
      new Option(
        '--balance <method>',
        'of the classes among the rows to learn from (default: none; with --role)',
      ).choices(BALANCES),
    )
    .option('--holdout-from <day>', 'UTC day or minute of the start of the holdout (with --role)')
    .option('--seed <n>', 'seed of undersample and smote (default: 1; with --role)')
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
  if (flags.role !== undefined) return exportRole(flags, flags.role, output);
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
    const rows = out === 'store' ? await storeAll(pairs, key) : await writeTable(out, key.schema, pairs);
    progress.stop();
    output.line(`${rows} rows written to ${out}`);
    const missing = settings.minutehand.pairs.filter((id) => !written.has(id));
    output.result({ out, rows, missing_pairs: missing, feature_schema: key.schema.hash, labels: key.labels });
    endPartly(missing.length === 0 ? [] : [`${missing.join(', ')}: no rows`], rows > 0, output);
  } finally {
    progress.stop();
  }
}

/** @throws MinutehandError USAGE */
function refuseWithoutRole({ parts, balance, holdoutFrom, seed }: ExportFlags): void {
  const given = Object.entries({
    '--parts': parts,
    '--balance': balance,
    '--holdout-from': holdoutFrom,
    '--seed': seed,
  });
  for (const [name, value] of given)
    if (value !== undefined)
      throw new MinutehandError('USAGE', {
        seen: `${name} without --role`,
        expected: `--role ${MODEL_NAMES.join(', ')}`,
        next: 'Name the model whose rows are wanted: the table of all bars has no parts.',
      });
}

/** The rows that `train` would learn one model from, by the same flags, cut for a model that is learned elsewhere. */
async function exportRole(flags: ExportFlags, role: ModelName, output: Output): Promise<void> {
  const { out, balance = 'none' } = flags;
  if (out === 'store')
    throw new MinutehandError('USAGE', {
      seen: '--out store with --role',
      expected: 'a .csv, .csv.gz or .parquet file',
    });
  const parts = parseParts(flags.parts ?? 'learn');
  const settings = loadSettings();
  const paths = homePaths();
  const job = experimentJob({ ...flags, seed: flags.seed ?? '1' }, settings, 'dataset export', true);
  const { seed } = job;
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => [`${out} was not written.`] });
  const onProgress = (stage: string, done: number, total: number): void => progress.update(stage, done, total);
  try {
    const context = { settings, paths, gitCommit: gitCommit(), onProgress };
    await withTrainOptions(job, context, async (options) => {
      const dataset = await trainingDataset(options);
      const table = roleTable(dataset, options.settings, job.market, { role, parts, balance, seed });
      const look = parts.includes('holdout')
        ? countResult(paths.models, holdoutOf(dataset, options), sha256Hex(`export ${role} ${dataset.snapshotId}`))
        : null;
      const rows = await writeRoleTable(out, table);
      progress.stop();
      const { facts, pairs } = table;
      const { learn, calibration, holdout, synthetic } = facts.rows;
      output.line(`${rows} rows of ${role} written to ${out}, facts to ${factsPath(out)}`);
      output.line(
        `learn ${learn}${synthetic === 0 ? '' : ` (${synthetic} synthetic)`}, calibration ${calibration}, holdout ${holdout}; balance ${balance}`,
      );
      output.line(
        `Labels to learn from are known before ${facts.learned_until}; the holdout begins ${facts.holdout_from}.`,
      );
      output.line(`Then: minutehand models import --role ${role} model.onnx --learned-until ${facts.learned_until}`);
      if (look !== null) output.note(`The holdout was written: look number ${look}, which later edge tests allow for.`);
      const missing = settings.minutehand.pairs.filter((id) => !pairs.includes(id));
      output.result({ out, written_rows: rows, look, missing_pairs: missing, ...facts });
      endPartly(missing.length === 0 ? [] : [`${missing.join(', ')}: no rows`], rows > 0, output);
    });
  } finally {
    progress.stop();
  }
}

/** @throws MinutehandError USAGE */
function parseParts(text: string): TablePart[] {
  const names = text.split(',').map((name) => name.trim());
  const known: readonly string[] = TABLE_PARTS;
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new MinutehandError('USAGE', { seen: `--parts ${text}`, expected: `of ${TABLE_PARTS.join(', ')}` });
  return TABLE_PARTS.filter((part) => names.includes(part));
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
  bars: ReadonlyMap<string, BarColumns>,
  onProgress: (done: number, total: number) => void,
): PairRows {
  const policy = datasetPolicy(settings);
  const configured = settings.minutehand.pairs.map(parsePair);
  checkTimeframes(configured, bars);
  const pairs = configured.filter((pair) => countCommonMinutes(legBars(bars, pair, 'a'), legBars(bars, pair, 'b')) > 0);
  for (const [i, pair] of pairs.entries()) {
    const rows = computedRows(pair, legBars(bars, pair, 'a')!, legBars(bars, pair, 'b')!, policy);
    yield await Promise.resolve({ pairId: pair.id, rows });
    onProgress(i + 1, pairs.length);
  }
}
