import { useState } from 'preact/hooks';
import { api, ApiError, type Alert, type Channel, type Silence } from '../api.ts';
import { duration, minuteOf } from '../format.ts';
import { alerts as known, nowMs, readAlerts, session } from '../live.ts';
import { Badge, ConfirmedButton, Failure, Panel, Table, useLoaded, type Column } from '../parts/basics.tsx';
import { NextNews } from '../parts/next_news.tsx';
import { Segments } from '../parts/segments.tsx';
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
          <Segments
            values={[false, true]}
            chosen={isAll}
            textOf={(all) => t(all ? 'alerts.all' : 'alerts.open')}
            onChoose={setAll}
          />
        }
      >
        {error !== null && <Failure error={error} />}
        <Table
          name="alerts"
          label={t('alerts.title')}
          rows={data?.alerts}
          error={error}
          columns={columns}
          rowKey={({ alert_id }) => alert_id}
          empty="alerts.none"
        />
      </Panel>
      <NextNews />
      <Channels />
      <Silences silences={data?.silences} failure={error} onChanged={reload} />
    </>
  );
}

const MINUTES = [15, 60, 240, 1440, 10_080] as const;

/** Silenced alert keys, and a form to add one. */
function Silences(props: {
  readonly silences: readonly Silence[] | undefined;
  readonly failure: ApiError | null;
  readonly onChanged: () => void;
}) {
  const { silences, failure, onChanged } = props;
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
        error={failure}
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

/** Where notifications go, and a test of each channel. */
function Channels() {
  const { data, error } = useLoaded(() => api.get('/api/alerts/channels'), '');
  const [tested, setTested] = useState<Readonly<Record<string, Tested>>>({});
  const test = async (channel: Channel['name']): Promise<void> => {
    const answer = await api.post('/api/alerts/channels/{channel}/test', { path: { channel } });
    setTested((now) => ({ ...now, [channel]: { ...answer, atMs: Date.now() } }));
  };
  return (
    <Panel title={t('alerts.channels')} wide>
      {error !== null && <Failure error={error} />}
      <Table
        name="channels"
        kind="cards"
        label={t('alerts.channels')}
        rows={data?.channels}
        error={error}
        rowKey={({ name }) => name}
        empty="alerts.noChannels"
        columns={[
          { key: 'name', title: t('alerts.channel'), value: ({ name }) => name, cell: ({ name }) => name },
          {
            key: 'state',
            title: t('alerts.state'),
            value: ({ is_open, problem }) => problem ?? (is_open ? 'open' : 'not set'),
            cell: (row) => <ChannelState {...row} />,
          },
          {
            key: 'severities',
            title: t('alerts.receives'),
            value: ({ severities }) => severities.join(' '),
            cell: ({ severities }) =>
              severities.length === 0 ? '–' : severities.map((one) => codeText('severity', one)).join(', '),
          },
          {
            key: 'act',
            title: t('app.actions'),
            value: () => null,
            cell: ({ name, is_open }) =>
              is_open && session.value?.role !== 'viewer' ? (
                <div class="stacked">
                  <ConfirmedButton
                    label={t('alerts.test')}
                    question={t('alerts.confirmTest', { channel: name })}
                    act={() => test(name)}
                  />
                  {tested[name] !== undefined && <Outcome tested={tested[name]} />}
                </div>
              ) : null,
          },
        ]}
      />
      {data?.channels.some(({ is_open }) => !is_open) === true && <p class="note">{t('alerts.howToSet')}</p>}
    </Panel>
  );
}

interface Tested {
  readonly taken: boolean;
  readonly failure: string | null;
  readonly atMs: number;
}

function ChannelState({ is_open, problem, variable }: Channel) {
  if (problem !== null)
    return (
      <span class="bad" lang="en">
        {problem}
      </span>
    );
  if (is_open) return <Badge tone="good">{t('alerts.channelOpen')}</Badge>;
  return (
    <>
      {t('alerts.channelUnset')} <code>{variable}</code>
    </>
  );
}

function Outcome({ tested: { taken, failure, atMs } }: { readonly tested: Tested }) {
  return (
    <span role="status" class={taken ? 'good' : 'bad'}>
      {taken ? t('alerts.taken', { time: minuteOf(atMs) }) : `${t('alerts.notTaken')} ${failure ?? ''}`}
    </span>
  );
}
