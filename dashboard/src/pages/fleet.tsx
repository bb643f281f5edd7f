import {
  api,
  type FailedTask,
  type Fleet,
  type FleetDaemon,
  type FleetInstallation,
  type FleetTasks,
  type FleetWorker,
} from '../api.ts';
import { duration, num } from '../format.ts';
import { nowMs, session } from '../live.ts';
import { Badge, ConfirmedButton, Failure, Loading, Panel, Table, useLoaded, type Column } from '../parts/basics.tsx';
import { Fact } from '../parts/fact.tsx';
import { t } from '../text/text.ts';

const READ_MS = 5000;
const KEY_SHOWN = 12;

const mayAct = (): boolean => session.value?.role !== 'viewer';
const ago = (ms: number | null): string => (ms === null ? '–' : t('tile.ago', { age: duration(ms) }));

/** Workers on other machines, what they do, and what they could not do. */
export default function FleetPage() {
  const { data, error, reload } = useLoaded(() => api.get('/api/fleet'), String(Math.floor(nowMs.value / READ_MS)));
  return (
    <>
      {error !== null && <Failure error={error} />}
      {data === null && error === null && <Loading />}
      {data !== null && (data.queue === null ? <NoFleet /> : <KnownFleet fleet={data} reload={reload} />)}
    </>
  );
}

function NoFleet() {
  return (
    <Panel title={t('page.fleet')} wide>
      <p>{t('fleet.none')}</p>
      <pre class="mono">
        {
          'export MINUTEHAND_QUEUE=bullmq\nexport MINUTEHAND_REDIS_URL=rediss://…\nexport MINUTEHAND_BLOBS=s3://…\nminutehand worker'
        }
      </pre>
      <p class="note">{t('fleet.noneWhere')}</p>
    </Panel>
  );
}

function KnownFleet({ fleet, reload }: { readonly fleet: Fleet; readonly reload: () => void }) {
  return (
    <>
      <Queue fleet={fleet} />
      <Panel title={t('fleet.machines')} wide>
        <Table
          name="machines"
          label={t('fleet.machines')}
          rows={fleet.installations.flatMap(daemonsOf)}
          columns={daemonColumns()}
          rowKey={({ machine, daemon }) => `${machine.name} ${daemon.shard}`}
          empty="fleet.noMachines"
        />
        <p class="note">{t('fleet.machinesNote')}</p>
      </Panel>
      <Panel title={t('fleet.workers')} wide>
        <Table
          name="workers"
          label={t('fleet.workers')}
          rows={fleet.workers}
          columns={workerColumns(reload)}
          rowKey={({ name }) => name}
          empty="fleet.noWorkers"
        />
        <p class="note">{t('fleet.workersNote')}</p>
      </Panel>
      <Panel title={t('fleet.tasks')} wide>
        <Table
          name="tasks"
          label={t('fleet.tasks')}
          rows={fleet.tasks}
          columns={taskColumns(fleet.tasks)}
          rowKey={({ learner }) => learner}
          empty="fleet.noTasks"
        />
      </Panel>
      {fleet.unclaimed.length > 0 && <Unclaimed fleet={fleet} />}
      {fleet.retries.length > 0 && <Retries fleet={fleet} />}
      <Panel title={t('fleet.failures')} wide>
        <Table
          name="failed_tasks"
          label={t('fleet.failures')}
          rows={fleet.failures}
          columns={failureColumns(reload)}
          rowKey={({ key }) => key}
          empty="fleet.noFailures"
        />
      </Panel>
      {fleet.differences.length > 0 && <Differences fleet={fleet} />}
      {fleet.aside.length > 0 && <Aside fleet={fleet} />}
    </>
  );
}

