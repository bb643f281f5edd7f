import { api, type Change } from '../api.ts';
import { minuteOf } from '../format.ts';
import { session } from '../live.ts';
import { Badge, ConfirmedButton, Failure, Panel, Table, useLoaded, type Column, type Tone } from '../parts/basics.tsx';
import { codeText, t } from '../text/text.ts';

const TONES: Readonly<Record<string, Tone>> = { open: 'warn', approved: 'info', applied: 'good', rejected: 'bad' };

export default function ChangesPage() {
  const { data, error, reload } = useLoaded(() => api.get('/api/changes'), '');
  const decide = (id: number, verb: 'approve' | 'reject'): Promise<void> =>
    api.post(`/api/changes/{change_id}/${verb}`, { path: { change_id: id } }).then(reload);
  return (
    <Panel title={t('changes.title')} wide>
      {error !== null && <Failure error={error} />}
      <Table
        name="changes"
        label={t('changes.title')}
        rows={data?.changes ?? []}
        columns={columnsOf(decide)}
        rowKey={({ change_id }) => change_id}
        empty="changes.none"
      />
    </Panel>
  );
}

function columnsOf(decide: (id: number, verb: 'approve' | 'reject') => Promise<void>): Column<Change>[] {
  return [
    {
      key: 'change_id',
      title: '#',
      isNumber: true,
      value: ({ change_id }) => change_id,
      cell: ({ change_id }) => change_id,
    },
    {
      key: 'status',
      title: t('runs.status'),
      value: ({ status }) => status,
      cell: ({ status }) => <Badge tone={TONES[status] ?? 'quiet'}>{codeText('status', status)}</Badge>,
    },
    {
      key: 'changes',
      title: t('changes.change'),
      value: ({ changes }) => JSON.stringify(changes),
      cell: ({ changes, before, reason, ...change }) => (
        <div class="stacked diff">
          {Object.entries(changes).map(([key, value]) => (
            <span key={key} class="mono">
              {key} <del>{JSON.stringify(before[key])}</del> → <ins>{JSON.stringify(value)}</ins>
            </span>
          ))}
          <span class="note">{reason}</span>
          <Evidence change={change} />
        </div>
      ),
    },
    {
      key: 'proposed_by',
      title: t('changes.by'),
      value: ({ proposed_by }) => proposed_by,
      cell: ({ proposed_by }) => proposed_by,
    },
    {
      key: 'proposed',
      title: t('changes.when'),
      value: ({ proposed_ms }) => proposed_ms,
      cell: ({ proposed_ms }) => minuteOf(proposed_ms),
    },
    {
      key: 'decided_by',
      title: t('changes.decided'),
      value: ({ decided_by }) => decided_by,
      cell: ({ decided_by }) => decided_by ?? '',
    },
    {
      key: 'act',
      title: t('app.actions'),
      value: () => null,
      cell: ({ change_id: id, status }) =>
        status === 'open' && session.value?.role === 'approver' ? (
          <span class="actions-row">
            <ConfirmedButton
              label={t('changes.approve')}
              question={t('changes.confirmApprove', { id })}
              act={() => decide(id, 'approve')}
            />{' '}
            <ConfirmedButton
              tone="danger"
              label={t('changes.reject')}
              question={t('changes.confirmReject', { id })}
              act={() => decide(id, 'reject')}
            />
          </span>
        ) : null,
    },
  ];
}

/** What a change has beside its diff: commit, pull request, checks, backtest, replayed consequence. */
const SHOWN: ReadonlySet<string> = new Set([
  ...['change_id', 'status', 'changes', 'before', 'reason', 'proposed_by', 'proposed_ms', 'expires_ms', 'decided_by'],
  ...['decided_ms', 'policy_hash'],
]);

/** Every further field of the change, as later versions of the API add them. */
function Evidence({ change }: { readonly change: object }) {
  const found = Object.entries(change).filter(([name, value]) => !SHOWN.has(name) && value !== null && value !== '');
  if (found.length === 0) return null;
  return (
    <details>
      <summary>{t('changes.evidence')}</summary>
      <dl class="facts evidence-facts">
        {found.map(([name, value]) => (
          <div key={name}>
            <dt class="mono">{name}</dt>
            <dd>
              <EvidenceValue value={value} />
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function EvidenceValue({ value }: { readonly value: unknown }) {
  if (typeof value === 'string' && /^https?:\/\//.test(value))
    return (
      <a href={value} target="_blank" rel="noreferrer">
        {value}
      </a>
    );
  if (typeof value === 'object') return <pre class="card">{JSON.stringify(value, null, 1)}</pre>;
  return <span class="mono">{String(value)}</span>;
}
