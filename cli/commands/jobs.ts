import { setTimeout as sleep } from 'node:timers/promises';
import { Argument, Option, type Command } from 'commander';
import type { Market } from '../../shared/bar_file/bar_sink.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { oneLine } from '../../shared/one_line.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { triggerText } from '../../shared/run_trigger/trigger_text.ts';
import { actorName } from '../../shared/process/actor.ts';
import { JOB_KINDS } from '../../trainer/jobs/kinds/registry.ts';
import { jobHost, JobRecords, type RecordedJob, type StoredEvent } from '../../trainer/jobs/records/job_records.ts';
import { eventText, megabytes, waitText } from '../../trainer/jobs/records/job_texts.ts';
import { CANCEL_GRACE_MS, killMarked } from '../../trainer/jobs/records/process_mark.ts';
import { JOB_STATUSES, type JobStatus } from '../../trainer/store/schema/jobs.ts';
import { dropQueued, isQueueName, queuedWork, type QueuedWork } from '../../trainer/jobs/records/queued_work.ts';
import { openStoreIfThere, type Store } from '../../trainer/store/store.ts';
import type { Output } from '../output.ts';
import { parseInteger } from '../period.ts';

const LOOK_MS = 500;
const EVENTS_AT_ONCE = 1000;
/** How a job is named. */
const JOB_ARGUMENT = 'its number, or run:12 or backtest:3 of the trainer';
/** Before the first job no table of jobs has a row, and no store may be there. */
const NONE = 'No jobs yet. A job is recorded where the trainer has a store: after its first start.';

export function addJobs(program: Command, output: () => Output): void {
  const jobs = program
    .command('jobs')
    .description(
      'Every job of this market, whoever started it: a terminal (`train`, `backtest`, `scan`, `bars import` …), the dashboard, the API, the schedule. Read from the store, without the trainer.',
    )
    .addHelpText(
      'after',
      `
Of a queued job, the list shows what it waits for; of a running one, its progress and the time left. killed: its process ended without a result. run:12 and backtest:3 wait in a queue of the trainer and get a number when they begin; by that name they are canceled at any time.

Examples:
  minutehand jobs list --status running
  minutehand jobs log 12 --follow
  minutehand jobs cancel 12
  minutehand jobs cancel run:7`,
    );
  jobs
    .command('list')
    .description('running ones first, then queued ones, then the newest')
    .addOption(new Option('--status <status>', 'only these').choices(JOB_STATUSES))
    .addOption(new Option('--kind <kind>', 'only these').choices(JOB_KINDS))
    .option('--limit <n>', 'rows at most', '30')
    .action((flags: ListFlags) => list(flags, output()));
  jobs
    .command('show')
    .addArgument(new Argument('<job>', JOB_ARGUMENT))
    .description('its document, state, times, what it took, what it waits for')
    .action((id: string) => show(id, output()));
  jobs
    .command('log')
    .addArgument(new Argument('<job>', JOB_ARGUMENT))
    .option('--follow', 'also what is added, until it has ended')
    .description('what it printed, its progress and artifacts, each with its time')
    .action((id: string, flags: { readonly follow?: boolean }) => log(id, flags.follow === true, output()));
  jobs
    .command('cancel')
    .addArgument(new Argument('<job>', JOB_ARGUMENT))
    .description(
      'cancels a queued job, or asks a running one to end, of any kind and whoever started it. One of this machine that has not ended after 10 s is ended; what it made before stays',
    )
    .action((id: string) => cancel(id, output()));
}

interface Listed {
  readonly jobs: readonly RecordedJob[];
  readonly waiting: readonly QueuedWork[];
}

interface ListFlags {
  readonly status?: JobStatus;
  readonly kind?: string;
  readonly limit: string;
}

async function list({ status, kind, limit }: ListFlags, output: Output): Promise<void> {
  const most = parseInteger(limit, '--limit', 1);
  const isAll = status === undefined && kind === undefined;
  const found: Listed = await withRecords({ jobs: [], waiting: [] }, async (records, store, market) => ({
    jobs: await records.list({
      limit: most,
      statuses: status === undefined ? undefined : [status],
      kinds: kind === undefined ? undefined : [kind],
    }),
    waiting: isAll || (status === 'queued' && kind === undefined) ? await queuedWork(store, market) : [],
  }));
  const { jobs, waiting } = found;
  if (jobs.length + waiting.length === 0) output.line(isAll ? NONE : 'No such jobs.');
  for (const work of waiting) output.line(waitingRow(work));
  for (const job of jobs) output.line(rowOf(job));
  output.result({ jobs, waiting });
}

async function show(text: string, output: Output): Promise<void> {
  const job = await withRecords<RecordedJob | null>(null, async (records) => records.find(await idOf(text, records)));
  if (job === null) throw new MinutehandError('JOB_UNKNOWN', { seen: text });
  output.line(rowOf(job));
  output.line(`requested ${timeText(job.requested_ms)} by ${job.requested_by}${originText(job)}`);
  if (job.started_ms !== null) output.line(`started   ${timeText(job.started_ms)} in ${job.host}, process ${job.pid}`);
  if (job.finished_ms !== null) output.line(`ended     ${timeText(job.finished_ms)}`);
  for (const { stage, duration_ms } of job.stages) output.line(`  ${stage}: ${lasting(duration_ms / 1000)}`);
  if (job.peak_memory_bytes !== null) output.line(`took ${megabytes(job.peak_memory_bytes)} MB of memory at most`);
  if (job.cancel_ms !== null) output.line(`its end was asked for ${timeText(job.cancel_ms)} by ${job.cancel_by}`);
  output.line(JSON.stringify(job.document, null, 2));
  output.result(job);
}

