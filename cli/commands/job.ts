import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import * as z from 'zod';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { jobSchema, type Job } from '../../trainer/jobs/job.ts';
import type { Output } from '../output.ts';
import { runFormulaSearch } from './automl.ts';
import { runDirectionJob } from './direction.ts';
import { runTrainingJob } from './train.ts';

/** File descriptor of standard input. */
const STANDARD_INPUT = 0;

export function addJob(program: Command, output: () => Output): void {
  const job = program.command('job');
  job
    .command('run <file>')
    .description(
      'runs a job of `train --print-job`, `direction train --print-job` or `automl --print-job`, or a changed one; `-` reads it from standard input. The trainer runs its own jobs so',
    )
    .action((file: string) => runJob(readJob(file), output()));
  job
    .command('schema')
    .description('prints the JSON Schema of the document that `job run` reads')
    .action(() => {
      process.stdout.write(`${JSON.stringify(z.toJSONSchema(jobSchema), null, 2)}\n`);
    });
}

/** A job in this process, by its kind. */
async function runJob(job: Job, output: Output): Promise<void> {
  const settings = loadSettings();
  if (job.kind === 'automl') return await runFormulaSearch(job, settings, output);
  if (job.kind === 'direction') return await runDirectionJob(job, settings, { requireGates: false }, output);
  await runTrainingJob(job, settings, { verbose: false, requireGates: false, notifier: null }, output);
}

/** @throws MinutehandError USAGE, JOB_INVALID */
function readJob(file: string): Job {
  const text = readText(file);
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

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? STANDARD_INPUT : file, 'utf8');
  } catch (error) {
    throw new MinutehandError('USAGE', { seen: `${file}: ${describeError(error).message}`, expected: 'a job file' });
  }
}
