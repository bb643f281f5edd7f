import { api, type Change, type Changes } from '../api.ts';
import { minuteOf, signed } from '../format.ts';
import { nowMs, session } from '../live.ts';
import { Badge, ConfirmedButton, Failure, Panel, Table, useLoaded, type Column, type Tone } from '../parts/basics.tsx';
import { DifferenceLines, EffectLines } from '../parts/change_effects.tsx';
import { codeText, t } from '../text/text.ts';

const TONES: Readonly<Record<string, Tone>> = {
  open: 'warn',
  approved: 'info',
  applied: 'good',
  rejected: 'bad',
  failed: 'bad',
};

/** Changes that have an effect, or may have one. */
const EFFECTIVE: ReadonlySet<string> = new Set(['open', 'approved', 'applied']);

/** Polling interval while evidence is computed and changes are applied. */
const READ_MS = 3000;

export default function ChangesPage() {
  const { data, error, reload } = useLoaded(() => api.get('/api/changes'), String(Math.floor(nowMs.value / READ_MS)));
  const decide = (id: number, verb: 'approve' | 'reject'): Promise<void> =>
    api.post(`/api/changes/{change_id}/${verb}`, { path: { change_id: id } }).then(reload);
  const takeBack = (id: number, reason: string): Promise<void> =>
    api.post('/api/changes/{change_id}/take-back', { path: { change_id: id }, body: { reason } }).then(reload);
  return (
    <Panel title={t('changes.title')} wide>
      {error !== null && <Failure error={error} />}
      <Table
        name="changes"
        kind="cards"
        label={t('changes.title')}
        rows={data?.changes}
        error={error}
        columns={columnsOf(data, { decide, takeBack })}
        rowKey={({ change_id }) => change_id}
        empty="changes.none"
      />
    </Panel>
  );
}

interface Acts {
  readonly decide: (id: number, verb: 'approve' | 'reject') => Promise<void>;
  readonly takeBack: (id: number, reason: string) => Promise<void>;
}

/** Where a person approves, all is shown again. */
const isNarrow = (): boolean => matchMedia('(width <= 720px)').matches;

const NOTHING_IN_USE = { active_models: 0, quoted_spreads: [], paper_accounts: [] };

/** @param data null before the first answer, when there is no row */
function columnsOf(data: Changes | null, { decide, takeBack }: Acts): Column<Change>[] {
  const inUse = data?.in_use ?? NOTHING_IN_USE;
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
      cell: ({ status }) => (
        <Badge tone={TONES[status] ?? 'quiet'}>
          {status === 'rejected' ? t('changes.rejected') : codeText('status', status)}
        </Badge>
      ),
    },
    {
      key: 'changes',
      title: t('changes.change'),
      value: ({ changes }) => JSON.stringify(changes),
      cell: ({ changes, before, reason, status }) => (
        <div class="stacked diff">
          <DifferenceLines changes={changes} before={before} />
          <span class="note">{t('changes.reason', { reason })}</span>
          {EFFECTIVE.has(status) && (
            <EffectLines
              changes={changes}
              before={before}
              inUse={inUse}
              isFolded={status === 'applied' || isNarrow()}
            />
          )}
        </div>
      ),
    },
    {
      key: 'act',
      title: t('app.actions'),
      value: () => null,
      cell: ({ change_id: id, status, proposed_by, changes, before }) => {
        const role = session.value?.role;
        if (status === 'applied' && role !== 'viewer')
          return (
            <ConfirmedButton
              label={t('changes.takeBack')}
              question={t('changes.confirmTakeBack', { id })}
              asksReason
              evidence={() => (
                <p class="stacked diff">
                  <DifferenceLines changes={before} before={changes} />
                  <EffectLines changes={before} before={changes} inUse={inUse} />
                </p>
              )}
              act={(reason) => takeBack(id, reason)}
            />
          );
        if (status !== 'open' || role !== 'approver') return null;
        const isOthers = data?.two_person_rule === true && proposed_by === session.value?.name;
        return (
          <div class="stacked">
            {isOthers ? (
              <div class="note">
                {t('changes.own')}
                <details>
                  <summary>{t('changes.alone')}</summary>
                  {t('changes.aloneHow')}
                </details>
              </div>
            ) : (
              <ConfirmedButton
                label={t('changes.approve')}
                question={t('changes.confirmApprove', { id })}
                evidence={() => (
                  <p class="stacked diff">
                    <DifferenceLines changes={changes} before={before} />
                    <EffectLines changes={changes} before={before} inUse={inUse} />
                  </p>
                )}
                act={() => decide(id, 'approve')}
              />
            )}
            <ConfirmedButton
              tone="danger"
              label={t('changes.reject')}
              question={t('changes.confirmReject', { id })}
              act={() => decide(id, 'reject')}
            />
          </div>
        );
      },
    },
    {
      key: 'evidence',
      title: t('changes.evidence'),
      value: ({ evidence }) => evidence?.replay?.after?.net_bps ?? null,
      cell: ({ evidence, failure }) => (
        <div class="stacked">
          {failure !== null && (
            <span class="note" lang="en">
              {failure}
            </span>
          )}
          {evidence !== null && <EvidenceCell evidence={evidence} />}
        </div>
      ),
    },
    {
      key: 'commit',
      title: t('changes.commit'),
      value: ({ commit_id, merge_commit }) => merge_commit ?? commit_id,
      cell: ({ commit_id, merge_commit, pull_request_url }) => {
        const commit = (merge_commit ?? commit_id ?? '').slice(0, 12);
        const isLink = pull_request_url?.startsWith('https://') === true;
        return isLink ? <a href={pull_request_url}>{commit}</a> : <span class="mono">{commit}</span>;
      },
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
  ];
}

function EvidenceCell({
  evidence: { status, percent, error, replay, backtest },
}: {
  readonly evidence: NonNullable<Change['evidence']>;
}) {
  if (status === 'running') return <span class="note">{t('changes.computing', { percent })}</span>;
  if (error !== null)
    return (
      <span class="note" lang="en">
        {error}
      </span>
    );
  return (
    <>
      <ComparedLine title={t('changes.replay')} compared={replay} />
      <ComparedLine title={t('changes.backtest')} compared={backtest} />
    </>
  );
}

function ComparedLine({
  title,
  compared,
}: {
  readonly title: string;
  readonly compared: NonNullable<Change['evidence']>['replay'];
}) {
  if (compared === null) return null;
  const { before, after, error } = compared;
  const text = (figures: NonNullable<typeof compared>['before']): string =>
    figures === null ? '–' : t('changes.figures', { entries: figures.entries, net: signed(figures.net_bps, 1) });
  return (
    <span class="compared">
      {title}: {error ?? `${text(before)} → ${text(after)}`}
    </span>
  );
}
