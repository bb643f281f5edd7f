import { useState } from 'preact/hooks';
import { api, ApiError, type Alert, type Silence } from '../api.ts';
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
      cell: ({ event, subject, text, command }) => (
        <div class="stacked">
          <strong>
            {codeText('event', event)} {subject !== '' && <span class="note">{subject}</span>}
          </strong>
          <span lang="en">{text}</span>
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
      title: t('app.actions'),
      value: () => null,
      cell: ({ alert_id, state, event }) =>
        state === 'open' && session.value?.role !== 'viewer' ? (
          <ConfirmedButton
            label={t('alerts.ack')}
            question={codeText('event', event)}
            act={() => api.post('/api/alerts/{alert_id}/ack', { path: { alert_id } }).then(readAlerts).then(reload)}
          />
        ) : null,
    },
  ];
  return (
    <>
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
      <Silences silences={data?.silences ?? []} onChanged={reload} />
    </>
  );
}

const MINUTES = [15, 60, 240, 1440, 10_080] as const;

/** Silenced alert keys, and a form to add one. */
function Silences({ silences, onChanged }: { readonly silences: readonly Silence[]; readonly onChanged: () => void }) {
  const [error, setError] = useState<ApiError | null>(null);
  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const fields = new FormData(form);
    try {
      await api.post('/api/alerts/silence', {
        body: { pattern: String(fields.get('pattern')), minutes: Number(fields.get('minutes')) },
      });
      form.reset();
      setError(null);
      onChanged();
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught;
      setError(caught);
    }
  }
  return (
    <Panel title={t('alerts.silences')} wide>
      <Table
        name="silences"
        label={t('alerts.silences')}
        rows={silences}
        rowKey={({ pattern, until_ms }) => `${pattern} ${until_ms}`}
        empty="alerts.noSilences"
        columns={[
          {
            key: 'pattern',
            title: t('alerts.pattern'),
            value: ({ pattern }) => pattern,
            cell: ({ pattern }) => <span class="mono">{pattern}</span>,
          },
          {
            key: 'until',
            title: t('alerts.until'),
            value: ({ until_ms }) => new Date(until_ms).toISOString(),
            cell: ({ until_ms }) => minuteOf(until_ms),
          },
          {
            key: 'by',
            title: t('audit.actor'),
            value: ({ created_by }) => created_by,
            cell: ({ created_by }) => created_by,
          },
        ]}
      />
      {session.value?.role !== 'viewer' && (
        <form class="form fields" onSubmit={(event) => void submit(event)}>
          <label>
            {t('alerts.pattern')}
            <input name="pattern" required maxLength={200} placeholder="drift:*" />
          </label>
          <label>
            {t('alerts.for')}
            <select name="minutes">
              {MINUTES.map((minutes) => (
                <option key={minutes} value={minutes}>
                  {duration(minutes * 60_000)}
                </option>
              ))}
            </select>
          </label>
          <button type="submit" class="button">
            {t('alerts.silence')}
          </button>
        </form>
      )}
      {error !== null && <Failure error={error} />}
    </Panel>
  );
}
