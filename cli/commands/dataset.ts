import { checkTimeframes } from '../../shared/bar_file/own_timeframe.ts';
import { withFormulaBars } from '../../trainer/learning/history/cross_sections.ts';
import { legBars } from '../../shared/bar_file/resampled_bars.ts';
import { Option, type Command } from 'commander';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import { MODEL_NAMES, type ModelName } from '../../shared/core/features/feature.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { sha256Hex } from '../../shared/sha256.ts';
import { parsePair, TIMEFRAME_NAMES, type Timeframe } from '../../shared/pair.ts';
import { BALANCES, DIRECTION_BALANCES, type DirectionBalance } from '../../shared/policy/balances.ts';
import { parseSymbolList } from '../../shared/policy/symbol_names.ts';
import { NO_SYMBOL_NAMES } from '../../shared/symbol/symbol.ts';
import { homePaths } from '../../shared/home.ts';
import { withFormulas } from '../../shared/policy/feature_settings.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { datasetPolicy } from '../../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { countCommonMinutes } from '../../trainer/learning/history/pair_history.ts';
import { computedRows } from '../../trainer/learning/feature_checks/computed_rows.ts';
import { storeRows } from '../../trainer/jobs/feature_source/stored_features.ts';
import { writeTable, type PairRows } from '../../trainer/learning/feature_table/write_table.ts';
import { countResult } from '../../trainer/learning/backtest/holdout_looks.ts';
import { holdoutOf } from '../../trainer/learning/proof/prove_models.ts';
import { roleTable, TABLE_PARTS } from '../../trainer/learning/role_table/role_table.ts';
import { factsPath, writeRoleTable } from '../../trainer/learning/role_table/write_role_table.ts';
import { trainingDataset } from '../../trainer/learning/training/pipeline.ts';
import type { DirectionJob } from '../../trainer/jobs/kinds/direction_job.ts';
import {
  DIRECTION_DEFAULTS,
  DIRECTION_SEED,
  defaultLabel,
  defaultSymbols,
} from '../../trainer/jobs/kinds/direction_defaults.ts';
import { directionRows, type DirectionContext } from '../../trainer/jobs/kinds/run_direction.ts';
import { DIRECTION_PARTS } from '../../trainer/learning/strategies/direction/direction_table.ts';
import { withTrainOptions } from '../../trainer/jobs/kinds/run_training.ts';
import { openStore, storeUrl } from '../../trainer/store/store.ts';
import { storedKey } from '../../trainer/jobs/feature_source/open_source.ts';
import { readConfiguredBars } from '../../trainer/jobs/bars/configured_bars.ts';
import { gitCommit } from '../git_commit.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import { endPartly, type Output } from '../output.ts';
import { experimentJob } from '../experiment_job.ts';
import { parseInteger, parsePeriod, parseWindow } from '../period.ts';
import { joinedLine, seriesFolder } from '../direction_source.ts';

/** Of the models whose rows can be exported. */
const ROLES = [...MODEL_NAMES, 'direction'] as const;
type Role = (typeof ROLES)[number];

interface ExportFlags {
  readonly out: string;
  readonly data?: string;
  readonly from?: string;
  readonly to?: string;
  readonly role?: Role;
  readonly symbols?: string;
  readonly timeframe?: Timeframe;
  readonly series?: string;
  readonly parts?: string;
  readonly balance?: DirectionBalance;
  readonly holdoutFrom?: string;
  readonly seed?: string;
}

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
      `of ${TABLE_PARTS.join(', ')}; the holdout is counted as a look at it (default: learn; with --role)`,
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
  const ofDirection = { '--symbols': flags.symbols, '--timeframe': flags.timeframe, '--series': flags.series };
  if (flags.role === 'direction') return await exportDirection(flags, output);
  refuseGiven(ofDirection, { seen: 'without --role direction', expected: '--role direction' });
  if (flags.role !== undefined) return await exportRole(flags, flags.role, output);
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
  const given = { '--parts': parts, '--balance': balance, '--holdout-from': holdoutFrom, '--seed': seed };
  refuseGiven(given, {
    seen: 'without --role',
    expected: `--role ${ROLES.join(', ')}`,
    next: 'Name the model whose rows are wanted: the table of all bars has no parts.',
  });
}

/** @throws MinutehandError USAGE for the first option that has a value */
function refuseGiven(
  options: Readonly<Record<string, string | undefined>>,
  { seen, ...others }: { readonly seen: string; readonly expected: string; readonly next?: string },
): void {
  for (const [name, value] of Object.entries(options))
    if (value !== undefined) throw new MinutehandError('USAGE', { seen: `${name} ${seen}`, ...others });
}

/** @throws MinutehandError USAGE */
function refuseStoreOfRole({ out }: ExportFlags): void {
  if (out === 'store')
    throw new MinutehandError('USAGE', {
      seen: '--out store with --role',
      expected: 'a .csv, .csv.gz or .parquet file',
    });
}

