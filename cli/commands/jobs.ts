import { setTimeout as sleep } from 'node:timers/promises';
import { Argument, Option, type Command } from 'commander';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { oneLine } from '../../shared/one_line.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { actorName } from '../../shared/process/actor.ts';
import { JOB_KINDS } from '../../trainer/jobs/kinds/registry.ts';
import { jobHost, JobRecords, type RecordedJob, type StoredEvent } from '../../trainer/jobs/records/job_records.ts';
import { eventText, megabytes, waitText } from '../../trainer/jobs/records/job_texts.ts';
import { CANCEL_GRACE_MS, killMarked } from '../../trainer/jobs/records/process_mark.ts';
import { JOB_STATUSES, type JobStatus } from '../../trainer/store/job_tables.ts';
import { openStoreIfThere } from '../../trainer/store/store.ts';
import type { Output } from '../output.ts';
import { parseInteger } from '../period.ts';

const LOOK_MS = 500;
const EVENTS_AT_ONCE = 1000;
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
Of a queued job, the list shows what it waits for; of a running one, its progress and the time left. killed: its process ended without a result.

Examples:
  minutehand jobs list --status running
  minutehand jobs log 12 --follow
  minutehand jobs cancel 12`,
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
    .addArgument(new Argument('<job>', 'its number'))
    .description('its document, state, times, what it took, what it waits for')
    .action((id: string) => show(id, output()));
  jobs
    .command('log')
    .addArgument(new Argument('<job>', 'its number'))
    .option('--follow', 'also what is added, until it has ended')
    .description('what it printed, its progress and artifacts, each with its time')
    .action((id: string, flags: { readonly follow?: boolean }) => log(id, flags.follow === true, output()));
  jobs
    .command('cancel')
    .addArgument(new Argument('<job>', 'its number'))
    .description(
      'cancels a queued job, or asks a running one to end, of any kind and whoever started it. One of this machine that has not ended after 10 s is ended; what it made before stays',
    )
    .action((id: string) => cancel(id, output()));
}

interface ListFlags {
  readonly status?: JobStatus;
  readonly kind?: string;
  readonly limit: string;
}

async function list({ status, kind, limit }: ListFlags, output: Output): Promise<void> {
  const most = parseInteger(limit, '--limit', 1);
  const jobs = await withRecords<readonly RecordedJob[]>([], (records) =>
    records.list({
      limit: most,
      statuses: status === undefined ? undefined : [status],
      kinds: kind === undefined ? undefined : [kind],
    }),
  );
  if (jobs.length === 0) output.line(status === undefined && kind === undefined ? NONE : 'No such jobs.');
  for (const job of jobs) output.line(rowOf(job));
  output.result({ jobs });
}

async function show(text: string, output: Output): Promise<void> {
  const id = parseInteger(text, 'job', 1);
  const job = await withRecords<RecordedJob | null>(null, (records) => records.find(id));
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
  const id = parseInteger(text, 'job', 1);
  const events: StoredEvent[] = [];
  const isThere = await withRecords<boolean>(false, async (records) => {
    for (;;) {
      const { status } = await records.find(id);
      const more = await records.events(id, events.at(-1)?.event_id ?? 0, EVENTS_AT_ONCE);
      for (const event of more) output.line(`${timeText(event.at_ms)}  ${oneLine(eventText(event))}`);
      events.push(...more);
      if (more.length === EVENTS_AT_ONCE) continue;
      if (!follows || !['queued', 'running'].includes(status)) return true;
      await sleep(LOOK_MS);
    }
  });
  if (!isThere) throw new MinutehandError('JOB_UNKNOWN', { seen: text });
  output.result({ job_id: id, events });
}

async function cancel(text: string, output: Output): Promise<void> {
  const id = parseInteger(text, 'job', 1);
  const job = await withRecords<RecordedJob | null>(null, async (records) => {
    const asked = await records.cancel(id, actorName());
    output.written({ target: `job ${id}`, after: { status: asked.status } });
    return asked.status === 'canceled' ? asked : await endOf(records, asked);
  });
  if (job === null) throw new MinutehandError('JOB_UNKNOWN', { seen: text });
  if (job.status === 'running') output.note(`Job ${id} of ${job.host} has been asked to end.`);
  else output.line(`Job ${id} is ${job.status}.`);
  output.result(job);
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
async function withRecords<Result>(absent: Result, work: (records: JobRecords) => Promise<Result>): Promise<Result> {
  const { market } = loadSettings().minutehand;
  const paths = homePaths();
  const store = await openStoreIfThere(process.env, paths);
  if (store === null) return absent;
  try {
    const records = new JobRecords(store, { market, host: jobHost(paths), clock: MACHINE_CLOCK });
    await records.settleDead();
    return await work(records);
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
