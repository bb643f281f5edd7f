import { useEffect, useState } from 'preact/hooks';
import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import { api, ApiError, type Job, type JobEvent, type QueuedWork } from '../api.ts';
import { duration, minuteOf, num } from '../format.ts';
import { nowMs, session } from '../live.ts';
import {
  Badge,
  ConfirmedButton,
  FailedLine,
  Empty,
  Failure,
  Loading,
  Panel,
  Table,
  useLoaded,
  type Column,
  type Tone,
} from '../parts/basics.tsx';
import { JobOptions } from '../parts/job_options.tsx';
import { JobResult } from '../parts/job_result.tsx';
import { LeagueStart } from '../parts/league_start.tsx';
import { NameUnknown } from '../parts/unknown_name.tsx';
import { waitText } from '../parts/wait_text.ts';
import { pathOf, place, setQuery } from '../router.ts';
import { codeText, language, stageText, t } from '../text/text.ts';

const READ_MS = 3000;
const EVENTS_AT_ONCE = 1000;
const BYTES_PER_MB = 1024 * 1024;

const TONES: Readonly<Record<Job['status'], Tone>> = {
  queued: 'quiet',
  running: 'info',
  done: 'good',
  failed: 'bad',
  killed: 'bad',
  canceled: 'quiet',
};

/** All jobs, or the one that the path names. */
export default function JobsPage() {
  const { part } = place.value;
  return part === '' ? <Jobs /> : <JobPage key={part} asked={part} />;
}

function Jobs() {
  const { data, error, reload } = useLoaded(() => api.get('/api/jobs'), String(Math.floor(nowMs.value / READ_MS)));
  const { query } = place.value;
  const status = query.get('status') ?? '';
  const kind = query.get('kind') ?? '';
  const all = data?.jobs ?? [];
  const kinds = [...new Set(all.map((job) => job.kind))].sort();
  const rows = all.filter((job) => (status === '' || job.status === status) && (kind === '' || job.kind === kind));
  return (
    <>
      {error !== null && <Failure error={error} />}
      <Waiting works={data?.waiting ?? []} />
      <Panel
        title={t('jobs.title')}
        wide
        aside={
          all.length > 0 && (
            <div class="job-filter">
              <Choice
                label={t('runs.status')}
                value={status}
                values={Object.keys(TONES)}
                textOf={(name) => codeText('status', name)}
                onChange={(name) => setQuery('status', name)}
              />
              <Choice
                label={t('runs.kind')}
                value={kind}
                values={kinds}
                textOf={(name) => codeText('job', name)}
                onChange={(name) => setQuery('kind', name)}
              />
            </div>
          )
        }
      >
        <Table
          name="jobs"
          kind="cards"
          label={t('jobs.title')}
          rows={data === null ? undefined : rows}
          error={error}
          columns={columnsOf(reload)}
          rowKey={({ job_id }) => job_id}
          empty={all.length === 0 ? 'jobs.none' : 'jobs.noneOfThese'}
        />
      </Panel>
      <LeagueStart />
    </>
  );
}

/** What waits in the queues of the trainer: each is a job once it begins. */
function Waiting({ works }: { readonly works: readonly QueuedWork[] }) {
  if (works.length === 0) return null;
  return (
    <Panel title={t('jobs.waiting')} wide>
      <p class="note">{t('jobs.waitingNote')}</p>
      <Table
        name="waiting-jobs"
        kind="cards"
        label={t('jobs.waiting')}
        rows={works}
        columns={[
          { key: 'name', title: '#', value: ({ name }) => name, cell: ({ name }) => <Origin origin={name} /> },
          { key: 'kind', title: t('runs.kind'), value: ({ kind }) => kind, cell: ({ kind }) => queuedKindText(kind) },
          { key: 'by', title: t('jobs.by'), value: askedBy, cell: askedBy },
          { key: 'due', title: t('jobs.due'), value: ({ due_ms }) => due_ms, cell: ({ due_ms }) => minuteOf(due_ms) },
        ]}
        rowKey={({ name }) => name}
        empty="jobs.none"
      />
    </Panel>
  );
}

