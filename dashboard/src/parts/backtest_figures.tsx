import type { BacktestResult } from '../api.ts';
import { riskRefusal } from '../../../shared/strategies/pair_reversion/risk_refusal.ts';
import { num, percent, signed } from '../format.ts';
import { codeText, t } from '../text/text.ts';
import { Panel, Table, type Column } from './basics.tsx';
import { shareText } from './share_text.ts';
import { sharpeNote, sharpeValue } from './sharpe.ts';

type Bundle = NonNullable<BacktestResult['figures']>['bundles'][number];
type View = Bundle['all_pairs'];

interface Shown {
  readonly name: string;
  readonly view: View;
}

interface Figure {
  readonly key: string;
  readonly title: string;
  readonly of: (view: View, bundle: Bundle) => number | null;
  readonly text: (value: number | null, view: View) => string;
  /** Shown with its bounds or its error, which a difference does not have. */
  readonly isRange?: boolean;
}

/** Candidates that AI2 judged. */
function judgedOf({ candidates, refusals }: View): number {
  const entered = Object.values(refusals).reduce((left, count) => left - count, candidates);
  return riskRefusal(refusals, entered).judged;
}

const share = (value: number | null): string => (value === null ? '–' : percent(value, 1));
const fine = (value: number | null): string => (value === null ? '–' : percent(value, 3));
const whole = (value: number | null): string => num(value, 0);
const plain = (value: number | null): string => num(value);
const plus = (value: number | null): string => signed(value);

function figures(): Figure[] {
  return [
    { key: 'theta1', title: 'θ1', of: (_view, { theta1 }) => theta1, text: plain },
    { key: 'theta2', title: 'θ2', of: (_view, { theta2 }) => theta2, text: plain },
    { key: 'trades', title: t('models.trades'), of: ({ trades }) => trades, text: whole },
    {
      key: 'win_rate',
      title: t('monitor.winRate'),
      of: ({ win_rate }) => win_rate,
      text: (value, { trades }) => shareText(value, trades),
      isRange: true,
    },
    { key: 'net_return', title: t('backtests.netReturn'), of: ({ net_return }) => net_return, text: fine },
    { key: 'gross_return', title: t('backtests.grossReturn'), of: ({ gross_return }) => gross_return, text: fine },
    {
      key: 'mean_net_bps_full_size',
      title: t('models.net'),
      of: ({ mean_net_bps_full_size }) => mean_net_bps_full_size,
      text: plus,
    },
    { key: 'mean_net_bps', title: t('backtests.netSized'), of: ({ mean_net_bps }) => mean_net_bps, text: plus },
    { key: 'mean_gross_bps', title: t('backtests.grossSized'), of: ({ mean_gross_bps }) => mean_gross_bps, text: plus },
    { key: 'mean_cost_bps', title: t('backtests.costSized'), of: ({ mean_cost_bps }) => mean_cost_bps, text: plain },
    { key: 'mean_swap_bps', title: t('backtests.swapSized'), of: ({ mean_swap_bps }) => mean_swap_bps, text: plain },
    {
      key: 'lower_5_net_bps',
      title: t('backtests.interval'),
      of: ({ lower_5_net_bps }) => lower_5_net_bps,
      text: (_value, { lower_5_net_bps: low, upper_95_net_bps: high }) =>
        low === null || high === null ? t('backtests.fewTrades') : `${signed(low)} … ${signed(high)}`,
      isRange: true,
    },
    {
      key: 'net_sharpe',
      title: t('backtests.sharpe'),
      of: ({ sharpe }) => sharpe.value,
      text: (_value, { sharpe }) => (sharpe.value === null ? sharpeNote(sharpe) : sharpeValue(sharpe)),
      isRange: true,
    },
    { key: 'max_drawdown', title: t('monitor.drawdown'), of: ({ max_drawdown }) => max_drawdown, text: fine },
    { key: 'exposure', title: t('performance.inMarket'), of: ({ exposure }) => exposure, text: share },
    { key: 'turnover', title: t('performance.turnover'), of: ({ turnover }) => turnover, text: plain },
    { key: 'candidates', title: t('monitor.candidates'), of: ({ candidates }) => candidates, text: whole },
    {
      key: 'refusal_rate',
      title: t('monitor.refusalRate'),
      of: ({ refusal_rate }) => refusal_rate,
      text: (value, view) => shareText(value, judgedOf(view)),
      isRange: true,
    },
  ];
}

