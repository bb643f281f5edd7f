import { api, type RequestedBacktest } from '../api.ts';
import { duration, minuteOf, num } from '../format.ts';
import { session } from '../live.ts';
import { pathOf } from '../router.ts';
import { codeText, stageText, t } from '../text/text.ts';
import { Badge, ConfirmedButton, FailedLine, Panel, Table, type Column, type Tone } from './basics.tsx';

const TONES: Readonly<Record<string, Tone>> = { queued: 'quiet', running: 'info', done: 'good', failed: 'bad' };

/** Requested backtests; each has a page of its own. */
export function RequestedBacktests(props: {
  readonly requested: readonly RequestedBacktest[];
  readonly onChanged: () => void;
}) {
  const cancel = (id: number): Promise<unknown> =>
    api.post('/api/backtests/{backtest_id}/cancel', { path: { backtest_id: id } }).then(props.onChanged);
  return (
    <Panel title={t('backtests.requested')} wide>
      <Table
        name="requested_backtests"
        label={t('backtests.requested')}
        rows={props.requested}
        columns={columnsOf(cancel)}
        rowKey={({ backtest_id }) => backtest_id}
        empty="backtests.noneRequested"
      />
    </Panel>
  );
}

/** A period may be open at one end. */
const edgeOf = (time: string | null): string => (time === null ? '…' : minuteOf(time));

/** What was asked for. */
export function periodText({ from, to }: RequestedBacktest['request']): string {
  return from === null && to === null ? t('subject.everything') : `${edgeOf(from)} – ${edgeOf(to)}`;
}

export const backtestTone = (status: string): Tone => TONES[status] ?? 'quiet';

function columnsOf(cancel: (id: number) => Promise<unknown>): Column<RequestedBacktest>[] {
  return [
    {
      key: 'backtest_id',
      title: '#',
      isNumber: true,
      value: ({ backtest_id }) => backtest_id,
      cell: ({ backtest_id }) => <a href={pathOf('backtests', String(backtest_id))}>{backtest_id}</a>,
    },
    {
      key: 'status',
      title: t('runs.status'),
      value: ({ status }) => status,
      cell: ({ status, percent, stage, error }) => (
        <div class="stacked">
          <span>
            <Badge tone={backtestTone(status)}>{codeText('status', status)}</Badge>{' '}
            {status === 'running' && `${stageText(stage)} ${num(percent, 0)} %`}
          </span>
          {error !== null && <FailedLine error={error} isBad={status === 'failed'} isShort />}
        </div>
      ),
    },
    {
      key: 'models',
      title: t('models.version'),
      value: ({ request }) => request.models.join(' '),
      cell: ({ request }) => <span class="mono">{request.models.join(' · ')}</span>,
    },
    {
      key: 'period',
      title: t('backtests.period'),
      value: ({ request }) => `${request.from ?? ''} ${request.to ?? ''}`,
      cell: ({ request }) => periodText(request),
    },
    {
      key: 'reason',
      title: t('policy.reason'),
      value: ({ reason }) => reason,
      cell: ({ reason }) => (reason === '' ? '–' : <span class="prose">{reason}</span>),
    },
    {
      key: 'requested_by',
      title: t('audit.actor'),
      value: ({ requested_by }) => requested_by,
      cell: ({ requested_by }) => requested_by,
    },
    {
      key: 'duration',
      title: t('runs.duration'),
      isNumber: true,
      value: ({ started_ms, finished_ms }) =>
        started_ms === null || finished_ms === null ? null : finished_ms - started_ms,
      cell: ({ started_ms, finished_ms }) =>
        started_ms === null || finished_ms === null ? '–' : duration(finished_ms - started_ms),
    },
    {
      key: 'act',
      title: t('app.actions'),
      value: () => null,
      cell: ({ backtest_id: id, status }) =>
        status === 'done' ? (
          <a href={pathOf('backtests', String(id))}>{t('backtests.show')}</a>
        ) : (status === 'queued' || status === 'running') && session.value?.role !== 'viewer' ? (
          <ConfirmedButton
            tone="danger"
            label={t('backtests.cancel')}
            question={t('backtests.confirmCancel', { id })}
            act={() => cancel(id)}
          />
        ) : null,
    },
  ];
}