/** Who or what asked for it. */
function askedBy({ trigger, requested_by }: QueuedWork): string {
  return trigger === null ? (requested_by ?? '') : triggerText(trigger, language.value);
}

/** That of a run, or `backtest`. */
const queuedKindText = (kind: string): string => (kind === 'backtest' ? codeText('job', kind) : codeText('kind', kind));

function Choice(props: {
  readonly label: string;
  readonly value: string;
  readonly values: readonly string[];
  readonly textOf: (value: string) => string;
  readonly onChange: (value: string) => void;
}) {
  return (
    <label>
      {props.label}{' '}
      <select value={props.value} onChange={({ currentTarget }) => props.onChange(currentTarget.value)}>
        <option value="">{t('subject.everything')}</option>
        {props.values.map((value) => (
          <option key={value} value={value}>
            {props.textOf(value)}
          </option>
        ))}
      </select>
    </label>
  );
}

const hasEnded = ({ status }: Job): boolean => status !== 'queued' && status !== 'running';

function Cancel({ job, onCanceled }: { readonly job: Job; readonly onCanceled: () => void }) {
  if (hasEnded(job) || session.value?.role === 'viewer') return null;
  if (job.cancel_ms !== null) return <span class="note">{t('jobs.isCanceled')}</span>;
  return (
    <ConfirmedButton
      tone="danger"
      label={t('jobs.cancel')}
      question={t('jobs.confirmCancel', { id: job.job_id })}
      act={() => api.post('/api/jobs/{job_id}/cancel', { path: { job_id: job.job_id } }).then(onCanceled)}
    />
  );
}

/** A preview of an import is none. */
function kindText({ kind, document }: Pick<Job, 'kind' | 'document'>): string {
  const { output } = document as { readonly output?: { readonly is_dry_run?: boolean } };
  const text = codeText('job', kind);
  return output?.is_dry_run === true ? `${text} ${t('jobs.dryRun')}` : text;
}

/** How far it is, what it waits for, or how it ended. */
function stateText(job: Job): string {
  if (job.status === 'queued') return job.waits_for === null ? t('jobs.next') : waitText(job.waits_for);
  if (job.status === 'running')
    return [
      stageText(job.stage),
      `${num(job.percent, 0)} %`,
      ...(job.eta_seconds === null ? [] : [t('jobs.left', { time: duration(job.eta_seconds * 1000) })]),
    ].join(', ');
  return '';
}

/** `run:12` is a run of the trainer, `backtest:3` a backtest. */
function Origin({ origin }: { readonly origin: string | null }) {
  const [what = '', number = ''] = (origin ?? '').split(':');
  if (what === 'run') return <a href={pathOf('runs')}>{`${t('runs.run')} ${number}`}</a>;
  if (what === 'backtest') return <a href={pathOf('backtests', number)}>{t('backtests.one', { id: number })}</a>;
  return null;
}

