import { api } from '../api.ts';
import { minuteOf } from '../format.ts';
import { nowMs } from '../live.ts';
import { codeText, t } from '../text/text.ts';
import { Badge, Panel, Table, useLoaded } from './basics.tsx';

const READ_MS = 60_000;
const SHOWN = 20;

/** The next events of the economic calendar; nothing where there is none and the policy does not ask for one. */
export function NextNews() {
  const { data } = useLoaded(() => api.get('/api/news'), String(Math.floor(nowMs.value / READ_MS)));
  if (data === null || (!data.is_on && data.covers_until === null)) return null;
  const { events, fault, covers_until } = data;
  return (
    <Panel
      title={t('news.title')}
      wide
      aside={covers_until !== null && <span class="note">{t('news.until', { time: minuteOf(covers_until) })}</span>}
    >
      <p class="note">{t(data.is_on ? 'news.on' : 'news.off')}</p>
      {data.is_on && fault !== null && (
        <p class="bad" lang="en">
          {fault.code}: {fault.message} → {fault.next}
        </p>
      )}
      <Table
        name="news"
        label={t('news.title')}
        rows={events.slice(0, SHOWN)}
        saved={events}
        rowKey={({ time, currency, name }) => `${time} ${currency} ${name}`}
        empty="news.none"
        columns={[
          { key: 'time', title: t('news.time'), value: ({ time }) => time, cell: ({ time }) => minuteOf(time) },
          {
            key: 'currency',
            title: t('news.currency'),
            value: ({ currency }) => currency,
            cell: ({ currency }) => currency,
          },
          {
            key: 'importance',
            title: t('news.importance'),
            value: ({ importance }) => importance,
            cell: ({ importance }) => (
              <Badge tone={importance === 'high' ? 'bad' : importance === 'medium' ? 'warn' : 'quiet'}>
                {codeText('importance', importance)}
              </Badge>
            ),
          },
          {
            key: 'name',
            title: t('news.event'),
            value: ({ name }) => name,
            cell: ({ name }) => <span lang="en">{name}</span>,
          },
        ]}
      />
    </Panel>
  );
}
