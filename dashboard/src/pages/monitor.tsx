import { api, type MonitorLook as Report } from '../api.ts';
import { minuteOf, num, percent, signed } from '../format.ts';
import { nowMs, subjects } from '../live.ts';
import { Badge, Empty, Failure, Loading, Panel, Table, useLoaded, type Column } from '../parts/basics.tsx';
import { shareText } from '../parts/share_text.ts';
import { pathOf } from '../router.ts';
import { codeText, t, type TextKey } from '../text/text.ts';

type Figure = 'trades' | 'win_rate' | 'drawdown' | 'candidates' | 'refusal_rate';

const READ_MS = 30_000;

export default function MonitorPage() {
  const { data, error } = useLoaded(() => api.get('/api/monitor'), String(Math.floor(nowMs.value / READ_MS)));
  const found = data?.report ?? null;
  const report = found === null || !('performance' in found) ? null : (found as Report);
  const skipped = found !== null && 'skipped' in found ? codeText('skipped', String(found.skipped)) : t('monitor.none');
  return (
    <>
      {error !== null && <Failure error={error} />}
      {data === null && error === null && <Loading />}
      {data !== null && report === null && (
        <Panel title={t('monitor.findings')} wide>
          <Empty text={skipped} />
          {found !== null && found.findings.length > 0 && <FindingList findings={found.findings} />}
        </Panel>
      )}
      {report !== null && <Findings report={report} lookedAt={data!.looked_at} />}
      {report !== null && <LiveAgainstBacktest {...report.performance} />}
      {report !== null && <Drift drift={report.drift} />}
      {report !== null && <Kpis kpi={report.kpi} />}
    </>
  );
}

function Findings({ report, lookedAt }: { readonly report: Report; readonly lookedAt: string | null }) {
  const { from, to, bars } = report.period;
  return (
    <Panel
      title={t('monitor.findings')}
      wide
      aside={<span class="note">{`${report.version} · ${minuteOf(lookedAt)}`}</span>}
    >
      {report.findings.length === 0 ? (
        <p class="good">{t('monitor.noFindings')}</p>
      ) : (
        <FindingList findings={report.findings} />
      )}
      <p class="note">{t('monitor.period', { from: minuteOf(from), to: minuteOf(to), bars: num(bars, 0) })}</p>
    </Panel>
  );
}

function FindingList({ findings }: Pick<Report, 'findings'>) {
  return (
    <ul class="stacked">
      {findings.map(({ text }) => (
        <li key={text} lang="en">
          <Badge tone="warn">!</Badge> {text}
        </li>
      ))}
    </ul>
  );
}

const share = (value: number | null): string => (value === null ? '–' : percent(value, 1));

type Compared = Report['performance']['auc'];

/** A figure with what chance does to its gap, or that there are too few rows for one. */
function comparedRow(
  name: string,
  { live, bundle, gap, gap_noise, live_count }: Compared,
  shown: (value: number | null) => string,
) {
  const isFew = live !== null && gap_noise === null;
  const gapText = gap === null || gap_noise === null ? '–' : `${signed(100 * gap, 1)} ± ${percent(gap_noise, 1)}`;
  const liveText = isFew ? `${shown(live)} · ${t('app.tooFew')}` : shown(live);
  return { name, live: liveText, bundle: shown(bundle), gap: gapText, count: live_count };
}

function LiveAgainstBacktest({ auc, win_rate, groups = {}, pass_rate, risk_streak }: Report['performance']) {
  const aucText = (value: number | null): string => num(value, 3);
  const rows = [
    comparedRow(t('monitor.auc'), auc, aucText),
    comparedRow(t('monitor.winRate'), win_rate, share),
    ...Object.entries(groups).flatMap(([group, own]) => [
      comparedRow(`${group}: ${t('monitor.auc')}`, own.auc, aucText),
      comparedRow(`${group}: ${t('monitor.winRate')}`, own.win_rate, share),
    ]),
    { name: t('monitor.passRate'), live: share(pass_rate.live), bundle: '–', gap: '–', count: null },
    {
      name: t('monitor.streak'),
      live: `${risk_streak.blocks} / ${risk_streak.limit}`,
      bundle: '–',
      gap: '–',
      count: risk_streak.candidates,
    },
  ];
  const text = (key: 'live' | 'bundle' | 'gap', title: string): Column<(typeof rows)[number]> => ({
    key,
    title,
    isNumber: true,
    value: (row) => row[key],
    cell: (row) => row[key],
  });
  return (
    <Panel title={t('monitor.comparison')} wide>
      <Table
        name="live_against_backtest"
        label={t('monitor.comparison')}
        rows={rows}
        rowKey={({ name }) => name}
        empty="monitor.none"
        columns={[
          { key: 'name', title: '', value: ({ name }) => name, cell: ({ name }) => name },
          text('live', t('monitor.live')),
          text('bundle', t('monitor.bundle')),
          text('gap', t('monitor.gap')),
          {
            key: 'count',
            title: t('monitor.rows'),
            isNumber: true,
            value: ({ count }) => count,
            cell: ({ count }) => num(count, 0),
          },
        ]}
      />
    </Panel>
  );
}