function Queue({ fleet: { queue, workers, tasks } }: { readonly fleet: Fleet }) {
  const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
  const busy = workers.reduce((sum, { running }) => sum + running.length, 0);
  const waiting = tasks.reduce((sum, one) => sum + one.waiting, 0);
  return (
    <Panel title={t('fleet.queue')} wide>
      <dl class="facts">
        {queue!.name !== null && <Fact name={t('fleet.name')}>{queue!.name}</Fact>}
        <Fact name={t('fleet.busy')}>{t('fleet.busyOf', { busy, slots })}</Fact>
        <Fact name={t('fleet.waiting')}>{num(waiting, 0)}</Fact>
        <Fact name={t('fleet.place')}>
          <span class="mono">
            {queue!.kind}, {queue!.place}
          </span>
        </Fact>
        <Fact name={t('fleet.blobs')}>
          <span class="mono">{queue!.blobs}</span>
        </Fact>
        <Fact name={t('fleet.leader')}>
          {queue!.leader === null ? '–' : <span class="mono">{buildOf(queue!.leader)}</span>}
        </Fact>
      </dl>
    </Panel>
  );
}

function buildOf({ version, code, node, architecture }: FleetWorker['identity']): string {
  return `${version} (${code.slice(0, KEY_SHOWN)}), Node ${node}, ${architecture}`;
}

interface DaemonRow {
  readonly machine: FleetInstallation;
  readonly daemon: FleetDaemon;
}

const daemonsOf = (machine: FleetInstallation): DaemonRow[] => machine.daemons.map((daemon) => ({ machine, daemon }));

function stateOf({ presence, role, degradations }: FleetDaemon): 'down' | 'mute' | 'degraded' | 'standby' | 'active' {
  if (presence !== 'up') return presence;
  return degradations.length > 0 ? 'degraded' : role;
}

const STATE_TONES = { down: 'bad', mute: 'bad', degraded: 'warn', standby: 'quiet', active: 'good' } as const;

function daemonColumns(): Column<DaemonRow>[] {
  return [
    {
      key: 'machine',
      title: t('fleet.machine'),
      value: ({ machine }) => machine.host,
      cell: ({ machine }) => (
        <span title={machine.name}>
          <strong>{machine.host}</strong> {machine.market}
          {machine.has_trainer ? '' : `, ${t('fleet.noTrainer')}`}
        </span>
      ),
    },
    { key: 'shard', title: t('fleet.daemon'), value: ({ daemon }) => daemon.shard, cell: ({ daemon }) => daemon.shard },
    {
      key: 'state',
      title: t('alerts.state'),
      value: ({ daemon }) => stateOf(daemon),
      cell: ({ daemon }) => (
        <span title={daemon.degradations.join(', ')}>
          <Badge tone={STATE_TONES[stateOf(daemon)]}>{t(`fleet.daemon.${stateOf(daemon)}`)}</Badge>
        </span>
      ),
    },
    {
      key: 'standby',
      title: t('fleet.standby'),
      value: ({ daemon }) => daemon.has_standby,
      cell: ({ daemon }) => (daemon.has_standby ? t('fleet.waits') : '–'),
    },
    {
      key: 'subjects',
      title: t('fleet.subjects'),
      value: ({ daemon }) => daemon.subjects,
      cell: ({ daemon }) => num(daemon.subjects, 0),
      isNumber: true,
    },
    {
      key: 'signal_us',
      title: t('fleet.signalTime'),
      value: ({ daemon }) => daemon.signal_us,
      cell: ({ daemon }) => (daemon.signal_us === null ? '–' : `${num(daemon.signal_us, 0)} µs`),
      isNumber: true,
    },
    {
      key: 'within',
      title: t('fleet.within'),
      value: ({ daemon }) => daemon.subjects_within_budget,
      cell: ({ daemon }) => (daemon.subjects_within_budget === null ? '–' : num(daemon.subjects_within_budget, 0)),
      isNumber: true,
    },
    {
      key: 'load',
      title: t('fleet.load'),
      value: ({ machine }) => machine.load,
      cell: ({ machine }) => `${num(machine.load, 1)} / ${machine.cores}`,
      isNumber: true,
    },
    {
      key: 'build',
      title: t('fleet.build'),
      value: ({ machine }) => buildOf(machine.identity),
      cell: ({ machine }) => <span class="mono">{buildOf(machine.identity)}</span>,
    },
    {
      key: 'heard',
      title: t('fleet.heard'),
      value: ({ machine }) => machine.silent_ms,
      cell: ({ machine }) => ago(machine.silent_ms),
    },
  ];
}

