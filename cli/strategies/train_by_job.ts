import type { Command } from 'commander';
import { MinutehandError } from '../../shared/errors.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import type { StrategyName } from '../../shared/strategies/registry.ts';
import { jobSchema, type Job } from '../../trainer/jobs/kinds/registry.ts';
import { trainingOfShelf } from '../../trainer/jobs/strategies/registry.ts';
import { runJob } from '../commands/job.ts';
import { configOf } from '../config_option.ts';
import type { Output } from '../output.ts';
import { parseWorkers } from '../period.ts';
import { commandsOfStrategy } from './registry.ts';

/** Options of `train` that apply to a strategy that has no subcommand. */
export interface ByJobFlags {
  readonly data?: string;
  readonly workers?: string;
  readonly config?: string;
  readonly printJob?: boolean;
}
const TAKEN: readonly string[] = ['strategy', 'data', 'workers', 'config', 'printJob'];

/**
 * Trains every slot of a strategy by the jobs that its schedule would begin, one after the other.
 * @param command that has the options as a person gave them
 * @throws MinutehandError USAGE for other options, or without subjects; as the jobs
 */
export async function trainByJob(
  strategy: StrategyName,
  flags: ByJobFlags,
  command: Command,
  output: Output,
): Promise<void> {
  const other = command.options.find(
    (option) =>
      !TAKEN.includes(option.attributeName()) && command.getOptionValueSource(option.attributeName()) === 'cli',
  );
  if (other !== undefined)
    throw new MinutehandError('USAGE', {
      seen: `${other.long} with --strategy ${strategy}`,
      expected: '--data, --workers, --config or --print-job',
      next: 'Print its job with --print-job, change it, and let `minutehand job run` do it.',
    });
  const settings = loadSettings(configOf(flags.config));
  const jobs = jobsOf(strategy, flags, settings);
  if (jobs.length === 0)
    throw new MinutehandError('USAGE', {
      seen: `--strategy ${strategy}`,
      expected: `${commandsOfStrategy(strategy).subjects} in minutehand.yaml`,
    });
  for (const job of jobs)
    if (flags.printJob === true) process.stdout.write(`${JSON.stringify(job, null, 2)}\n`);
    else await runJob(job, settings, output);
}

/** A job for each slot; `--data` takes the place of the folder of its bars. */
function jobsOf(strategy: StrategyName, { data, workers }: ByJobFlags, settings: Settings): readonly Job[] {
  const training = trainingOfShelf(commandsOfStrategy(strategy).shelf);
  const [kind] = training.runs;
  const trigger = { code: 'command', values: { command: `train --strategy ${strategy}` } } as const;
  return training.roundOf(settings).map((parameters) => {
    const job = training.jobOf({ kind, trigger, parameters }, settings, parseWorkers(workers));
    if (data === undefined) return job;
    if (!('source' in job) || !('folder' in job.source))
      throw new MinutehandError('USAGE', { seen: `--data with --strategy ${strategy}`, expected: 'no --data' });
    return jobSchema.parse({ ...job, source: { ...job.source, folder: data } });
  });
}
