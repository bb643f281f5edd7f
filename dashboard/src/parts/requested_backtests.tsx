import { useState } from 'preact/hooks';
import { api, ApiError, type RequestedBacktest } from '../api.ts';
import { parseTrades } from '../charts/trades.ts';
import { duration, minuteOf, num } from '../format.ts';
import { session } from '../live.ts';
import { codeText, stageText, t } from '../text/text.ts';
import type { ShownBacktest } from './backtest_view.tsx';
import { Badge, ConfirmedButton, Failure, Panel, Table, type Column, type Tone } from './basics.tsx';

const TONES: Readonly<Record<string, Tone>> = { queued: 'quiet', running: 'info', done: 'good', failed: 'bad' };

/** Requested backtests; one can be shown with its trades, two can be compared. */
export function RequestedBacktests(props: {
  readonly requested: readonly RequestedBacktest[];
  readonly onShow: (shown: readonly ShownBacktest[]) => void;
  readonly onChanged: () => void;
}) {
  const [error, setError] = useState<ApiError | null>(null);
  async function show(id: number): Promise<void> {
    const response = await fetch(`/api/backtests/${id}/files/trades.csv`);
    const trades = response.ok ? parseTrades(await response.text()) : null;
    if (trades === null) {
      setError(new ApiError(response.status, { code: String(response.status), message: `trades.csv ${id}`, next: '' }));
      return;
    }
    setError(null);
    const models = [...Map.groupBy(trades, ({ model_version }) => model_version)];
    props.onShow(models.map(([version, own]) => ({ name: `#${id} ${version}`, trades: own })));
  }
  const cancel = (id: number): Promise<unknown> =>
    api.post('/api/backtests/{backtest_id}/cancel', { path: { backtest_id: id } }).then(props.onChanged);
  return (
    <Panel title={t('backtests.requested')} wide>
      {error !== null && <Failure error={error} />}
      <Table
        name="requested_backtests"
        label={t('backtests.requested')}
        rows={props.requested}
        columns={columnsOf(show, cancel)}
        rowKey={({ backtest_id }) => backtest_id}
        empty="backtests.noneRequested"
      />
    </Panel>
  );
}

/** A period may be open at one end. */
const edgeOf = (time: string | null): string => (time === null ? '…' : minuteOf(time));

function columnsOf(
  show: (id: number) => Promise<void>,
  cancel: (id: number) => Promise<unknown>,
): Column<RequestedBacktest>[] {
  return [
    {
      key: 'backtest_id',
      title: '#',
      isNumber: true,
      value: ({ backtest_id }) => backtest_id,
      cell: ({ backtest_id }) => backtest_id,
    },
    {
      key: 'status',
      title: t('runs.status'),
      value: ({ status }) => status,
      cell: ({ status, percent, stage, error }) => (
        <div class="stacked">
          <span>
            <Badge tone={TONES[status] ?? 'quiet'}>{codeText('status', status)}</Badge>{' '}
            {status === 'running' && `${stageText(stage)} ${num(percent, 0)} %`}
          </span>
          {error !== null && (
            <span class="bad" lang="en">
              {error}
            </span>
          )}
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
      cell: ({ request: { from, to } }) =>
        from === null && to === null ? t('subject.everything') : `${edgeOf(from)} – ${edgeOf(to)}`,
    },
    {
      key: 'reason',
      title: t('policy.reason'),
      value: ({ reason }) => reason,
      cell: ({ reason, requested_by }) => (
        <>
          <span class="prose">{reason}</span> <span class="note">{requested_by}</span>
        </>
      ),
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
          <button type="button" class="button" onClick={() => void show(id)}>
            {t('backtests.show')}
          </button>
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