function WorkerBadge({ worker }: { readonly worker: FleetWorker }) {
  if (worker.is_other_build) return <Badge tone="bad">{t('fleet.otherBuild')}</Badge>;
  if (worker.is_ending) return <Badge tone="warn">{t('fleet.ending')}</Badge>;
  return worker.running.length > 0 ? (
    <Badge tone="info">{t('fleet.works')}</Badge>
  ) : (
    <Badge tone="quiet">{t('fleet.idle')}</Badge>
  );
}

function workerColumns(reload: () => void): Column<FleetWorker>[] {
  return [
    { key: 'worker', title: t('fleet.worker'), value: ({ name }) => name, cell: ({ name }) => <strong>{name}</strong> },
    {
      key: 'state',
      title: t('alerts.state'),
      value: ({ is_other_build, is_ending, running }) =>
        is_other_build ? 'other build' : is_ending ? 'ending' : running.length > 0 ? 'working' : 'idle',
      cell: (worker) => <WorkerBadge worker={worker} />,
    },
    {
      key: 'running',
      title: t('fleet.does'),
      value: ({ running }) => running.map(({ learner, key }) => `${learner} ${key}`).join(' '),
      cell: ({ running }) =>
        running.length === 0 ? (
          '–'
        ) : (
          <div class="stacked">
            {running.map(({ key, learner, running_ms, share }) => (
              <span key={key} title={key}>
                {learner} <code>{key.slice(0, KEY_SHOWN)}</code> {duration(running_ms)}
                {share !== null && ` · ${num(100 * share, 0)} %`}
              </span>
            ))}
          </div>
        ),
    },
    { key: 'slots', title: t('fleet.slots'), isNumber: true, value: ({ slots }) => slots, cell: ({ slots }) => slots },
    {
      key: 'cores',
      title: t('fleet.cores'),
      isNumber: true,
      value: ({ cores }) => cores,
      cell: ({ cores }) => cores ?? '–',
    },
    {
      key: 'free_memory_mb',
      title: t('fleet.memory'),
      isNumber: true,
      value: ({ free_memory_mb }) => free_memory_mb,
      cell: ({ free_memory_mb }) => megabytes(free_memory_mb),
    },
    {
      key: 'task_memory_mb',
      title: t('fleet.taskMemory'),
      isNumber: true,
      value: ({ task_memory_mb }) => task_memory_mb,
      cell: ({ task_memory_mb, gpu }) => `${megabytes(task_memory_mb)}${gpu ? ' · GPU' : ''}`,
    },
    {
      key: 'done',
      title: t('fleet.done'),
      isNumber: true,
      value: ({ done }) => done,
      cell: ({ done }) => num(done, 0),
    },
    {
      key: 'heard',
      title: t('fleet.heard'),
      value: ({ silent_ms }) => Math.round(silent_ms),
      cell: ({ silent_ms }) => ago(silent_ms),
    },
    {
      key: 'learners',
      title: t('fleet.learners'),
      value: ({ learners }) => learners.join(' '),
      cell: ({ learners }) => learners.join(', '),
    },
    {
      key: 'build',
      title: t('fleet.build'),
      value: ({ identity }) => buildOf(identity),
      cell: ({ identity }) => <span class="mono">{buildOf(identity)}</span>,
    },
    {
      key: 'act',
      title: t('app.actions'),
      value: () => null,
      cell: ({ name, is_ending }) =>
        mayAct() && !is_ending ? (
          <ConfirmedButton
            tone="danger"
            label={t('fleet.end')}
            question={t('fleet.confirmEnd', { worker: name })}
            act={() => api.post('/api/fleet/workers/end', { body: { worker: name } }).then(reload)}
          />
        ) : null,
    },
  ];
}

