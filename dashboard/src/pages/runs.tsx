import { api, type Run, type WaitingRun } from '../api.ts';
import { duration, minuteOf, num } from '../format.ts';
import { nowMs, run as live, session, status } from '../live.ts';
import {
  Badge,
  ConfirmedButton,
  Failure,
  Loading,
  Panel,
  Table,
  useLoaded,
  type Column,
  type Tone,
} from '../parts/basics.tsx';
import { keyOf } from '../../../shared/bundle/gates/gate_result.ts';
import { FailedGate, Reason } from '../parts/gate_text.tsx';
import { Searches } from '../parts/searches.tsx';
import { waitText } from '../parts/wait_text.ts';
import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import { codeText, language, stageText, t } from '../text/text.ts';

const TONES: Readonly<Record<string, Tone>> = {
  running: 'info',
  adopted: 'good',
  rejected: 'warn',
  failed: 'bad',
  killed: 'bad',
};

export default function RunsPage() {
  const { data, error, reload } = useLoaded(() => api.get('/api/runs'), `${live.value?.run_id} ${live.value?.status}`);
  const mayOperate = session.value?.role !== 'viewer';
  const current = live.value?.status === 'running' ? live.value : null;
  return (
    <>
      {error !== null && <Failure error={error} />}
      {current !== null && <CurrentRun run={current} mayStop={mayOperate} />}
      {data !== null && data.waiting.length > 0 && (
        <WaitingRuns runs={data.waiting} mayStop={mayOperate} onDone={reload} />
      )}
      <Panel
        title={t('runs.title')}
        wide
        aside={
          mayOperate && current === null ? (
            <ConfirmedButton
              label={t('runs.start')}
              question={t('runs.confirmStart')}
              act={() => api.post('/api/ml-training/train')}
            />
          ) : undefined
        }
      >
        <Table
          name="runs"
          label={t('runs.title')}
          rows={data?.runs}
          error={error}
          columns={columnsOf()}
          rowKey={({ run_id }) => run_id}
          empty="runs.none"
        />
      </Panel>
      <Searches version={`${live.value?.run_id} ${live.value?.status}`} />
      <Panel title={t('runs.schedules')}>
        {status.value === null && <Loading />}
        <dl class="facts">
          {(status.value?.schedules ?? []).map(({ name, cron, next }) => (
            <div key={name}>
              <dt>{codeText('schedule', name)}</dt>
              <dd>
                <code>{cron}</code>{' '}
                <span class="note">
                  {t('runs.next')} {minuteOf(next)}
                </span>
              </dd>
            </div>
          ))}
        </dl>
      </Panel>
    </>
  );
}

interface WaitingProps {
  readonly runs: readonly WaitingRun[];
  readonly mayStop: boolean;
  onDone(): void;
}

/** Runs that begin one after the other, in this order. */
function WaitingRuns({ runs, mayStop, onDone }: WaitingProps) {
  return (
    <Panel title={t('runs.waiting')} wide>
      <ol class="stages">
        {runs.map(({ run_id, kind, trigger, waits_for }) => (
          <li key={run_id}>
            {t('runs.run')} {run_id}: {codeText('kind', kind)}{' '}
            <span class="note">{triggerText(trigger, language.value)}</span>
            {waits_for !== null && <span>{waitText(waits_for)}</span>}
            {mayStop && (
              <ConfirmedButton
                tone="danger"
                label={t('runs.drop')}
                question={t('runs.confirmDrop', { id: run_id })}
                act={() => api.post('/api/ml-training/stop', { query: { run: run_id } }).then(onDone)}
              />
            )}
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function CurrentRun({ run, mayStop }: { readonly run: Run; readonly mayStop: boolean }) {
  return (
    <Panel
      title={t('runs.current', { id: run.run_id })}
      wide
      aside={
        mayStop && (
          <ConfirmedButton
            tone="danger"
            label={t('runs.stop')}
            question={t('runs.confirmStop', { id: run.run_id })}
            act={() => api.post('/api/ml-training/stop')}
          />
        )
      }
    >
      <progress max="100" value={run.percent} aria-label={t('runs.current', { id: run.run_id })} />
      <dl class="facts row">
        <div>
          <dt>{t('runs.stage')}</dt>
          <dd>{stageText(run.stage)}</dd>
        </div>
        <div>
          <dt>%</dt>
          <dd>{num(run.percent, 0)}</dd>
        </div>
        <div>
          <dt>{t('runs.duration')}</dt>
          <dd>{duration(nowMs.value - Date.parse(run.started_at))}</dd>
        </div>
        <div>
          <dt>{t('runs.left')}</dt>
          <dd>{duration(run.eta_seconds === null ? null : run.eta_seconds * 1000)}</dd>
        </div>
      </dl>
      <ol class="stages">
        {run.stages.map(({ stage, duration_ms }) => (
          <li key={stage}>
            {stageText(stage)} <span class="note">{duration(duration_ms)}</span>
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function columnsOf(): Column<Run>[] {
  return [
    {
      key: 'run_id',
      title: t('runs.run'),
      isNumber: true,
      value: ({ run_id }) => run_id,
      cell: ({ run_id }) => run_id,
    },
    {
      key: 'kind',
      title: t('runs.kind'),
      value: ({ kind }) => kind,
      cell: ({ kind }) => codeText('kind', kind),
    },
    {
      key: 'trigger',
      title: t('runs.trigger'),
      value: ({ trigger }) => triggerText(trigger, language.value),
      cell: ({ trigger }) => triggerText(trigger, language.value),
    },
    {
      key: 'status',
      title: t('runs.status'),
      value: ({ status: state }) => state,
      cell: ({ status: state }) => <Badge tone={TONES[state] ?? 'quiet'}>{codeText('status', state)}</Badge>,
    },
    {
      key: 'started_at',
      title: t('runs.started'),
      value: ({ started_at }) => started_at,
      cell: ({ started_at }) => minuteOf(started_at),
    },
    {
      key: 'duration_ms',
      title: t('runs.duration'),
      isNumber: true,
      value: ({ duration_ms }) => duration_ms,
      cell: ({ duration_ms }) => duration(duration_ms),
    },
    {
      key: 'result',
      title: t('runs.result'),
      value: ({ model_version, reasons, error }) =>
        error ?? ([model_version ?? '', ...reasons].join(' ').trim() || null),
      cell: ({ model_version, status: state, gate, reasons, error }) => (
        <div class="stacked">
          {model_version !== null && <span class="mono">{model_version}</span>}
          {state === 'rejected' && gate !== null
            ? gate.filter(({ passed }) => !passed).map((own) => <FailedGate key={keyOf(own)} gate={own} />)
            : reasons.map((reason) => <Reason key={reason} text={reason} />)}
          {error !== null && (
            <span class="bad" lang="en">
              {error}
            </span>
          )}
        </div>
      ),
    },
  ];
}
