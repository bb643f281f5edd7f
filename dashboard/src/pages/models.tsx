import { get, post, type CurrentModel, type Edge, type Gate, type Model } from '../api.ts';
import { compact, minuteOf, num, signed } from '../format.ts';
import { currentModel, readModels, session, subjects } from '../live.ts';
import {
  Badge,
  ConfirmedButton,
  Empty,
  Failure,
  Panel,
  Table,
  useLoaded,
  type Column,
  type Tone,
} from '../parts/basics.tsx';
import { pathOf } from '../router.ts';
import { codeText, t } from '../text/text.ts';

const TONES: Readonly<Record<string, Tone>> = {
  active: 'good',
  candidate: 'info',
  rejected: 'warn',
  archived: 'quiet',
};

export default function ModelsPage() {
  const current = currentModel.value;
  const { data, error, reload } = useLoaded(() => get<{ models: Model[] }>('/api/ml/models'), current?.version ?? '');
  const load = async (name: string): Promise<void> => {
    await post(`/api/ml/models/${encodeURIComponent(name)}/load`);
    await readModels();
    reload();
  };
  return (
    <>
      {error !== null && <Failure error={error} />}
      {current?.manifest ? <ActiveModels current={current} /> : <Empty text={t('models.none')} />}
      <Panel title={t('models.registry')} wide>
        <Table
          name="models"
          label={t('models.registry')}
          rows={data?.models ?? []}
          columns={columnsOf(current?.version ?? '', load)}
          rowKey={({ model_id }) => model_id}
          empty="models.none"
        />
      </Panel>
    </>
  );
}

function ActiveModels({ current }: { readonly current: CurrentModel }) {
  const manifest = current.manifest!;
  const { from, to, holdout_from } = manifest.period;
  const labels = new Map(subjects.value.map(({ subject, label }) => [subject, label]));
  const edges = Object.entries(manifest.edge).map(([subject, edge]) => ({ subject, ...edge }));
  const metrics = (['ai1', 'ai2', 'ai3'] as const).map((name) => ({ name, ...manifest.metrics[name].holdout }));
  return (
    <>
      <Panel
        title={`${t('models.active')} · ${current.version}`}
        aside={
          <Badge tone={current.is_signed === true ? 'good' : 'quiet'}>
            {t(current.is_signed === true ? 'models.signed' : 'models.unsigned')}
          </Badge>
        }
      >
        <p class="note">
          {manifest.engine.name} · θ1 {num(manifest.theta1)} · θ2 {num(manifest.theta2)}
        </p>
        <p class="note">
          {t('models.period', { from: minuteOf(from), to: minuteOf(to), holdout: minuteOf(holdout_from) })}
        </p>
        <h3>{t('models.metrics')}</h3>
        <Table
          name="metrics"
          label={t('models.metrics')}
          rows={metrics}
          rowKey={({ name }) => name}
          empty="models.none"
          columns={[
            {
              key: 'model',
              title: t('models.model'),
              value: ({ name }) => name,
              cell: ({ name }) => name.toUpperCase(),
            },
            ...(['auc', 'brier', 'brier_baseline', 'log_loss', 'ece'] as const).map((key) => ({
              key,
              title: key.replace('_', ' '),
              isNumber: true,
              value: (row: (typeof metrics)[number]) => row[key],
              cell: (row: (typeof metrics)[number]) => num(row[key], 4),
            })),
          ]}
        />
      </Panel>
      <Panel title={t('models.gates')}>
        <Table
          name="gates"
          label={t('models.gates')}
          rows={manifest.gates ?? []}
          rowKey={({ name }) => name}
          empty="models.none"
          columns={gateColumns()}
        />
      </Panel>
      <Panel title={t('models.edge')} wide>
        <Table
          name="edge"
          label={t('models.edge')}
          rows={edges}
          rowKey={({ subject }) => subject}
          empty="models.none"
          columns={edgeColumns(labels)}
        />
      </Panel>
    </>
  );
}