function taskColumns(all: readonly FleetTasks[]): Column<FleetTasks>[] {
  const total = all.reduce((sum, { seconds }) => sum + seconds, 0);
  const counted = (
    key:
      | 'waiting'
      | 'running'
      | 'failed'
      | 'finished'
      | 'known'
      | 'retried'
      | 'given_up'
      | 'over_memory'
      | 'over_time'
      | 'child_lost',
  ) => ({
    key,
    title: t(`fleet.count.${key}`),
    isNumber: true,
    value: (row: FleetTasks) => row[key],
    cell: (row: FleetTasks) => num(row[key], 0),
  });
  return [
    { key: 'learner', title: t('fleet.learner'), value: ({ learner }) => learner, cell: ({ learner }) => learner },
    counted('waiting'),
    counted('running'),
    counted('failed'),
    counted('finished'),
    {
      key: 'seconds',
      title: t('fleet.time'),
      isNumber: true,
      value: ({ seconds }) => seconds,
      cell: ({ seconds }) => duration(seconds * 1000),
    },
    {
      key: 'share',
      title: t('fleet.share'),
      isNumber: true,
      value: ({ seconds }) => (total === 0 ? null : seconds / total),
      cell: ({ seconds }) => (total === 0 ? '–' : `${num((100 * seconds) / total, 0)} %`),
    },
    {
      key: 'each',
      title: t('fleet.each'),
      isNumber: true,
      value: ({ seconds, finished }) => (finished === 0 ? null : seconds / finished),
      cell: ({ seconds, finished }) => (finished === 0 ? '–' : `${num(seconds / finished, 2)} s`),
    },
    counted('known'),
    counted('retried'),
    counted('given_up'),
    counted('over_memory'),
    counted('over_time'),
    counted('child_lost'),
  ];
}

/** Which task a row is about. */
function taskIdentity<Row extends { readonly key: string; readonly learner: string }>(): Column<Row>[] {
  return [
    {
      key: 'key',
      title: t('fleet.task'),
      value: ({ key }) => key,
      cell: ({ key }) => <code title={key}>{key.slice(0, KEY_SHOWN)}</code>,
    },
    learnerColumn(),
  ];
}

function learnerColumn<Row extends { readonly learner: string }>(): Column<Row> {
  return { key: 'learner', title: t('fleet.learner'), value: ({ learner }) => learner, cell: ({ learner }) => learner };
}

/** The error of a task. */
function whyColumn<Row extends { readonly code: string; readonly message: string }>(): Column<Row> {
  return {
    key: 'error',
    title: t('fleet.why'),
    value: ({ code, message }) => `${code} ${message}`,
    cell: ({ code, message }) => (
      <div class="stacked">
        <strong>{code}</strong>
        {message !== '' && <span lang="en">{message}</span>}
        {code === 'TASK_LOST' && <span>{t('fleet.lost')}</span>}
      </div>
    ),
  };
}

const megabytes = (mb: number | null): string => (mb === null ? '–' : `${num(mb, 0)} MB`);

function whenColumn<Row extends { readonly ago_ms: number | null }>(): Column<Row> {
  return { key: 'when', title: t('fleet.when'), value: ({ ago_ms }) => ago_ms, cell: ({ ago_ms }) => ago(ago_ms) };
}

function failureColumns(reload: () => void): Column<FailedTask>[] {
  return [
    ...taskIdentity<FailedTask>(),
    whyColumn(),
    whenColumn(),
    {
      key: 'act',
      title: t('app.actions'),
      value: () => null,
      cell: ({ key }) =>
        mayAct() ? (
          <span class="actions-row">
            <ConfirmedButton
              label={t('fleet.retry')}
              question={t('fleet.confirmRetry', { key: key.slice(0, KEY_SHOWN) })}
              act={() => api.post('/api/fleet/tasks/retry', { body: { key } }).then(reload)}
            />
            <ConfirmedButton
              tone="danger"
              label={t('fleet.forget')}
              question={t('fleet.confirmForget', { key: key.slice(0, KEY_SHOWN) })}
              act={() => api.post('/api/fleet/tasks/forget', { body: { key } }).then(reload)}
            />
          </span>
        ) : null,
    },
  ];
}

