import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import type { TrainingJob } from '../../trainer/jobs/kinds/pair_reversion_job.ts';
import { experimentJob } from '../experiment_job.ts';
import type { Output } from '../output.ts';
import { recordJob } from '../recorded_job.ts';
import { instantOf, parseDay, parseInteger } from '../period.ts';
import { refuseGiven } from '../strategies/exported_rows.ts';
import type { ImportFlags } from '../strategies/import_flags.ts';
import { ALL_COMMANDS } from '../strategies/registry.ts';
import { timeframeOption } from '../timeframe_option.ts';
import { runTrainingJob } from './train.ts';

/** What a model of another program can answer: the models of all strategies. */
const ROLES = ALL_COMMANDS.flatMap(({ rows }) => rows?.roles ?? []);

export function addModelsImport(models: Command, output: () => Output): void {
  models
    .command('import')
    .argument('<file>', 'ONNX: one input float [N, features], one output with the probability, all weights inside')
    .description(
      'makes a bundle with a model of another program in one role; the other roles are trained on the same bars, a model of direction has none beside it. It is calibrated and its thresholds are chosen on rows behind --learned-until; leakage tests, placebo, backtest, gates, signature and registry are those of `train` (docs/guides/extend/BRING_A_MODEL.md)',
    )
    .addOption(
      new Option(
        '--role <name>',
        'what it answers: the probability of a model of pairs, or those of up, down and range',
      )
        .choices(ROLES)
        .makeOptionMandatory(),
    )
    .requiredOption(
      '--learned-until <day>',
      'UTC day or minute before which all labels that it was learned from were known: `dataset export --role` prints it',
    )
    .option('--preprocess <file>', 'JSON with columns, impute, mean and scale, which become part of the graph')
    .option('--symbols <list>', 'of direction: its instruments, such as BTCUSDT,ETHUSDT')
    .addOption(timeframeOption('--timeframe <timeframe>', 'of direction: that of the instruments (default: 1h)'))
    .option('--series <folder>', 'of direction: folder of auxiliary series (default: `series` in the data folder)')
    .option('--peers <list>', 'of direction: engines to measure on the same rows')
    .option('--data <folder>', 'folder of SYMBOL.csv[.gz]; without it, the bars that `train` would use')
    .option('--from <day>', 'first UTC day or minute of the bars to use')
    .option('--to <day>', 'UTC day or minute of the end')
    .option('--holdout-from <day>', 'UTC day or minute of the start of the holdout (default: train.holdout_fraction)')
    .option('--seed <n>', 'seed of the models that are trained', '1')
    .option('--trials <n>', '0: the initial thresholds (default: they are chosen on the calibration)')
    .option('--out <folder>', 'folder of bundles to write into (default: the models folder of this installation)')
    .option('--workers <n>', 'threads to learn on (default: one for each core); affects speed only, not results')
    .option('--no-cache', 'rebuild all features and labels; the result is the same')
    .option('--require-gates', 'exit code 1 when a gate fails')
    .option('--print-job', 'import nothing: print these options as a job, for `minutehand job run`')
    .option('--adopt', 'make it the active version if it passes the gates')
    .action((file: string, flags: ImportFlags) => importModel(file, flags, output()));
}

async function importModel(file: string, flags: ImportFlags, output: Output): Promise<void> {
  const own = ALL_COMMANDS.find(({ rows }) => rows?.roles.includes(flags.role))?.rows?.import;
  if (own !== undefined) return await own(file, flags, output);
  refuseGiven(
    {
      '--symbols': flags.symbols,
      '--timeframe': flags.timeframe,
      '--series': flags.series,
      '--peers': flags.peers,
    },
    { seen: `with --role ${flags.role}`, expected: '--role direction' },
  );
  const settings = loadSettings();
  const job = jobOf(file, flags, settings);
  if (flags.printJob === true) {
    process.stdout.write(`${JSON.stringify(job, null, 2)}\n`);
    return;
  }
  if (settings.minutehand.train.groups !== undefined)
    output.note('train.groups is left out: a model of another program serves all pairs.');
  const command = { verbose: false, requireGates: flags.requireGates === true, notifier: null };
  await recordJob(job, settings, output, (own) => runTrainingJob(job, settings, command, own));
}

/** @throws MinutehandError USAGE */
function jobOf(file: string, flags: ImportFlags, settings: Settings): TrainingJob {
  const job = experimentJob(flags, settings, 'models import', flags.cache);
  const source = {
    file: resolve(file),
    preprocess: flags.preprocess === undefined ? null : resolve(flags.preprocess),
    learned_until: instantOf(parseDay(flags.learnedUntil, '--learned-until')),
  };
  return {
    ...job,
    parameters: {
      ...job.parameters,
      trials: flags.trials === undefined ? null : parseInteger(flags.trials, '--trials'),
      imported: { [flags.role]: source },
    },
    output: { folder: flags.out ?? null, hash_name: false, is_dry_run: false },
    adopt: flags.adopt === true,
  };
}
