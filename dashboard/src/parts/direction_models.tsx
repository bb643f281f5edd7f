import { useState } from 'preact/hooks';
import { api, type DirectionMetrics, type DirectionModel } from '../api.ts';
import { minuteOf, num, percent, signed } from '../format.ts';
import { currentModel, session } from '../live.ts';
import { t } from '../text/text.ts';
import { ShadowButton } from './shadow_button.tsx';
import { Badge, ConfirmedButton, Failure, Loading, Panel, Table, useLoaded, type Column } from './basics.tsx';
import { TrainingWarnings } from './training_warnings.tsx';

type Change = (act: () => Promise<unknown>) => Promise<void>;

/** Bundles of the direction model: metrics, verification, promotion. */
export function DirectionModels() {
  const { data, error, reload } = useLoaded(
    () => api.get('/api/ml/direction-models'),
    currentModel.value?.version ?? '',
  );
  const [shown, setShown] = useState<string | null>(null);
  const models = data?.models ?? [];
  const change: Change = async (act) => {
    await act();
    reload();
  };
  const version = shown ?? models.find(({ is_active }) => is_active)?.model_id ?? models[0]?.model_id ?? null;
  const isReadable = models.some(({ model_id, error: code }) => model_id === version && code === null);
  return (
    <Panel title={t('direction.title')} wide>
      {error !== null && <Failure error={error} />}
      <Table
        name="direction_models"
        label={t('direction.title')}
        rows={data === null ? undefined : models}
        error={error}
        columns={columnsOf(setShown, change)}
        rowKey={({ model_id }) => model_id}
        empty="direction.none"
      />
      {version !== null && isReadable && <Detail version={version} />}
    </Panel>
  );
}

/** F1 above that of as many random answers, and its lower bound; a dash for earlier bundles. */
function f1Gain({ f1, f1_chance, f1_gain_lower = null }: DirectionMetrics): string {
  if (f1 === undefined || f1_chance === undefined) return num(null, 3);
  return `${signed(f1 - f1_chance, 3)} (≥ ${signed(f1_gain_lower, 3)})`;
}

function columnsOf(show: (version: string) => void, change: Change): Column<DirectionModel>[] {
  return [
    {
      key: 'model_id',
      title: t('models.version'),
      value: ({ model_id }) => model_id,
      cell: ({ model_id, is_active, is_previous, is_shadow, error }) => (
        <span class="mono">
          <button type="button" class="link" onClick={() => show(model_id)}>
            {model_id}
          </button>{' '}
          {is_active && <Badge tone="good">{t('models.badge.active')}</Badge>}
          {is_previous && <Badge tone="quiet">{t('models.badge.previous')}</Badge>}
          {is_shadow && <Badge tone="info">{t('models.badge.shadow')}</Badge>}
          {error !== null && <Badge tone="bad">{error}</Badge>}
        </span>
      ),
    },
    {
      key: 'timeframe',
      title: t('direction.timeframe'),
      value: ({ timeframe }) => timeframe,
      cell: ({ timeframe }) => timeframe,
    },
    {
      key: 'created',
      title: t('models.created'),
      value: ({ created }) => created,
      cell: ({ created }) => minuteOf(created),
    },
    {
      key: 'instruments',
      title: t('direction.instruments'),
      value: ({ instruments }) => instruments.join(' '),
      cell: ({ instruments }) => instruments.join(', '),
    },
    {
      key: 'with_edge',
      title: t('direction.withEdge'),
      value: ({ with_edge }) => with_edge.join(' '),
      cell: ({ with_edge }) => (with_edge.length === 0 ? t('models.no') : with_edge.join(', ')),
    },
    {
      key: 'act',
      title: t('app.actions'),
      value: () => null,
      cell: (model) => (model.error === null ? <Actions model={model} change={change} /> : null),
    },
  ];
}

function Actions({ model, change }: { readonly model: DirectionModel; readonly change: Change }) {
  const { model_id: version, timeframe, is_active, is_previous, is_shadow } = model;
  const path = { model_name: version };
  const [verified, setVerified] = useState('');
  const verify = async (): Promise<void> => {
    const { rows, largest_difference, engine } = await api.post('/api/ml/direction-models/{model_name}/verify', {
      path,
    });
    setVerified(t('direction.verified', { rows, difference: largest_difference.toExponential(1), engine }));
  };
  return (
    <span class="actions-row">
      {session.value?.role === 'approver' && !is_active && (
        <ConfirmedButton
          label={t(is_previous ? 'models.rollback' : 'models.promote')}
          question={t('direction.confirm', { version, timeframe })}
          evidence={() => <Detail version={version} />}
          canOverride
          act={(reason) =>
            change(() =>
              api.post('/api/ml/direction-models/{model_name}/load', {
                path,
                body: { despite_gates: reason !== '', reason },
              }),
            )
          }
        />
      )}{' '}
      {session.value?.role !== 'viewer' && (
        <ConfirmedButton
          label={t('direction.verify')}
          question={t('direction.confirmVerify', { version })}
          act={verify}
        />
      )}{' '}
      {session.value?.role === 'approver' && !is_active && (
        <ShadowButton version={version} timeframe={timeframe} isShadow={is_shadow} change={change} />
      )}{' '}
      <span class="note" role="status">
        {verified}
      </span>
    </span>
  );
}

/** Walk-forward figures, rules and card of a bundle. */
function Detail({ version }: { readonly version: string }) {
  const { data, error } = useLoaded(
    () => api.get('/api/ml/direction-models/{model_name}', { path: { model_name: version } }),
    version,
  );
  if (error !== null) return <Failure error={error} />;
  if (data === null) return <Loading />;
  const { metrics, strategy, engine, period, warnings } = data.manifest;
  const facts: [string, string][] = [
    [t('direction.logLoss'), num(metrics.log_loss, 4)],
    [t('direction.prior'), num(metrics.log_loss_prior, 4)],
    [t('direction.brier'), num(metrics.brier, 4)],
    [t('direction.ece'), num(metrics.class_wise_ece, 4)],
    [t('direction.auc'), metrics.auc.map((auc) => num(auc, 3)).join(' / ')],
    [t('direction.upOrDown'), num(metrics.up_or_down_auc, 3)],
    [t('direction.f1'), num(metrics.f1 ?? null, 3)],
    [t('direction.f1Gain'), f1Gain(metrics)],
    [
      t('direction.net'),
      `${signed(metrics.net_bps, 1)} (${signed(metrics.lower_5_net_bps, 1)} … ${signed(metrics.upper_95_net_bps, 1)})`,
    ],
    [t('models.trades'), num(metrics.trades, 0)],
  ];
  return (
    <div class="direction-detail">
      <h3 class="mono">{version}</h3>
      <p class="note">
        {t('direction.trained', { engine: engine.name, from: minuteOf(period.from), to: minuteOf(period.to) })} ·{' '}
        {t(data.is_signed ? 'models.signed' : 'models.unsigned')}
      </p>
      <TrainingWarnings warnings={warnings} />
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p>
        {t('direction.rules', {
          up: num(strategy.theta_up),
          down: num(strategy.theta_down),
          stop: percent(strategy.stop, 1),
          target: percent(strategy.target, 1),
          bars: strategy.max_age_bars,
        })}
      </p>
      <details>
        <summary>{t('models.card')}</summary>
        <pre class="card">{data.card}</pre>
      </details>
    </div>
  );
}