function gateColumns(): Column<Gate>[] {
  return [
    {
      key: 'passed',
      title: '',
      value: ({ passed }) => passed,
      cell: ({ passed }) => (
        <Badge tone={passed ? 'good' : 'bad'}>{t(passed ? 'models.passed' : 'models.failed')}</Badge>
      ),
    },
    {
      key: 'name',
      title: t('models.gate'),
      value: ({ name }) => name,
      cell: ({ name }) => <span class="mono">{name}</span>,
    },
    { key: 'seen', title: t('models.seen'), value: ({ seen }) => seen, cell: ({ seen }) => seen },
    { key: 'limit', title: t('models.limit'), value: ({ limit }) => limit, cell: ({ limit }) => limit },
  ];
}

type EdgeRow = Edge & { readonly subject: string };

function edgeColumns(labels: ReadonlyMap<string, string>): Column<EdgeRow>[] {
  const number = (key: keyof EdgeRow, title: string, shown: (value: number | null) => string): Column<EdgeRow> => ({
    key,
    title,
    isNumber: true,
    value: (row) => (row[key] as number | null | undefined) ?? null,
    cell: (row) => shown((row[key] as number | null | undefined) ?? null),
  });
  return [
    {
      key: 'subject',
      title: t('subject.choose'),
      value: ({ subject }) => subject,
      cell: ({ subject }) => <a href={pathOf('subjects', subject)}>{labels.get(subject) ?? subject}</a>,
    },
    {
      key: 'no_edge',
      title: t('models.verdict'),
      value: ({ no_edge }) => !no_edge,
      cell: ({ no_edge }) => <Badge tone={no_edge ? 'quiet' : 'good'}>{t(no_edge ? 'models.no' : 'models.yes')}</Badge>,
    },
    number('trades', t('models.trades'), (value) => num(value, 0)),
    number('mean_gross_bps', t('models.gross'), signed),
    number('mean_net_bps', t('models.net'), signed),
    number('lower_5_net_bps', t('models.lower'), signed),
    number('mean_cost_bps', t('subject.cost'), (value) => num(value)),
    number('break_even_cost_bps', t('models.breakEven'), (value) => compact(value)),
  ];
}

function columnsOf(active: string, load: (name: string) => Promise<void>): Column<Model>[] {
  const mayPromote = session.value?.role === 'approver';
  return [
    {
      key: 'model_id',
      title: t('models.version'),
      value: ({ model_id }) => model_id,
      cell: ({ model_id, is_active, is_previous, is_shadow }) => (
        <span class="mono">
          {model_id} {is_active && <Badge tone="good">{t('models.badge.active')}</Badge>}
          {is_previous && <Badge tone="quiet">{t('models.badge.previous')}</Badge>}
          {is_shadow && <Badge tone="info">{t('models.badge.shadow')}</Badge>}
        </span>
      ),
    },
    {
      key: 'status',
      title: t('models.state'),
      value: ({ status }) => status,
      cell: ({ status }) => <Badge tone={TONES[status] ?? 'quiet'}>{codeText('status', status)}</Badge>,
    },
    {
      key: 'created',
      title: t('models.created'),
      value: ({ created }) => created,
      cell: ({ created }) => minuteOf(created),
    },
    {
      key: 'adopted_at',
      title: t('models.adopted'),
      value: ({ adopted_at }) => adopted_at,
      cell: ({ adopted_at }) => minuteOf(adopted_at),
    },
    {
      key: 'reasons',
      title: t('models.reasons'),
      value: ({ reasons }) => reasons.join(' '),
      cell: ({ reasons }) => <span class="note">{reasons.join(' · ')}</span>,
    },
    {
      key: 'act',
      title: '',
      value: () => null,
      cell: ({ model_name, is_active, is_previous, removed_at }) =>
        mayPromote && !is_active && removed_at === null ? (
          <ConfirmedButton
            label={t(is_previous ? 'models.rollback' : 'models.promote')}
            question={t('models.confirm', { version: model_name, active })}
            act={() => load(model_name)}
          />
        ) : null,
    },
  ];
}
