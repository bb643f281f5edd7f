import { useMemo } from 'preact/hooks';
import { api, type StrategyDetail } from '../api.ts';
import type { BacktestTrade } from '../charts/trades.ts';
import { minuteOf, num, signed } from '../format.ts';
import { session } from '../live.ts';
import { language, t } from '../text/text.ts';
import { BacktestView } from './backtest_view.tsx';
import { ConfirmedButton, Failure, Loading, Panel, Table, useLoaded, type Column } from './basics.tsx';
import { frontColumns } from './front_columns.tsx';
import { Gates } from './model_comparison.tsx';
import { RuleShadow } from './rule_shadow.tsx';

type Period = NonNullable<StrategyDetail['periods']>['development'];

/** A kept rule: its sentence, why it was refused, its figures after costs, its trades, and where it comes from. */
export function RuleDetail({ version, onChange }: { readonly version: string; readonly onChange: () => void }) {
  const { data, error, reload } = useLoaded(() => api.get('/api/strategies/{version}', { path: { version } }), version);
  if (error !== null) return <Failure error={error} />;
  if (data === null) return <Loading />;
  const { manifest } = data;
  const { instrument, strategy, trials, seed, holdout_look: look, period, gates } = manifest;
  function changed(): void {
    reload();
    onChange();
  }
  return (
    <>
      <Panel
        title={`${strategy.name} · ${instrument}`}
        wide
        aside={
          session.value?.role === 'approver' && (
            <span class="actions-row">
              <ShadowButton detail={data} onChange={changed} />
              {!data.served && (
                <ConfirmedButton
                  label={t('strategies.rollout')}
                  question={t('strategies.confirmRollout', { version, instrument })}
                  canOverride
                  act={(reason) =>
                    api
                      .post('/api/ml/rollout', {
                        body: { model_name: version, despite_gates: reason !== '', reason },
                      })
                      .then(changed)
                  }
                />
              )}
              {!data.served && (
                <ConfirmedButton
                  label={t('strategies.promote')}
                  question={t('strategies.confirmPromote', { version, instrument })}
                  canOverride
                  act={(reason) =>
                    api
                      .post('/api/strategies/{version}/promote', {
                        path: { version },
                        body: { despite_gates: reason !== '', reason },
                      })
                      .then(changed)
                  }
                />
              )}
            </span>
          )
        }
      >
        <p>{data.sentence[language.value]}</p>
        <p class="note">
          {t('strategies.trials', { count: num(trials, 0), seed, look })} ·{' '}
          {t('strategies.period', {
            from: minuteOf(period.from),
            holdout: minuteOf(period.holdout_from),
            to: minuteOf(period.to),
          })}
        </p>
        <Gates a={{ version, manifest: { gates } }} b={null} />
        {data.periods !== null && <Figures periods={data.periods} />}
        {data.front.length > 0 && <Front detail={data} />}
        {data.lineage.length > 0 && (
          <details>
            <summary>{t('strategies.lineage')}</summary>
            <ol>
              {data.lineage.map((sentence, i) => (
                <li key={i}>{sentence[language.value]}</li>
              ))}
            </ol>
          </details>
        )}
      </Panel>
      {data.shadow && <RuleShadow key={version} instrument={instrument} />}
      {data.trades.length > 0 && <Trades detail={data} />}
    </>
  );
}

/** Begins or ends the shadow of a rule. */
function ShadowButton({ detail, onChange }: { readonly detail: StrategyDetail; readonly onChange: () => void }) {
  const { version, shadow, manifest } = detail;
  const { instrument } = manifest;
  if (shadow)
    return (
      <ConfirmedButton
        tone="danger"
        label={t('strategies.endShadow')}
        question={t('strategies.confirmEndShadow', { version, instrument })}
        act={() => api.post('/api/strategies/end-shadow', { body: { instrument } }).then(onChange)}
      />
    );
  return (
    <ConfirmedButton
      label={t('strategies.setShadow')}
      question={t('strategies.confirmShadow', { version, instrument })}
      act={() => api.post('/api/strategies/{version}/shadow', { path: { version } }).then(onChange)}
    />
  );
}

function Figures({ periods }: { readonly periods: NonNullable<StrategyDetail['periods']> }) {
  const bps = (key: Exclude<keyof Period, 'trades'>, title: string): Column<'development' | 'holdout'> => ({
    key,
    title,
    isNumber: true,
    value: (part) => periods[part][key],
    cell: (part) => signed(periods[part][key], 1),
  });
  return (
    <>
      <h3>{t('strategies.figures')}</h3>
      <Table
        name="rule_figures"
        label={t('strategies.figures')}
        rows={['development', 'holdout'] as const}
        rowKey={(part) => part}
        empty="strategies.none"
        columns={[
          {
            key: 'part',
            title: t('strategies.part'),
            value: (part) => part,
            cell: (part) => t(`strategies.${part}`),
          },
          {
            key: 'trades',
            title: t('models.trades'),
            isNumber: true,
            value: (part) => periods[part].trades,
            cell: (part) => num(periods[part].trades, 0),
          },
          bps('net_bps', t('strategies.net')),
          bps('one_bar_later_net_bps', t('strategies.later')),
          bps('series_one_bar_later_net_bps', t('strategies.seriesLater')),
          bps('doubled_costs_net_bps', t('strategies.doubled')),
        ]}
      />
    </>
  );
}

function Front({ detail: { front } }: { readonly detail: StrategyDetail }) {
  const text = language.value;
  return (
    <>
      <h3>{t('strategies.front')}</h3>
      <Table
        name="rule_front"
        label={t('strategies.front')}
        rows={front}
        rowKey={({ sentence }) => sentence.en}
        empty="strategies.none"
        columns={[
          {
            key: 'rule',
            title: t('strategies.rule'),
            value: ({ sentence }) => sentence[text],
            cell: ({ sentence }) => <span class="prose">{sentence[text]}</span>,
          },
          ...frontColumns(),
        ]}
      />
    </>
  );
}

function Trades({ detail: { version, manifest, trades } }: { readonly detail: StrategyDetail }) {
  const shown = useMemo(() => {
    const own = trades.map((trade): BacktestTrade => ({
      ...trade,
      model_version: version,
      pair_id: manifest.instrument,
      side: String(trade.side),
      position_scale: 1,
      scaled_net_bps: trade.net_bps,
    }));
    return [{ name: manifest.strategy.name, trades: own }];
  }, [version, trades]);
  return <BacktestView shown={shown} />;
}
