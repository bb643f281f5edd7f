import { MACHINE_CLOCK } from '../shared/clock.ts';
import { errorLine } from '../shared/error_line.ts';
import { describeError } from '../shared/errors.ts';
import { homePaths } from '../shared/home.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { actorName } from '../shared/process/actor.ts';
import type { Job } from '../trainer/jobs/kinds/registry.ts';
import { artifactsOf } from '../trainer/jobs/records/job_event.ts';
import { isOfPerson, JOB_VARIABLE, readOrigin } from '../trainer/jobs/records/job_origin.ts';
import { JobRecorder, type JobOutcome } from '../trainer/jobs/records/job_recorder.ts';
import { jobHost, JobRecords } from '../trainer/jobs/records/job_records.ts';
import { trainingOfJob } from '../trainer/jobs/strategies/registry.ts';
import { openStoreIfThere, refuseOtherTables, storeUrl } from '../trainer/store/store.ts';
import { recordInterruption } from './interrupted.ts';
import { FAILED, PARTLY_DONE, type Output } from './output.ts';

const BYTES_PER_KB = 1024;

/**
 * Does a job in this process, and records it in the store of this installation, where there is one: what it prints, how
 * far it is, what it made, how it ended. `minutehand jobs` and the dashboard show it, and can cancel it.
 * @throws MinutehandError STORE_VERSION; what the job throws
 */
export async function recordJob(
  job: Job,
  { minutehand: { market } }: Pick<Settings, 'minutehand'>,
  output: Output,
  work: (output: Output) => Promise<void>,
): Promise<void> {
  await refuseOtherTables(storeUrl(process.env, homePaths()));
  const origin = readOrigin(process.env);
  // Of this process alone, not of those that it starts.
  delete process.env[JOB_VARIABLE];
  const recorder = new JobRecorder({
    job,
    origin,
    user: actorName(),
    firstStages: trainingOfJob(job.kind)?.firstStages ?? [],
    async open() {
      const store = await openStoreIfThere(process.env, homePaths());
      if (store === null) return null;
      const records = new JobRecords(store, { market, host: jobHost(homePaths()), clock: MACHINE_CLOCK });
      return { records, close: () => store.close() };
    },
    interrupt: () => void process.kill(process.pid, 'SIGINT'),
    peakMemory: () => process.resourceUsage().maxRSS * BYTES_PER_KB,
    onLost: (error) => output.note(`This job is not recorded: ${describeError(error).message}`),
  });
  const missing: string[] = [];
  const forget = recordInterruption(() => recorder.interrupted(), isOfPerson(origin));
  try {
    await work(recording(output, recorder, missing));
  } catch (error) {
    await recorder.end({ status: 'failed', error: errorLine(describeError(error)) });
    throw error;
  } finally {
    forget();
  }
  await recorder.end(outcomeOf(process.exitCode, missing, job.kind === 'import' && job.output.is_dry_run));
}

/**
 * A partial success has the status done, and an error that says what is missing.
 * @param missing what the command has not done, each with its code and reason where it has them
 * @param isPreview it only had to say what an import would do, which may be that all is refused
 */
export function outcomeOf(
  exitCode: typeof process.exitCode,
  missing: readonly string[] = [],
  isPreview = false,
): JobOutcome {
  const more = missing.length > 1 ? ` (and ${missing.length - 1} more, which its log has)` : '';
  const reason = missing[0] === undefined ? null : `${missing[0].split('\n')[0]!}${more}`;
  if (exitCode === FAILED && !isPreview)
    return { status: 'failed', error: reason ?? 'it ended with exit code 1; its log says why' };
  if (exitCode === PARTLY_DONE && !isPreview)
    return { status: 'done', error: `partly done (exit code 3): ${reason ?? 'its log says what is missing'}` };
  return { status: 'done', error: null };
}

/** An output whose lines, progress and result are recorded as well. @param missing receives what it says is missing */
function recording(output: Output, recorder: JobRecorder, missing: string[]): Output {
  return {
    ...output,
    line(text) {
      recorder.say(text);
      output.line(text);
    },
    note(text) {
      recorder.say(text);
      output.note(text);
    },
    missing(text) {
      missing.push(text);
      recorder.say(text);
      output.missing(text);
    },
    result(value) {
      recorder.made(artifactsOf(value));
      recorder.answered(value);
      output.result(value);
    },
    progress() {
      const shown = output.progress();
      return {
        update(stage, done, total) {
          recorder.update(stage, done, total);
          shown.update(stage, done, total);
        },
        stop: () => shown.stop(),
      };
    },
  };
}
