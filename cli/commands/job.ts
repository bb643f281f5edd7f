import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import type { Command } from 'commander';
import * as z from 'zod';
import { savedText } from '../../shared/csv/text_encoding.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { requestedTriggerSchema } from '../../shared/run_trigger/run_trigger.ts';
import { isOfPerson, readOrigin } from '../../trainer/jobs/records/job_origin.ts';
import { jobSchema, type Job, type JobKind, type StrategyJobKind } from '../../trainer/jobs/kinds/registry.ts';
import type { Output } from '../output.ts';
import { recordJob } from '../recorded_job.ts';
import { runFormulaSearch } from './automl.ts';
import { runAndPrintBacktest } from '../strategies/pair_reversion/backtest.ts';
import { runImport } from './bars_import.ts';
import { runEvolution } from './evolve.ts';
import { runAndPrintLeague } from './league.ts';
import { runJudgement } from './strategy_judge.ts';
import { runParity } from './parity.ts';
import { runScan } from './scan.ts';
import { ALL_COMMANDS } from '../strategies/registry.ts';
import type { RunJob, StrategyCommands } from '../strategies/strategy_commands.ts';

export function addJob(program: Command, output: () => Output): void {
  const job = program.command('job');
  job
    .command('run <file>')
    .description(
      'runs a job that `--print-job` of `train`, `direction train`, `automl`, `league`, `backtest`, `evolve`, `strategy judge`, `scan`, `parity` or `bars import` has printed, or a changed one; `-` reads it from standard input. The trainer runs its own jobs so',
    )
    .action(async (file: string) => {
      const job = await readJob(file);
      refuseForeignTrigger(job);
      await runJob(job, loadSettings(), output());
    });
  job
    .command('schema')
    .description('prints the JSON Schema of the document that `job run` reads')
    .action(() => {
      process.stdout.write(`${JSON.stringify(z.toJSONSchema(jobSchema), null, 2)}\n`);
    });
}

/** How each kind that is of no strategy runs in this process, and prints what came out. */
const RUNS: { readonly [Kind in Exclude<JobKind, StrategyJobKind>]: RunJob<Kind> } = {
  automl: runFormulaSearch,
  league: runAndPrintLeague,
  backtest: runAndPrintBacktest,
  evolve: runEvolution,
  judge: runJudgement,
  scan: (job, settings, output) => runScan(job, settings, output),
  parity: runParity,
  import: runImport,
};

/** Does a job in this process, and prints what came out. @throws MinutehandError of its kind */
export async function runJob(job: Job, settings: Settings, output: Output): Promise<void> {
  const run = runnerOf(job.kind);
  await recordJob(job, settings, output, (own) => run(job, settings, own));
}

function runnerOf(kind: JobKind): RunJob<JobKind> {
  const all: readonly StrategyCommands['jobs'][] = [RUNS, ...ALL_COMMANDS.map(({ jobs }) => jobs)];
  return all.find((own) => kind in own)![kind] as RunJob<JobKind>;
}

/**
 * Schedules and the monitor are the trainer's: a document of a person says what the person did.
 * @throws MinutehandError JOB_INVALID
 */
function refuseForeignTrigger({ trigger }: Job): void {
  if (!isOfPerson(readOrigin(process.env)) || requestedTriggerSchema.safeParse(trigger).success) return;
  throw new MinutehandError('JOB_INVALID', {
    seen: `trigger: ${trigger.code}`,
    expected: 'command or request, with what belongs to it: the others are of the trainer’s own runs',
  });
}

/** @throws MinutehandError USAGE, JOB_INVALID */
async function readJob(file: string): Promise<Job> {
  const text = await readText(file);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new MinutehandError('JOB_INVALID', { seen: `${file}: ${describeError(error).message}`, expected: 'JSON' });
  }
  const parsed = jobSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues as [z.core.$ZodIssue];
  throw new MinutehandError('JOB_INVALID', {
    seen: `${file}: ${path.length === 0 ? 'the document' : path.join('.')}: ${message}`,
    expected: 'the output of `minutehand job schema` describes it',
  });
}

async function readText(file: string): Promise<string> {
  try {
    // As a stream: a pipe whose writer is late has nothing to read yet (EAGAIN).
    return await (file === '-' ? textOf(process.stdin) : savedText(await readFile(file)));
  } catch (error) {
    throw new MinutehandError('USAGE', { seen: `${file}: ${describeError(error).message}`, expected: 'a job file' });
  }
}
