import type { Command } from 'commander';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings, type LoadOptions, type Settings } from '../../shared/policy/policy.ts';
import { writeMetadataViews } from '../../trainer/control/registry/metadata_views.ts';
import { shownStanding, standingRejections } from '../../trainer/control/admission/standing.ts';
import { addCheckFeatures } from './check_features.ts';
import { checkBundles, subjectsWithoutModel, type CheckedBundle } from '../bundle_checks.ts';
import { configOf, configOption } from '../config_option.ts';
import type { Output } from '../output.ts';
import { modelProblems, type ModelProblem } from '../status/model_findings.ts';
import { runTrain, TRAIN_DEFAULTS, type TrainFlags } from './train.ts';

interface VerifyFlags {
  readonly dryRun?: boolean;
  readonly test?: boolean;
}

/** Of `check ml-models`: the first are those of a training. */
interface CheckFlags extends Pick<TrainFlags, 'data' | 'days' | 'config' | 'trials' | 'verbose' | 'workers' | 'adopt'> {
  readonly dryRun?: boolean;
  readonly test?: boolean;
}

export function addCheck(program: Command, output: () => Output): void {
  const check = program.command('check');
  check
    .command('ml-models')
    .description(
      'trains, as `train` with these options, then verifies every bundle as `check models` does; exit code 1 when the training fails, when its gates do, or when a bundle is unusable',
    )
    .option('--data <folder>', 'folder of SYMBOL.csv[.gz] (default: the bars of this installation)')
    .option('--days <n>', 'the last n days of these bars only')
    .addOption(configOption())
    .option('--trials <n>', 'trials of the parameter search (default: search.trials)')
    .option('--workers <n>', 'threads to learn on (default: one for each core)')
    .option('--verbose', 'a line on standard error for each stage')
    .option('--adopt', 'make it the active version if it passes the gates')
    .option(
      '--dry-run',
      'check everything that precedes learning, print the plan, and neither learn nor write anything',
    )
    .option('--test', 'also score random rows with each bundle and time them')
    .addHelpText(
      'after',
      '\nExamples:\n  minutehand check ml-models --days 365 --verbose --dry-run\n  minutehand check ml-models --days 365 --config config/core/unified.yaml',
    )
    .action((flags: CheckFlags) => trainAndCheck(flags, output()));
  check
    .command('models')
    .description(
      'verifies every bundle of pairs, of direction models and of rules as the daemon does, and writes training/training_metadata.json and production/production_model_metadata.json; exit code 1 when a bundle is unusable, when pairs or a configured instrument have none that is active, when daemons refuse what a pointer names, or when models are in use despite failed gates without a reason that a person gave',
    )
    .option('--dry-run', 'write nothing')
    .option('--test', 'also score random rows with each bundle and time them')
    .action((flags: VerifyFlags) => checkModels(flags, output()));
  addCheckFeatures(check, output);
}

/** A training, then the check of all bundles that are there; with `--dry-run` the plan of the training alone. */
async function trainAndCheck({ test = false, ...flags }: CheckFlags, output: Output): Promise<void> {
  if (flags.dryRun === true && test)
    throw new MinutehandError('USAGE', { seen: '--dry-run with --test', expected: 'one of them' });
  let training: unknown = null;
  const own: Output = { ...output, result: (value) => void (training = value) };
  let isRefused = false;
  const missing = (text: string): void => {
    isRefused = true;
    output.missing(text);
  };
  await runTrain({ ...TRAIN_DEFAULTS, ...flags, requireGates: true }, { ...own, missing });
  if (flags.dryRun === true) return output.result({ training });
  const checked = await verifyAll({ test, config: configOf(flags.config) }, output);
  if (checked.ok) writeMetadataViews(checked.models);
  const { models, bundles, problems } = checked;
  const ok = checked.ok && !isRefused;
  output.result({ training, ok, models, bundles, problems });
  if (!ok) process.exitCode = 1;
}

async function checkModels({ dryRun = false, test = false }: VerifyFlags, output: Output): Promise<void> {
  const { ok: areUsable, settings, models, bundles, problems } = await verifyAll({ test, config: {} }, output);
  const without = subjectsWithoutModel(models, settings, bundles);
  for (const subject of without) output.line(`${subject}: no usable active bundle, every signal is HOLD NO_MODEL.`);
  const ok = without.length === 0 && areUsable;
  if (!dryRun && ok) writeMetadataViews(models);
  output.result({ ok, models, bundles, without_model: without, problems });
  if (!ok) process.exitCode = 1;
}

interface Checked {
  /** Whether all bundles are usable, and those that are in use may be, or are used on purpose. */
  readonly ok: boolean;
  readonly settings: Settings;
  readonly models: string;
  readonly bundles: readonly CheckedBundle[];
  /** Of the models that are in use, or are refused although a pointer names them. */
  readonly problems: readonly ReturnType<typeof shownStanding<ModelProblem>>[];
}

/** Verifies every bundle as the daemon does, and prints a line for each. */
async function verifyAll(
  { test, config }: { readonly test: boolean; readonly config: LoadOptions },
  output: Output,
): Promise<Checked> {
  const paths = homePaths();
  const { models } = paths;
  const settings = loadSettings(config);
  const bundles = await checkBundles(models, settings, { isTimed: test });
  for (const { strategy, version, role, ok, failed_gates, rows_per_second, error } of bundles) {
    const speed = rows_per_second === null ? '' : `, ${Math.round(rows_per_second).toLocaleString('en')} rows/s`;
    const verdict =
      failed_gates.length === 0 ? `ok${speed}` : `loads${speed}, gates failed: ${failed_gates.join(', ')}`;
    const result = ok ? verdict : error;
    output.line(`${strategy.padEnd(14)} ${version.padEnd(16)} ${(role ?? '').padEnd(10)} ${result}`);
  }
  const problems = modelProblems(settings, paths, await standingRejections(paths));
  for (const { isStated, text, next } of problems) output.line(`${isStated ? '!' : '✗'} ${text}\n    → ${next}`);
  const ok = bundles.every((bundle) => bundle.ok) && problems.every(({ isStated }) => isStated);
  return { ok, settings, models, bundles, problems: problems.map(shownStanding) };
}