/** PSI below 0.1: stable; above 0.25: shifted. */
function level(psi: number): string {
  if (psi > 0.5) return 'loss-4';
  if (psi > 0.25) return 'loss-3';
  return psi > 0.1 ? 'loss-1' : '';
}

/** Features by subject, largest drift first. */
function Drift({ drift }: Pick<Report, 'drift'>) {
  const rows = [...(drift.features ?? [])].sort((a, b) => (b.psi ?? 0) - (a.psi ?? 0));
  const ids = Object.keys(rows[0]?.pairs ?? {});
  const labels = new Map(subjects.value.map(({ subject, label }) => [subject, label]));
  return (
    <Panel title={t('monitor.drift')} wide={rows.length > 0}>
      {rows.length === 0 ? (
        <Empty text={drift.skipped == null ? t('monitor.none') : codeText('skipped', drift.skipped)} />
      ) : (
        <Table
          name="drift"
          label={t('monitor.drift')}
          rows={rows}
          rowKey={({ name }) => name}
          empty="monitor.none"
          kind="heat small"
          columns={[
            {
              key: 'feature',
              title: t('why.feature'),
              value: ({ name }) => name,
              cell: ({ name }) => <span class="mono">{name}</span>,
            },
            psiColumn('all', t('monitor.all'), ({ psi }) => psi),
            ...ids.map((id) => psiColumn(id, labels.get(id) ?? id, ({ pairs }) => pairs[id]?.psi ?? null)),
          ]}
        />
      )}
    </Panel>
  );
}

type FeatureDrift = NonNullable<Report['drift']['features']>[number];

function psiColumn(key: string, title: string, of: (feature: FeatureDrift) => number | null): Column<FeatureDrift> {
  return {
    key,
    title,
    isNumber: true,
    value: of,
    tone: (feature) => level(of(feature) ?? 0),
    cell: (feature) => num(of(feature), 2),
  };
}

function Kpis({ kpi }: Pick<Report, 'kpi'>) {
  const labels = new Map(subjects.value.map(({ subject, label }) => [subject, label]));
  const rows = [{ id: '', ...kpi.total }, ...Object.entries(kpi.pairs).map(([id, own]) => ({ id, ...own }))];
  type Row = (typeof rows)[number];
  const number = (key: Figure, title: TextKey, shown: (value: number | null, row: Row) => string): Column<Row> => ({
    key,
    title: t(title),
    isNumber: true,
    value: (row) => row[key],
    cell: (row) => shown(row[key], row),
  });
  return (
    <Panel title={t('monitor.kpi')} wide>
      <Table
        name="kpi"
        label={t('monitor.kpi')}
        rows={rows}
        rowKey={({ id }) => id}
        empty="monitor.none"
        columns={[
          {
            key: 'subject',
            title: t('subject.choose'),
            value: ({ id }) => id,
            cell: ({ id }) =>
              id === '' ? (
                <strong>{t('monitor.all')}</strong>
              ) : (
                <a href={pathOf('subjects', id)}>{labels.get(id) ?? id}</a>
              ),
          },
          number('trades', 'models.trades', (value) => num(value, 0)),
          number('win_rate', 'monitor.winRate', (value, { trades }) => shareText(value, trades)),
          number('drawdown', 'monitor.drawdown', (value) => (value === null ? '–' : percent(value, 3))),
          number('candidates', 'monitor.judged', (value) => num(value, 0)),
          number('refusal_rate', 'monitor.refusalRate', (value, { candidates }) => shareText(value, candidates)),
        ]}
      />
    </Panel>
  );
}
