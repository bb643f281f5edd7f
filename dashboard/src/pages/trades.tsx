import { api, type Trade } from '../api.ts';
import { microseconds, minuteOf, num, price, signed } from '../format.ts';
import { subjects } from '../live.ts';
import { Failure, Panel, Table, useLoaded, type Column } from '../parts/basics.tsx';
import { pathOf } from '../router.ts';
import { codeText, t } from '../text/text.ts';

export default function TradesPage() {
  const { data, error } = useLoaded(() => api.get('/api/trades', { query: { limit: 500 } }), '');
  return (
    <Panel title={t('trades.title')} wide>
      {error !== null && <Failure error={error} />}
      <Table
        name="trades"
        label={t('trades.title')}
        rows={data?.trades ?? []}
        columns={columnsOf()}
        rowKey={({ fill_key }) => fill_key}
        empty="trades.none"
      />
    </Panel>
  );
}

function columnsOf(): Column<Trade>[] {
  const labels = new Map(subjects.value.map(({ subject, label }) => [subject, label]));
  const text = (key: 'kind' | 'symbol' | 'side' | 'account', title: string): Column<Trade> => ({
    key,
    title,
    value: (row) => row[key],
    cell: (row) => codeText(`fill.${key}`, row[key]),
  });
  const number = (
    key: 'lots' | 'filled_price' | 'slippage_bps' | 'latency_ms' | 'pnl',
    title: string,
    shown: (value: number | null, row: Trade) => string,
  ): Column<Trade> => ({
    key,
    title,
    isNumber: true,
    value: (row) => row[key],
    cell: (row) => shown(row[key], row),
  });
  return [
    {
      key: 'time',
      title: t('trades.time'),
      value: ({ time_ms }) => new Date(time_ms).toISOString(),
      cell: ({ time_ms }) => minuteOf(time_ms),
    },
    {
      key: 'subject',
      title: t('subject.choose'),
      value: ({ pair_id }) => pair_id,
      cell: ({ pair_id }) => <a href={pathOf('subjects', pair_id)}>{labels.get(pair_id) ?? pair_id}</a>,
    },
    text('kind', t('trades.kind')),
    {
      key: 'reason',
      title: t('policy.reason'),
      value: ({ reason }) => reason,
      cell: ({ reason }) => codeText('reason', reason),
    },
    text('symbol', t('data.symbol')),
    text('side', t('trades.side')),
    number('lots', t('trades.lots'), (value, { account }) =>
      t(account === 'paper' ? 'trades.units' : 'trades.brokerLots', { size: num(value) }),
    ),
    number('filled_price', t('trades.price'), price),
    number('slippage_bps', t('trades.slippage'), (value) => signed(value)),
    number('latency_ms', t('trades.latency'), (value) => microseconds(value === null ? null : 1000 * value)),
    number('pnl', t('trades.pnl'), (value, { currency }) => (value === null ? '' : `${signed(value)} ${currency}`)),
    text('account', t('trades.account')),
  ];
}
