import { api, type Backtest } from '../api.ts';
import { minuteOf, num, percent, signed } from '../format.ts';
import { subjects } from '../live.ts';
import { Failure, Panel, Table, useLoaded, type Column } from '../parts/basics.tsx';
import { pathOf } from '../router.ts';
import { t } from '../text/text.ts';

/** The holdout backtests of all bundles, and the net result of each subject under each. */
export default function BacktestsPage() {
  const { data, error } = useLoaded(() => api.get('/api/backtests'), '');
  const rows = data?.backtests ?? [];
  return (
    <>
      {error !== null && <Failure error={error} />}
      <Panel title={t('backtests.title')} wide>
        <Table
          name="backtests"
          label={t('backtests.title')}
          rows={rows}
          columns={columnsOf()}
          rowKey={({ version }) => version}
          empty="backtests.none"
        />
      </Panel>
      {rows.length > 0 && <HeatMap rows={rows} />}
    </>
  );
}

function columnsOf(): Column<Backtest>[] {
  const number = (
    key: string,
    title: string,
    of: (row: Backtest) => number | null,
    shown: (value: number | null) => string,
  ): Column<Backtest> => ({
    key,
    title,
    isNumber: true,
    value: of,
    cell: (row) => shown(of(row)),
  });
  return [
    {
      key: 'version',
      title: t('models.version'),
      value: ({ version }) => version,
      cell: ({ version }) => <span class="mono">{version}</span>,
    },
    {
      key: 'created',
      title: t('models.created'),
      value: ({ created }) => created,
      cell: ({ created }) => minuteOf(created),
    },
    number('theta1', 'θ1', ({ theta1 }) => theta1, num),
    number('theta2', 'θ2', ({ theta2 }) => theta2, num),
    number(
      'trades',
      t('models.trades'),
      ({ holdout }) => holdout?.trades ?? null,
      (value) => num(value, 0),
    ),
    number(
      'win_rate',
      t('monitor.winRate'),
      ({ holdout }) => holdout?.win_rate ?? null,
      (value) => (value === null ? '–' : percent(value, 1)),
    ),
    number('mean_net_bps', t('models.net'), ({ holdout }) => holdout?.mean_net_bps ?? null, signed),
    number('net_sharpe', t('backtests.sharpe'), ({ holdout }) => holdout?.net_sharpe ?? null, num),
    number(
      'max_drawdown',
      t('monitor.drawdown'),
      ({ holdout }) => holdout?.max_drawdown ?? null,
      (value) => (value === null ? '–' : percent(value, 2)),
    ),
  ];
}

const SHOWN_BUNDLES = 12;
/** Net basis points per trade at full color. */
const FULL = 5;

function HeatMap({ rows }: { readonly rows: readonly Backtest[] }) {
  const shown = rows.slice(0, SHOWN_BUNDLES);
  const level = (net: number | null): string =>
    net === null ? '' : `${net < 0 ? 'loss' : 'gain'}-${Math.min(4, 1 + Math.floor((3.99 * Math.abs(net)) / FULL))}`;
  return (
    <Panel title={t('backtests.heat')} wide>
      <div class="scroll" tabIndex={0} role="region" aria-label={t('backtests.heat')}>
        <table class="heat">
          <thead>
            <tr>
              <th scope="col">{t('subject.choose')}</th>
              {shown.map(({ version }) => (
                <th key={version} scope="col" class="number mono">
                  {version}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {subjects.value.map(({ subject, label }) => (
              <tr key={subject}>
                <th scope="row">
                  <a href={pathOf('subjects', subject)}>{label}</a>
                </th>
                {shown.map(({ version, edge }) => {
                  const net = edge[subject]?.mean_net_bps ?? null;
                  return (
                    <td key={version} class={`number ${level(net)}`}>
                      {net === null ? '' : `${signed(net)} (${num(edge[subject]!.trades, 0)})`}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
