import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { SeriesChart } from '../charts/series.tsx';
import { equityOf, monthsOf, summaryOf, together, type BacktestTrade } from '../charts/trades.ts';
import type { Range } from '../charts/window.ts';
import { minuteOf, num, signed } from '../format.ts';
import { codeText, t } from '../text/text.ts';
import { Panel, Table, type Column } from './basics.tsx';
import { levelOf } from './heat.ts';
import { shareText } from './share_text.ts';

/** A backtest with its trades in order of exit. */
export interface ShownBacktest {
  readonly name: string;
  readonly trades: readonly BacktestTrade[];
}

const TONES = ['accent', 'amber'] as const;

/** Equity, drawdown, months and trades of one backtest, or of two for comparison. */
export function BacktestView(props: {
  readonly shown: readonly ShownBacktest[];
  /** Between months and trades, in place of the summary. */
  readonly children?: ComponentChildren;
}) {
  const { shown } = props;
  const range = useMemo(() => signal<Range | null>(null), []);
  const [cursor, setCursor] = useState<number | null>(null);
  const lines = useMemo(() => {
    const curves = shown.map(({ trades }) => equityOf(trades));
    const of = (kind: 'equity' | 'drawdown') => {
      const { times, values } = together(curves, kind);
      return {
        times,
        series: shown.map(({ name }, i) => ({ name, tone: TONES[i]!, values: values[i]! })),
      };
    };
    return { equity: of('equity'), drawdown: of('drawdown') };
  }, [shown]);
  const chart = {
    times: lines.equity.times,
    timesAre: 'chart.exited' as const,
    range,
    cursor,
    onHover: setCursor,
    onPick: setCursor,
  };
  return (
    <>
      <Panel title={t('backtests.equity')} wide aside={<span class="note">{t('backtests.closed')}</span>}>
        <SeriesChart {...chart} label={t('backtests.equity')} height={220} series={lines.equity.series} />
        <h3>{t('backtests.drawdown')}</h3>
        <SeriesChart {...chart} label={t('backtests.drawdown')} height={110} series={lines.drawdown.series} />
      </Panel>
      {props.children === undefined && <Summary shown={shown} />}
      {shown.map((one) => (
        <Months key={one.name} backtest={one} />
      ))}
      {props.children}
      {shown.map((one) => (
        <Trades key={one.name} backtest={one} />
      ))}
    </>
  );
}

function Summary({ shown }: { readonly shown: readonly ShownBacktest[] }) {
  const rows = useMemo(() => shown.map(({ name, trades }) => ({ name, ...summaryOf(trades) })), [shown]);
  type Row = (typeof rows)[number];
  const number = (
    key: Exclude<keyof Row, 'name'>,
    title: string,
    text: (value: number | null, row: Row) => string,
  ): Column<Row> => ({
    key,
    title,
    isNumber: true,
    value: (row) => row[key],
    cell: (row) => text(row[key], row),
  });
  return (
    <Panel title={t('backtests.summary')} wide>
      <Table
        name="backtest_summary"
        label={t('backtests.summary')}
        rows={rows}
        rowKey={({ name }) => name}
        empty="backtests.none"
        columns={[
          { key: 'name', title: t('models.version'), value: ({ name }) => name, cell: ({ name }) => name },
          number('trades', t('models.trades'), (value) => num(value, 0)),
          number('net_bps', t('backtests.net'), (value) => signed(value, 1)),
          number('win_rate', t('monitor.winRate'), (value, { trades }) => shareText(value, trades)),
          number('mean_gross_bps', t('models.gross'), (value) => signed(value)),
          number('mean_cost_bps', t('subject.cost'), (value) => num(value)),
          number('mean_net_bps', t('models.net'), (value) => signed(value)),
          number('max_drawdown_bps', t('backtests.drawdown'), (value) => num(value, 1)),
        ]}
      />
    </Panel>
  );
}