function columnsOf(reload: () => void): Column<Job>[] {
  return [
    {
      key: 'job_id',
      title: '#',
      isNumber: true,
      value: ({ job_id }) => job_id,
      cell: ({ job_id }) => <a href={pathOf('jobs', String(job_id))}>{job_id}</a>,
    },
    {
      key: 'kind',
      title: t('runs.kind'),
      value: ({ kind }) => kind,
      cell: (job) => kindText(job),
    },
    {
      key: 'status',
      title: t('runs.status'),
      value: ({ status }) => status,
      cell: (job) => (
        <div class="stacked">
          <span>
            <Badge tone={TONES[job.status]}>{codeText('status', job.status)}</Badge> {stateText(job)}
          </span>
          {job.status === 'killed' && <span class="bad">{t('jobs.killed')}</span>}
          {job.status !== 'killed' && job.error !== null && <FailedLine error={job.error} isBad isShort />}
        </div>
      ),
    },
    {
      key: 'requested_by',
      title: t('jobs.by'),
      value: ({ requested_by }) => requested_by,
      cell: (job) => (
        <>
          {job.requested_by}{' '}
          <span class="note">
            <Origin origin={job.origin} />
          </span>
        </>
      ),
    },
    {
      key: 'started_ms',
      title: t('runs.started'),
      value: ({ started_ms }) => started_ms,
      cell: ({ started_ms }) => minuteOf(started_ms),
    },
    {
      key: 'duration',
      title: t('runs.duration'),
      isNumber: true,
      value: ({ started_ms, finished_ms }) =>
        started_ms === null || finished_ms === null ? null : finished_ms - started_ms,
      cell: ({ started_ms, finished_ms, status }) =>
        started_ms === null
          ? '–'
          : duration((finished_ms ?? (status === 'running' ? nowMs.value : started_ms)) - started_ms),
    },
    {
      key: 'act',
      title: t('app.actions'),
      value: () => null,
      cell: (job) => <Cancel job={job} onCanceled={reload} />,
    },
  ];
}

/** A job (`/app/jobs/12`): options, progress, time left, what it waits for, artifacts and log. */
function JobPage({ asked }: { readonly asked: string }) {
  const id = /^[1-9]\d{0,14}$/.test(asked) ? Number(asked) : null;
  const { data, error, reload } = useLoaded(
    () => (id === null ? Promise.resolve(null) : api.get('/api/jobs/{job_id}', { path: { job_id: id } })),
    String(Math.floor(nowMs.value / READ_MS)),
  );
  if (id === null || error?.code === 'JOB_UNKNOWN')
    return (
      <NameUnknown
        text="unknown.job"
        own={{ kind: 'unknown', asked, near: [] }}
        known={[]}
        pathTo={(name) => pathOf('jobs', name)}
      />
    );
  if (data === null) return error === null ? <Loading /> : <Failure error={error} />;
  return (
    <>
      {error !== null && <Failure error={error} />}
      <State job={data} onCanceled={reload} />
      <JobResult job={data} />
      <Panel title={t('jobs.options')} wide>
        <JobOptions document={data.document} />
      </Panel>
      <Log job={data} />
    </>
  );
}