/** Figures of one backtest, or of two with what the second has more. */
export function FigureTable({ columns }: { readonly columns: readonly (Shown & { readonly bundle: Bundle })[] }) {
  const [first, second] = columns;
  const difference: Column<Figure> = {
    key: 'difference',
    title: t('models.difference'),
    isNumber: true,
    value: (row) => differenceOf(row, first, second),
    cell: (row) => {
      const more = differenceOf(row, first, second);
      if (more === null) return '–';
      const text = row.text(more, second!.view);
      return more > 0 && !text.startsWith('+') ? `+${text}` : text;
    },
  };
  return (
    <Table
      name="backtest_figures"
      label={t('backtests.figures')}
      rows={figures()}
      rowKey={({ key }) => key}
      empty="backtests.none"
      columns={[
        { key: 'figure', title: t('models.figure'), value: ({ key }) => key, cell: ({ title }) => title },
        ...columns.map(({ name, view, bundle }): Column<Figure> => ({
          key: name,
          title: name,
          isNumber: true,
          value: ({ of }) => of(view, bundle),
          cell: ({ of, text }) => text(of(view, bundle), view),
        })),
        ...(second === undefined ? [] : [difference]),
      ]}
    />
  );
}

function differenceOf(
  { of, isRange = false }: Figure,
  first: (Shown & { readonly bundle: Bundle }) | undefined,
  second: (Shown & { readonly bundle: Bundle }) | undefined,
): number | null {
  if (isRange || first === undefined || second === undefined) return null;
  const before = of(first.view, first.bundle);
  const after = of(second.view, second.bundle);
  return before === null || after === null ? null : after - before;
}

/** What the trades of a bundle claim, at the level of the look at these bars. */
export function Claims({ name, bundle }: { readonly name: string; readonly bundle: Bundle }) {
  const { edge, evaluation_look: look, edge_level: level } = bundle;
  if (edge === null || look === null || level === null) return null;
  const rows = [
    ...Object.entries(edge.pairs).map(([of, claim]) => ({ of, claim })),
    { of: t('backtests.all_pairs'), claim: edge.all_pairs },
    { of: t('backtests.edge_pairs'), claim: edge.edge_pairs },
  ];
  type Row = (typeof rows)[number];
  const number = (key: string, title: string, of: (claim: Row['claim']) => number | null, digits = 2): Column<Row> => ({
    key,
    title,
    isNumber: true,
    value: ({ claim }) => of(claim),
    cell: ({ claim }) => (digits === 0 || key === 'p_value' ? num(of(claim), digits) : signed(of(claim))),
  });
  return (
    <Panel title={`${t('backtests.claims')} · ${name}`} wide>
      <p>{t('backtests.look', { look: num(look, 0), level: String(Number(level.toPrecision(3))) })}</p>
      <Table
        name="backtest_claims"
        label={t('backtests.claims')}
        rows={rows}
        rowKey={({ of }) => of}
        empty="backtests.none"
        columns={[
          { key: 'of', title: t('backtests.pairs'), value: ({ of }) => of, cell: ({ of }) => of },
          {
            key: 'claim',
            title: t('backtests.claim'),
            value: ({ claim }) => (claim.no_edge ? 1 : 0),
            cell: ({ claim }) => (claim.no_edge ? 'NO_EDGE' : t('backtests.edge')),
          },
          number('trades', t('models.trades'), ({ trades }) => trades, 0),
          number('net_bps', t('models.net'), ({ net_bps }) => net_bps),
          number('lower_net_bps', t('models.lower'), ({ lower_net_bps }) => lower_net_bps),
          number('p_value', 'p', ({ p_value }) => p_value, 4),
        ]}
      />
    </Panel>
  );
}

/** Why trades ended and candidates were refused, the most frequent first. */
export function Counts({ columns }: { readonly columns: readonly Shown[] }) {
  return (
    <>
      {(['exits', 'refusals'] as const).map((kind) => (
        <Panel key={kind} title={t(`backtests.${kind}`)}>
          <Table
            name={`backtest_${kind}`}
            label={t(`backtests.${kind}`)}
            rows={reasonsOf(columns, kind)}
            rowKey={(reason) => reason}
            empty="backtests.noCounts"
            columns={[
              {
                key: 'reason',
                title: t('policy.reason'),
                value: (reason) => reason,
                cell: (reason) => codeText('reason', reason),
              },
              ...columns.map(({ name, view }): Column<string> => ({
                key: name,
                title: name,
                isNumber: true,
                value: (reason) => view[kind][reason] ?? 0,
                cell: (reason) => num(view[kind][reason] ?? 0, 0),
              })),
            ]}
          />
        </Panel>
      ))}
    </>
  );
}

function reasonsOf(columns: readonly Shown[], kind: 'exits' | 'refusals'): string[] {
  const sums = new Map<string, number>();
  for (const { view } of columns)
    for (const [reason, count] of Object.entries(view[kind])) sums.set(reason, (sums.get(reason) ?? 0) + count);
  return [...sums].sort(([, a], [, b]) => b - a).map(([reason]) => reason);
}