async function log(text: string, follows: boolean, output: Output): Promise<void> {
  const events: StoredEvent[] = [];
  const told = await withRecords<number | null>(null, async (records) => {
    const id = await idOf(text, records);
    for (;;) {
      const { status } = await records.find(id);
      const more = await records.events(id, events.at(-1)?.event_id ?? 0, EVENTS_AT_ONCE);
      for (const event of more) output.line(`${timeText(event.at_ms)}  ${oneLine(eventText(event))}`);
      events.push(...more);
      if (more.length === EVENTS_AT_ONCE) continue;
      if (!follows || !['queued', 'running'].includes(status)) return id;
      await sleep(LOOK_MS);
    }
  });
  if (told === null) throw new MinutehandError('JOB_UNKNOWN', { seen: text });
  output.result({ job_id: told, events });
}

async function cancel(text: string, output: Output): Promise<void> {
  const asked = isQueueName(text) ? await cancelQueued(text, output) : parseInteger(text, 'job', 1);
  if (asked === null) return;
  const job = await withRecords<RecordedJob | null>(null, async (records) => {
    const canceled = await records.cancel(asked, actorName());
    output.written({ target: `job ${asked}`, after: { status: canceled.status } });
    return canceled.status === 'canceled' ? canceled : await endOf(records, canceled);
  });
  if (job === null) throw new MinutehandError('JOB_UNKNOWN', { seen: text });
  if (job.status === 'running') output.note(`Job ${asked} of ${job.host} has been asked to end.`);
  else output.line(`Job ${asked} is ${job.status}.`);
  output.result(job);
}

/**
 * Takes a run or a backtest out of its queue.
 * @returns the job that it is, where it has begun; null: it waited
 * @throws MinutehandError JOB_UNKNOWN
 */
async function cancelQueued(name: string, output: Output): Promise<number | null> {
  const found = await withRecords<number | null | undefined>(undefined, async (records, store, market) => {
    if (await dropQueued(store, market, name, MACHINE_CLOCK.nowMs())) {
      output.written({ target: name, after: { status: 'canceled' } });
      output.line(`${name} waits no longer.`);
      output.result({ name, status: 'canceled' });
      return null;
    }
    return await idOf(name, records);
  });
  if (found === undefined) throw new MinutehandError('JOB_UNKNOWN', { seen: name });
  return found;
}

/** @param text a number, or run:12 of one that has begun @throws MinutehandError JOB_UNKNOWN, USAGE */
async function idOf(text: string, records: JobRecords): Promise<number> {
  if (!isQueueName(text)) return parseInteger(text, 'job', 1);
  const [job] = await records.list({ limit: 1, origin: text });
  if (job === undefined) throw new MinutehandError('JOB_UNKNOWN', { seen: text });
  return job.job_id;
}

/** Waits until a job has ended; a process of this installation that does not end in time is killed. */
async function endOf(records: JobRecords, { job_id }: RecordedJob): Promise<RecordedJob> {
  for (const beganMs = performance.now(); performance.now() - beganMs < CANCEL_GRACE_MS; await sleep(LOOK_MS)) {
    await records.settleDead();
    const job = await records.find(job_id);
    if (job.status !== 'running') return job;
  }
  if (killMarked(await records.markOf(job_id))) {
    await sleep(LOOK_MS);
    await records.settleDead();
  }
  return await records.find(job_id);
}

/** @param absent where this installation has no store */
async function withRecords<Result>(
  absent: Result,
  work: (records: JobRecords, store: Store, market: Market) => Promise<Result>,
): Promise<Result> {
  const { market } = loadSettings().minutehand;
  const paths = homePaths();
  const store = await openStoreIfThere(process.env, paths);
  if (store === null) return absent;
  try {
    const records = new JobRecords(store, { market, host: jobHost(paths), clock: MACHINE_CLOCK });
    await records.settleDead();
    return await work(records, store, market);
  } finally {
    await store.close();
  }
}

/** `   12 train       running   learning, 61 %, 2 min left  (ann)` */
function rowOf(job: RecordedJob): string {
  const isPreview = (job.document['output'] as { is_dry_run?: boolean } | undefined)?.is_dry_run === true;
  const cells = [
    String(job.job_id).padStart(5),
    job.kind.padEnd(11),
    timeText(job.started_ms ?? job.requested_ms).slice(0, 16),
    job.status.padEnd(9),
    `${isPreview ? 'preview, nothing is stored  ' : ''}${aboutJob(job)}  (${job.requested_by}${originText(job)})`,
  ];
  return oneLine(cells.join('  '));
}

/** `  run:12 full        2026-11-20 03:00  queued     (schedule retrain_full_cron)` */
function waitingRow({ name, kind, trigger, requested_by, due_ms }: QueuedWork): string {
  const by = trigger === null ? (requested_by ?? '') : triggerText(trigger);
  return oneLine([name.padStart(5), kind.padEnd(11), timeText(due_ms).slice(0, 16), 'queued   ', `(${by})`].join('  '));
}

function aboutJob({
  status,
  stage,
  percent,
  eta_seconds,
  waits_for,
  error,
  started_ms,
  finished_ms,
}: RecordedJob): string {
  if (status === 'queued') return waits_for === null ? 'begins next' : waitText(waits_for);
  if (status === 'running')
    return `${stage}, ${Math.floor(percent)} %${eta_seconds === null ? '' : `, ${lasting(eta_seconds)} left`}`;
  if (error !== null) return error;
  return started_ms === null || finished_ms === null ? '' : lasting((finished_ms - started_ms) / 1000);
}

const originText = ({ origin }: RecordedJob): string => (origin === null ? '' : `, ${origin.replace(':', ' ')}`);

/** `2026-11-20 03:00:12`, UTC. */
const timeText = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

function lasting(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