function Months({ backtest: { name, trades } }: { readonly backtest: ShownBacktest }) {
  const { months, pairs, at } = useMemo(() => monthsOf(trades), [trades]);
  const full = Math.max(1, ...months.flatMap((month) => pairs.map((pair) => Math.abs(at(pair, month)?.net ?? 0))));
  const title = `${t('backtests.months')} · ${name}`;
  return (
    <Panel title={title} wide>
      <Table
        name={`months_${name}`}
        label={title}
        rows={['', ...pairs]}
        rowKey={(pair) => pair}
        empty="backtests.none"
        kind="heat"
        columns={[
          {
            key: 'subject',
            title: t('subject.choose'),
            value: (pair) => pair,
            cell: (pair) => (pair === '' ? <strong>{t('monitor.all')}</strong> : pair),
          },
          ...months.map((month): Column<string> => ({
            key: month,
            title: month,
            isNumber: true,
            tone: (pair) => levelOf(at(pair, month)?.net ?? null, full),
            value: (pair) => at(pair, month)?.net ?? null,
            cell: (pair) => {
              const found = at(pair, month);
              return found === null ? '' : `${signed(found.net, 1)} (${found.trades})`;
            },
          })),
        ]}
      />
    </Panel>
  );
}

const PAGE = 20;

function Trades({ backtest: { name, trades } }: { readonly backtest: ShownBacktest }) {
  const [page, setPage] = useState(0);
  const pages = Math.max(1, Math.ceil(trades.length / PAGE));
  const title = `${t('backtests.trades')} · ${name}`;
  const number = (
    key: 'position_scale' | 'gross_bps' | 'cost_bps' | 'swap_bps' | 'net_bps' | 'scaled_net_bps',
    text: string,
  ): Column<BacktestTrade> => ({
    key,
    title: text,
    isNumber: true,
    value: (row) => row[key],
    cell: (row) => num(row[key]),
  });
  return (
    <Panel
      title={title}
      wide
      aside={
        pages > 1 && (
          <span class="segments" role="group" aria-label={t('backtests.page')}>
            <button
              type="button"
              disabled={page === 0}
              onClick={() => setPage(page - 1)}
              aria-label={t('subject.earlier')}
            >
              ◀
            </button>
            <button type="button" disabled>{`${page + 1} / ${pages}`}</button>
            <button
              type="button"
              disabled={page + 1 >= pages}
              onClick={() => setPage(page + 1)}
              aria-label={t('subject.later')}
            >
              ▶
            </button>
          </span>
        )
      }
    >
      <Table
        name={`trades_${name}`}
        label={title}
        rows={trades.slice(page * PAGE, (page + 1) * PAGE)}
        saved={trades}
        rowKey={({ pair_id, entry_time }) => `${pair_id} ${entry_time}`}
        empty="backtests.none"
        columns={[
          {
            key: 'pair_id',
            title: t('subject.choose'),
            value: ({ pair_id }) => pair_id,
            cell: ({ pair_id }) => pair_id,
          },
          {
            key: 'side',
            title: t('trades.side'),
            value: ({ side }) => side,
            cell: ({ pair_id, side }) => t(sideText(pair_id.includes('_'), Number(side))),
          },
          {
            key: 'entry_time',
            title: t('backtests.entry'),
            value: ({ entry_time }) => entry_time,
            cell: ({ entry_time }) => minuteOf(entry_time),
          },
          {
            key: 'exit_time',
            title: t('backtests.exit'),
            value: ({ exit_time }) => exit_time,
            cell: ({ exit_time }) => minuteOf(exit_time),
          },
          {
            key: 'reason',
            title: t('policy.reason'),
            value: ({ reason }) => reason,
            cell: ({ reason }) => codeText('reason', reason),
          },
          number('position_scale', t('backtests.size')),
          number('gross_bps', t('models.gross')),
          number('cost_bps', t('subject.cost')),
          number('swap_bps', t('backtests.swap')),
          number('net_bps', t('models.net')),
          number('scaled_net_bps', t('backtests.netSized')),
        ]}
      />
    </Panel>
  );
}

/** An instrument has no leg A. */
function sideText(isPair: boolean, side: number) {
  if (isPair) return side > 0 ? 'tile.long' : 'tile.short';
  return side > 0 ? 'tile.longOne' : 'tile.shortOne';
}
