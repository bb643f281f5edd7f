import { useState } from 'preact/hooks';
import { api, type Alert } from '../api.ts';
import { duration, minuteOf } from '../format.ts';
import { alerts as known, nowMs, readAlerts, session } from '../live.ts';
import { Badge, ConfirmedButton, Failure, Panel, Table, useLoaded, type Column } from '../parts/basics.tsx';
import { codeText, t } from '../text/text.ts';

export default function AlertsPage() {
  const [isAll, setAll] = useState(false);
  const { data, error, reload } = useLoaded(
    () => api.get('/api/alerts', { query: { all: isAll ? 'true' : 'false', limit: 500 } }),
    `${isAll} ${known.value.map(({ alert_id, state, count }) => `${alert_id}${state}${count}`).join()}`,
  );
  const columns: Column<Alert>[] = [
    {
      key: 'severity',
      title: t('alerts.severity'),
      value: ({ severity }) => severity,
      cell: ({ severity }) => (
        <Badge tone={severity === 'critical' ? 'bad' : severity === 'warning' ? 'warn' : 'info'}>
          {codeText('severity', severity)}
        </Badge>
      ),
    },
    {
      key: 'text',
      title: t('alerts.alert'),
      value: ({ text }) => text,
      cell: ({ title, subject, text, command }) => (
        <div class="stacked">
          <strong>
            {title} {subject !== '' && <span class="note">{subject}</span>}
          </strong>
          <span>{text}</span>
          {command !== '' && <code>{command}</code>}
        </div>
      ),
    },
    {
      key: 'opened',
      title: t('alerts.opened'),
      value: ({ opened_ms }) => new Date(opened_ms).toISOString(),
      cell: ({ opened_ms }) => (
        <span title={minuteOf(opened_ms)}>{t('tile.ago', { age: duration(nowMs.value - opened_ms) })}</span>
      ),
    },
    { key: 'count', title: t('alerts.count'), isNumber: true, value: ({ count }) => count, cell: ({ count }) => count },
    {
      key: 'state',
      title: t('alerts.state'),
      value: ({ state }) => state,
      cell: ({ state, acked_by }) => (
        <Badge tone={state === 'open' ? 'warn' : 'quiet'}>
          {codeText('state', state)}
          {acked_by !== null && ` · ${acked_by}`}
        </Badge>
      ),
    },
    {
      key: 'act',
      title: '',
      value: () => null,
      cell: ({ alert_id, state, title }) =>
        state === 'open' && session.value?.role !== 'viewer' ? (
          <ConfirmedButton
            label={t('alerts.ack')}
            question={title}
            act={() => api.post('/api/alerts/{alert_id}/ack', { path: { alert_id } }).then(readAlerts).then(reload)}
          />
        ) : null,
    },
  ];
  return (
    <Panel
      title={t('alerts.title')}
      wide
      aside={
        <div class="segments" role="group">
          {[false, true].map((all) => (
            <button key={String(all)} type="button" aria-pressed={isAll === all} onClick={() => setAll(all)}>
              {t(all ? 'alerts.all' : 'alerts.open')}
            </button>
          ))}
        </div>
      }
    >
      {error !== null && <Failure error={error} />}
      <Table
        name="alerts"
        label={t('alerts.title')}
        rows={data?.alerts ?? []}
        columns={columns}
        rowKey={({ alert_id }) => alert_id}
        empty="alerts.none"
      />
    </Panel>
  );
}