function Unclaimed({ fleet: { unclaimed } }: { readonly fleet: Fleet }) {
  return (
    <Panel title={t('fleet.unclaimed')} wide>
      <p>{t('fleet.unclaimedNote')}</p>
      <Table
        name="unclaimed"
        label={t('fleet.unclaimed')}
        rows={unclaimed}
        rowKey={({ learner, memory_mb, cores, gpu }) => `${learner} ${memory_mb} ${cores} ${gpu}`}
        empty="fleet.noTasks"
        columns={[
          learnerColumn(),
          {
            key: 'waiting',
            title: t('fleet.count.waiting'),
            isNumber: true,
            value: ({ waiting }) => waiting,
            cell: ({ waiting }) => num(waiting, 0),
          },
          {
            key: 'memory_mb',
            title: t('fleet.taskMemory'),
            isNumber: true,
            value: ({ memory_mb }) => memory_mb,
            cell: ({ memory_mb }) => megabytes(memory_mb),
          },
          {
            key: 'cores',
            title: t('fleet.cores'),
            isNumber: true,
            value: ({ cores }) => cores,
            cell: ({ cores }) => cores,
          },
          { key: 'gpu', title: 'GPU', value: ({ gpu }) => gpu, cell: ({ gpu }) => (gpu ? 'GPU' : '–') },
          {
            key: 'lacking',
            title: t('fleet.lacking'),
            value: ({ lacking }) => lacking.map(({ worker, lacks }) => `${worker} ${lacks.join(' ')}`).join(' '),
            cell: ({ lacking }) =>
              lacking.length === 0 ? (
                '–'
              ) : (
                <div class="stacked">
                  {lacking.map(({ worker, lacks }) => (
                    <span key={worker}>
                      {worker}: <span lang="en">{lacks.join(', ')}</span>
                    </span>
                  ))}
                </div>
              ),
          },
        ]}
      />
    </Panel>
  );
}

function Retries({ fleet: { retries } }: { readonly fleet: Fleet }) {
  return (
    <Panel title={t('fleet.retries')} wide>
      <Table
        name="retries"
        label={t('fleet.retries')}
        rows={retries}
        rowKey={({ key }) => key}
        empty="fleet.noFailures"
        columns={[
          ...taskIdentity<Fleet['retries'][number]>(),
          whyColumn(),
          {
            key: 'attempt',
            title: t('fleet.attempt'),
            isNumber: true,
            value: ({ attempt }) => attempt,
            cell: ({ attempt }) => attempt,
          },
          {
            key: 'in_ms',
            title: t('fleet.nextIn'),
            isNumber: true,
            value: ({ in_ms }) => in_ms,
            cell: ({ in_ms }) => duration(in_ms),
          },
        ]}
      />
    </Panel>
  );
}

function Differences({ fleet: { differences } }: { readonly fleet: Fleet }) {
  return (
    <Panel title={t('fleet.differences')} wide>
      <p>{t('fleet.differencesNote')}</p>
      <Table
        name="differences"
        label={t('fleet.differences')}
        rows={differences}
        rowKey={({ key, other }) => `${key} ${other.hash}`}
        empty="fleet.noFailures"
        columns={[
          ...taskIdentity<Fleet['differences'][number]>(),
          {
            key: 'kept',
            title: t('fleet.kept'),
            value: ({ kept }) => `${kept.maker} ${kept.hash}`,
            cell: ({ kept }) => <Made {...kept} />,
          },
          {
            key: 'other',
            title: t('fleet.unused'),
            value: ({ other }) => `${other.maker} ${other.hash}`,
            cell: ({ other }) => <Made {...other} />,
          },
          whenColumn(),
        ]}
      />
    </Panel>
  );
}

function Aside({ fleet: { aside } }: { readonly fleet: Fleet }) {
  return (
    <Panel title={t('fleet.aside')} wide>
      <p>{t('fleet.asideNote')}</p>
      <Table
        name="aside"
        label={t('fleet.aside')}
        rows={aside}
        rowKey={({ place }) => place}
        empty="fleet.noFailures"
        columns={[
          {
            key: 'place',
            title: t('fleet.asidePlace'),
            value: ({ place }) => place,
            cell: ({ place }) => <code>{place}</code>,
          },
          { key: 'text', title: t('fleet.unread'), value: ({ text }) => text, cell: ({ text }) => <code>{text}</code> },
        ]}
      />
    </Panel>
  );
}

function Made({ maker, hash }: { readonly maker: string; readonly hash: string }) {
  return (
    <span title={hash}>
      {maker} <code>{hash.slice(0, KEY_SHOWN)}</code>
    </span>
  );
}
