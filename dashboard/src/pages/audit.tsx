import { api, type AuditEntry as Entry } from '../api.ts';
import { Badge, Failure, Panel, Table, useLoaded, type Column } from '../parts/basics.tsx';
import { codeText, t } from '../text/text.ts';

/** First characters of a hash; the whole one is its title, and is in CSV and JSON. */
const HASH_SHOWN = 8;

export default function AuditPage() {
  const { data, error } = useLoaded(() => api.get('/api/audit', { query: { limit: 500 } }), '');
  const columns: Column<Entry>[] = [
    {
      key: 'entry_id',
      title: '#',
      isNumber: true,
      value: ({ entry_id }) => entry_id,
      cell: ({ entry_id }) => entry_id,
    },
    { key: 'at', title: t('audit.at'), value: ({ at }) => at, cell: ({ at }) => at.slice(0, 19).replace('T', ' ') },
    {
      key: 'actor',
      title: t('audit.actor'),
      value: ({ actor }) => actor,
      cell: ({ actor, role, via }) => (
        <>
          {actor}{' '}
          <span class="note short">
            {[codeText('role', role ?? ''), codeText('via', via)].filter((part) => part !== '').join(' · ')}
          </span>
        </>
      ),
    },
    {
      key: 'action',
      title: t('audit.action'),
      value: ({ action }) => action,
      cell: ({ action }) => <span title={action}>{codeText('act', action)}</span>,
    },
    {
      key: 'target',
      title: t('audit.target'),
      value: ({ target }) => target,
      cell: (entry) => (
        <div class="stacked">
          <span>{entry.target}</span>
          <Change entry={entry} />
        </div>
      ),
    },
    {
      key: 'outcome',
      title: t('audit.outcome'),
      value: ({ outcome }) => outcome,
      cell: ({ outcome }) => <Badge tone={outcome === 'done' ? 'good' : 'warn'}>{outcomeText(outcome)}</Badge>,
    },
    {
      key: 'hash',
      title: t('audit.hash'),
      value: ({ hash }) => hash,
      cell: ({ hash }) => (
        <span class="mono note short" title={hash}>
          {hash.slice(0, HASH_SHOWN)}
        </span>
      ),
    },
  ];
  return (
    <Panel title={t('audit.title')} wide>
      {error !== null && <Failure error={error} />}
      <Table
        kind="cards"
        name="audit"
        label={t('audit.title')}
        rows={data?.entries}
        error={error}
        columns={columns}
        rowKey={({ entry_id }) => entry_id}
        empty="audit.none"
      />
    </Panel>
  );
}

/** What was recorded of before and after, on a click. */
function Change({ entry: { before, after } }: { readonly entry: Entry }) {
  if (before === null && after === null) return null;
  return (
    <details>
      <summary>{t('audit.details')}</summary>
      {(
        [
          ['audit.before', before],
          ['audit.after', after],
        ] as const
      ).map(([name, value]) => (
        <p key={name} class="recorded">
          <span class="note">{t(name)}</span> <code>{value === null ? '–' : JSON.stringify(value)}</code>
        </p>
      ))}
    </details>
  );
}

/** `refused 403` */
function outcomeText(outcome: string): string {
  const [what, status = ''] = outcome.split(' ');
  return what === 'refused' ? t('outcome.refused', { status }) : codeText('outcome', outcome);
}
