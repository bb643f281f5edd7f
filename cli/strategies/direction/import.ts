import { resolve } from 'node:path';
import { loadSettings, type Settings } from '../../../shared/policy/policy.ts';
import { DIRECTION_DEFAULTS } from '../../../trainer/jobs/kinds/direction_defaults.ts';
import type { DirectionJob } from '../../../trainer/jobs/kinds/direction_job.ts';
import { ensembleParameters } from '../../../trainer/learning/learners/mixture/ensemble_parameters.ts';
import { usesGpu } from '../../../trainer/learning/learners/registry.ts';
import type { Output } from '../../output.ts';
import { instantOf, parseDay } from '../../period.ts';
import { recordJob } from '../../recorded_job.ts';
import { refuseGiven } from '../exported_rows.ts';
import type { ImportFlags } from '../import_flags.ts';
import { directionJobOf } from './flags.ts';
import { runDirectionJob } from './train.ts';

/** Makes a bundle of a model that another program has trained: calibrated, measured and judged as a trained one. */
export async function importDirection(file: string, flags: ImportFlags, output: Output): Promise<void> {
  refuseGiven(
    {
      '--holdout-from': flags.holdoutFrom,
      '--trials': flags.trials,
      '--no-cache': flags.cache ? undefined : 'given',
    },
    { seen: 'with --role direction', expected: 'none: all blocks behind --learned-until calibrate and measure it' },
  );
  const settings = loadSettings();
  const job = jobOf(file, flags, settings);
  if (flags.printJob === true) {
    process.stdout.write(`${JSON.stringify(job, null, 2)}\n`);
    return;
  }
  const command = { verbose: false, requireGates: flags.requireGates === true };
  await recordJob(job, settings, output, (own) => runDirectionJob(job, settings, command, own));
}

/** @throws MinutehandError USAGE */
function jobOf(file: string, flags: ImportFlags, settings: Settings): DirectionJob {
  const { holdoutFrom: _none, trials: _fixed, timeframe = '1h', workers = '1', ...given } = flags;
  const job = directionJobOf(
    {
      ...given,
      timeframe,
      workers,
      balance: 'none',
      trials: '0',
      stride: String(DIRECTION_DEFAULTS.stride),
      classWeightRatio: String(DIRECTION_DEFAULTS.class_weight_ratio),
      feeBps: String(DIRECTION_DEFAULTS.taker_fee_bps),
      slippageBps: String(DIRECTION_DEFAULTS.slippage_bps),
    },
    settings,
    'models import',
  );
  const { engine: _ofTraining, ensemble, networks, device, ...parameters } = job.parameters;
  const onGpu = parameters.peers.some((peer) => usesGpu(peer, ensembleParameters(ensemble ?? {})));
  return {
    ...job,
    parameters: {
      ...parameters,
      // Those of peers alone.
      ...(parameters.peers.length > 0 && {
        ...(ensemble && { ensemble }),
        ...(networks && { networks }),
        ...(onGpu && device && { device }),
      }),
      imported: {
        file: resolve(file),
        preprocess: flags.preprocess === undefined ? null : resolve(flags.preprocess),
        learned_until: instantOf(parseDay(flags.learnedUntil, '--learned-until')),
      },
    },
    output: { folder: flags.out ?? null, is_dry_run: false },
  };
}