/** The rows that `train --strategy direction` would learn from before its first evaluated block, with its options. */
async function exportDirection(flags: ExportFlags, output: Output): Promise<void> {
  const { out } = flags;
  refuseStoreOfRole(flags);
  refuseGiven(
    { '--holdout-from': flags.holdoutFrom },
    { seen: 'with --role direction', expected: 'none: its holdout are the evaluated blocks of the walk-forward' },
  );
  const parts = parseParts(flags.parts ?? 'learn', DIRECTION_PARTS);
  const settings = loadSettings();
  const job = directionExport(flags, settings);
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => [`${out} was not written.`] });
  const context: DirectionContext = {
    settings,
    paths: homePaths(),
    gitCommit: gitCommit(),
    onProgress: (stage, done, total) => progress.update(stage, done, total),
    onJoined: (symbol, seconds) => output.line(joinedLine(symbol, seconds, job.timeframe)),
  };
  try {
    const { table, look } = await directionRows(job, parts, context);
    const rows = await writeRoleTable(out, table);
    progress.stop();
    const { facts, pairs } = table;
    const { learn, holdout, synthetic } = facts.rows;
    output.line(`${rows} rows of direction written to ${out}, facts to ${factsPath(out)}`);
    output.line(`learn ${learn}${syntheticText(synthetic)}, holdout ${holdout}; balance ${facts.balance}`);
    for (const [name, own] of Object.entries(facts.learned_classes))
      output.line(`  ${name.padEnd(5)} ${own.rows} rows to learn from, total weight ${own.weight.toFixed(1)}`);
    output.line(
      `Labels to learn from are known before ${facts.learned_until}; the evaluated blocks begin ${facts.holdout_from}.`,
    );
    if (look !== null) output.note(lookText(look));
    output.result({ out, written_rows: rows, look, symbols: pairs, ...facts });
  } finally {
    progress.stop();
  }
}

/** The training whose rows are exported. */
function directionExport(flags: ExportFlags, settings: Settings): DirectionJob {
  const { timeframe = '1h', balance, data, symbols, seed } = flags;
  return {
    kind: 'direction',
    market: data === undefined ? settings.minutehand.market : 'live',
    timeframe,
    symbols:
      symbols === undefined
        ? defaultSymbols(settings, timeframe)
        : [...parseSymbolList(symbols, '--symbols', NO_SYMBOL_NAMES)],
    window: parseWindow(flags),
    source: { folder: data ?? null, series: seriesFolder(flags) },
    seed: seed === undefined ? DIRECTION_SEED : parseInteger(seed, '--seed'),
    parameters: {
      ...DIRECTION_DEFAULTS,
      compare: [],
      peers: [],
      label: defaultLabel(timeframe),
      balance: balance ?? 'none',
    },
    output: { folder: null, is_dry_run: true },
    adopt: false,
    resources: { workers: 1 },
    trigger: { code: 'command', values: { command: 'dataset export' } },
  };
}

const syntheticText = (synthetic: number): string => (synthetic === 0 ? '' : ` (${synthetic} synthetic)`);

const lookText = (look: number): string =>
  `The holdout was written: look number ${look}, which later edge tests allow for.`;

/** The rows that `train` would learn one model from, by the same flags, cut for a model that is learned elsewhere. */
async function exportRole(flags: ExportFlags, role: ModelName, output: Output): Promise<void> {
  const { out, balance = 'none' } = flags;
  refuseStoreOfRole(flags);
  if (balance === 'mirror')
    throw new MinutehandError('USAGE', {
      seen: `--balance mirror with --role ${role}`,
      expected: `one of ${BALANCES.join(', ')}`,
      next: 'Mirror images are of the bars of an instrument: `--role direction`.',
    });
  const parts = parseParts(flags.parts ?? 'learn', TABLE_PARTS);
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
        `learn ${learn}${syntheticText(synthetic)}, calibration ${calibration}, holdout ${holdout}; balance ${balance}`,
      );
      output.line(
        `Labels to learn from are known before ${facts.learned_until}; the holdout begins ${facts.holdout_from}.`,
      );
      output.line(`Then: minutehand models import --role ${role} model.onnx --learned-until ${facts.learned_until}`);
      if (look !== null) output.note(lookText(look));
      const missing = settings.minutehand.pairs.filter((id) => !pairs.includes(id));
      output.result({ out, written_rows: rows, look, missing_pairs: missing, ...facts });
      endPartly(missing.length === 0 ? [] : [`${missing.join(', ')}: no rows`], rows > 0, output);
    });
  } finally {
    progress.stop();
  }
}

/** @throws MinutehandError USAGE */
function parseParts<Part extends string>(text: string, known: readonly Part[]): Part[] {
  const names = text.split(',').map((name) => name.trim());
  const isKnown = (name: string): boolean => known.some((part) => part === name);
  if (!names.every(isKnown))
    throw new MinutehandError('USAGE', { seen: `--parts ${text}`, expected: `of ${known.join(', ')}` });
  return known.filter((part) => names.includes(part));
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
  const bars = withFormulaBars(known, policy.windows);
  const configured = settings.minutehand.pairs.map(parsePair);
  checkTimeframes(configured, bars);
  const pairs = configured.filter((pair) => countCommonMinutes(legBars(bars, pair, 'a'), legBars(bars, pair, 'b')) > 0);
  for (const [i, pair] of pairs.entries()) {
    const rows = computedRows(pair, legBars(bars, pair, 'a')!, legBars(bars, pair, 'b')!, policy);
    yield await Promise.resolve({ pairId: pair.id, rows });
    onProgress(i + 1, pairs.length);
  }
}