function State({ job, onCanceled }: { readonly job: Job; readonly onCanceled: () => void }) {
  const { started_ms, finished_ms, peak_memory_bytes: peak } = job;
  const facts: readonly (readonly [string, string])[] = [
    [t('jobs.requested'), `${minuteOf(job.requested_ms)} ${job.requested_by}`],
    [t('runs.started'), minuteOf(started_ms)],
    [t('runs.duration'), started_ms === null ? '–' : duration((finished_ms ?? nowMs.value) - started_ms)],
    ...(job.status === 'running'
      ? ([[t('runs.left'), duration(job.eta_seconds === null ? null : job.eta_seconds * 1000)]] as const)
      : []),
    ...(job.status === 'queued' ? ([[t('jobs.waitsFor'), stateText(job)]] as const) : []),
    ...(peak === null ? [] : ([[t('jobs.memory'), `${num(peak / BYTES_PER_MB, 0)} MB`]] as const)),
    ...(job.cancel_ms === null
      ? []
      : ([[t('jobs.canceled'), `${minuteOf(job.cancel_ms)} ${job.cancel_by ?? ''}`]] as const)),
    [t('jobs.host'), job.host],
  ];
  return (
    <Panel
      title={t('jobs.one', { id: job.job_id, kind: codeText('job', job.kind) })}
      wide
      aside={
        <>
          <Cancel job={job} onCanceled={onCanceled} />{' '}
          <a class="button" href={pathOf('jobs')}>
            {t('jobs.all')}
          </a>
        </>
      }
    >
      <p>
        <Badge tone={TONES[job.status]}>{codeText('status', job.status)}</Badge> {stateText(job)}{' '}
        <Origin origin={job.origin} />
      </p>
      {job.error !== null && (
        <p class="bad" lang="en">
          {job.error}
        </p>
      )}
      {job.status === 'running' && <progress max="100" value={job.percent} aria-label={t('jobs.progress')} />}
      <dl class="facts row">
        {facts.map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      {job.stages.length > 0 && (
        <ol class="stages">
          {job.stages.map(({ stage, duration_ms }) => (
            <li key={stage}>
              {stageText(stage)} <span class="note">{duration(duration_ms)}</span>
            </li>
          ))}
        </ol>
      )}
    </Panel>
  );
}

function Log({ job }: { readonly job: Job }) {
  const { events, error } = useEvents(job);
  const made = events.filter((event) => event.type === 'artifact');
  return (
    <>
      {made.length > 0 && (
        <Panel title={t('jobs.artifacts')} wide>
          <ul>
            {made.map((event) => (
              <li key={event.event_id}>
                <Artifact event={event} />
              </li>
            ))}
          </ul>
        </Panel>
      )}
      <Panel title={t('jobs.log')} wide>
        {error !== null && <Failure error={error} />}
        {events.length === 0 ? (
          <Empty text={t('jobs.noLog')} />
        ) : (
          <div class="job-log" tabIndex={0} role="region" aria-label={t('jobs.log')}>
            {events.map((event) => (
              <div key={event.event_id} class={event.type}>
                <time>{new Date(event.at_ms).toISOString().slice(11, 19)}</time> <EventText event={event} />
              </div>
            ))}
          </div>
        )}
      </Panel>
    </>
  );
}

/** All events so far, and those that are added while it runs. */
function useEvents({ job_id, status }: Job): { readonly events: readonly JobEvent[]; readonly error: ApiError | null } {
  const [events, setEvents] = useState<readonly JobEvent[]>([]);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    let isWanted = true;
    const read = async (): Promise<void> => {
      for (let known = events; isWanted;) {
        const query = { after: known.at(-1)?.event_id ?? 0, limit: EVENTS_AT_ONCE };
        const { events: more } = await api.get('/api/jobs/{job_id}/events', { path: { job_id }, query });
        if (!isWanted) return;
        known = [...known, ...more];
        setEvents(known);
        setError(null);
        if (more.length < EVENTS_AT_ONCE) return;
      }
    };
    read().catch((caught: unknown) => {
      if (!(caught instanceof ApiError)) throw caught;
      if (isWanted) setError(caught);
    });
    return () => void (isWanted = false);
  }, [job_id, status, status === 'running' ? Math.floor(nowMs.value / READ_MS) : 0]);
  return { events, error };
}

function EventText({ event }: { readonly event: JobEvent }) {
  switch (event.type) {
    case 'state':
      return (
        <>
          <Badge tone={TONES[event.status]}>{codeText('status', event.status)}</Badge> {event.by ?? ''}{' '}
          {event.error !== null && <span lang="en">{event.error}</span>}
        </>
      );
    case 'waits':
      return <>{waitText(event.waits_for)}</>;
    case 'progress':
      return (
        <>
          {stageText(event.stage)} {num(event.total > 0 ? (100 * event.done) / event.total : 100, 0)} %
        </>
      );
    case 'message':
      return <span lang="en">{event.text}</span>;
    case 'artifact':
      return <Artifact event={event} />;
  }
}

function Artifact({ event }: { readonly event: JobEvent }) {
  if (event.type !== 'artifact') return null;
  const text = <span class="mono">{event.name}</span>;
  if (event.what === 'bundle')
    return (
      <>
        {t('jobs.bundle')} <a href={pathOf('models')}>{text}</a>
      </>
    );
  if (event.what === 'import')
    return (
      <>
        {t('jobs.import')} <a href={pathOf('data')}>{text}</a>
      </>
    );
  return (
    <>
      {t('jobs.file')} {text}
    </>
  );
}
