import { keyOf } from '../../shared/bundle/gates/gate_result.ts';
import { failuresOf } from '../../shared/bundle/recorded_gates.ts';
import type { Command } from 'commander';
import { listVersions, readActive, readManifest } from '../../shared/bundle/bundle.ts';
import { readShadow } from '../../shared/bundle/shadow_pointer.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import { loadModelSet, partsOfSet } from '../../shared/bundle/model_set.ts';
import { sequenceBars } from '../../shared/core/features/windows.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings, type LoadOptions } from '../../shared/policy/policy.ts';
import { createRng } from '../../shared/rng.ts';
import { writeMetadataViews } from '../../trainer/control/registry/metadata_views.ts';
import { addCheckFeatures } from './check_features.ts';
import { configOf, configOption } from '../config_option.ts';
import type { Output } from '../output.ts';
import { pathInside } from '../../shared/path_name.ts';
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
      'trains, as `train` with these options, then verifies every bundle as `check models` does; exit code 1 when the training fails or a bundle is unusable',
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
      'verifies every bundle as the daemon does, and writes training/training_metadata.json and production/production_model_metadata.json; exit code 1 when a bundle is unusable or none is active',
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
  await runTrain({ ...TRAIN_DEFAULTS, ...flags }, own);
  if (flags.dryRun === true) return output.result({ training });
  const checked = await verifyAll({ test, config: configOf(flags.config) }, output);
  if (checked.ok) writeMetadataViews(checked.models);
  output.result({ training, ...checked });
  if (!checked.ok) process.exitCode = 1;
}

interface CheckedBundle {
  readonly version: string;
  readonly role: 'active' | 'previous' | 'shadow' | null;
  readonly ok: boolean;
  /** Gates that its training failed. */
  readonly failed_gates: readonly string[];
  readonly rows_per_second: number | null;
  readonly error: string | null;
}

async function checkModels({ dryRun = false, test = false }: VerifyFlags, output: Output): Promise<void> {
  const { ok: areUsable, models, bundles } = await verifyAll({ test, config: {} }, output);
  const isActiveThere = bundles.some(({ role, ok }) => role === 'active' && ok);
  if (!isActiveThere) output.line('No usable active bundle: every signal is HOLD NO_MODEL.');
  const ok = isActiveThere && areUsable;
  if (!dryRun && ok) writeMetadataViews(models);
  output.result({ ok, models, bundles });
  if (!ok) process.exitCode = 1;
}

interface Checked {
  /** Whether all bundles are usable. */
  readonly ok: boolean;
  readonly models: string;
  readonly bundles: readonly CheckedBundle[];
}

/** Verifies every bundle as the daemon does, and prints a line for each. */
async function verifyAll(
  { test, config }: { readonly test: boolean; readonly config: LoadOptions },
  output: Output,
): Promise<Checked> {
  const { models } = homePaths();
  const schema = featureSchema(loadSettings(config).minutehand.windows);
  const active = readActive(models);
  const shadow = readShadow(models, null);
  const roleOf = (version: string): CheckedBundle['role'] => {
    if (version === active?.version) return 'active';
    if (version === active?.previous) return 'previous';
    return version === shadow ? 'shadow' : null;
  };
  const bundles: CheckedBundle[] = [];
  for (const version of listVersions(models)) {
    const folder = pathInside(models, version);
    const bundle = { version, role: roleOf(version), failed_gates: [], rows_per_second: null };
    try {
      const { gates = [] } = readManifest(folder);
      const failed_gates = failuresOf(gates).map(keyOf);
      const rows_per_second = await verify(folder, schema, test);
      bundles.push({ ...bundle, ok: true, failed_gates, rows_per_second, error: null });
    } catch (error) {
      const { code, message } = describeError(error);
      bundles.push({ ...bundle, ok: false, error: `${code}: ${message}` });
    }
  }
  for (const { version, role, ok, failed_gates, rows_per_second, error } of bundles) {
    const speed = rows_per_second === null ? '' : `, ${Math.round(rows_per_second).toLocaleString('en')} rows/s`;
    const gates = failed_gates.length === 0 ? '' : `, gates failed: ${failed_gates.join(', ')}`;
    output.line(`${version.padEnd(16)} ${(role ?? '').padEnd(8)} ${ok ? `ok${speed}${gates}` : error}`);
  }
  return { ok: bundles.every((bundle) => bundle.ok), models, bundles };
}

const TEST_ROWS = 1000;

/** @returns rows scored per second; null unless requested. @throws MinutehandError as loadModelSet */
async function verify(folder: string, schema: ReturnType<typeof featureSchema>, test: boolean): Promise<number | null> {
  const set = await loadModelSet(folder, schema, test ? TEST_ROWS : 1);
  try {
    if (!test) return null;
    const rng = createRng(folder);
    const width = set.manifest.features.length * sequenceBars(set.schema.windows);
    const rows = Float32Array.from({ length: TEST_ROWS * width }, () => rng.normal());
    const beganMs = performance.now();
    const parts = partsOfSet(set);
    for (const part of parts) {
      // A bundle without a model of the result has NaN there.
      const { result_sigmas: _sigmas, ...shares } = await part.infer(rows, TEST_ROWS);
      const outside = Object.values(shares).some((values) =>
        (values as Float64Array).some((value) => !(value >= 0 && value <= 1)),
      );
      if (outside) throw new MinutehandError('MODEL_OUTPUT', { seen: `${folder}: an answer outside 0 to 1` });
    }
    return (parts.length * TEST_ROWS * 1000) / (performance.now() - beganMs);
  } finally {
    await set.release();
  }
}
