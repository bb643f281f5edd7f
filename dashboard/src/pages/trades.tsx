import { useMemo } from 'preact/hooks';
import { api, type Trade } from '../api.ts';
import { fillBarOf, heldMs, openedAtMs, positionsOf, type TradedPosition } from '../charts/positions.ts';
import { duration, microseconds, minuteOf, num, price, signed, moneyText } from '../format.ts';
import { hasOwnClock, nowMs, status, subjects } from '../live.ts';
import { accountText } from '../parts/account_text.ts';
import { Failure, Panel, Table, useLoaded, type Column } from '../parts/basics.tsx';
import { NameUnknown } from '../parts/unknown_name.tsx';
import { named } from '../named.ts';
import { NoTrades } from '../parts/no_trades.tsx';
import { PositionPanel, sizeText } from '../parts/position_chart.tsx';
import { Segments } from '../parts/segments.tsx';
import { pathOf, place, setQuery } from '../router.ts';
import { codeText, t } from '../text/text.ts';

const READ_MS = 5000;
const LIMIT = 1000;

/** Positions with their entry and exit on a chart, and all fills. */
export default function TradesPage() {
  const { data, error } = useLoaded(
    () => api.get('/api/trades', { query: { limit: LIMIT } }),
    String(Math.floor(nowMs.value / READ_MS)),
  );
  const all = useMemo(() => positionsOf(data?.trades ?? []), [data]);
  const accounts = accountsOf(data?.trades ?? []);
  const account = named(place.value.query.get('account'), accounts);
  const isWanted = (id: string): boolean => account.kind !== 'known' || id === account.name;
  const positions = all.filter(({ accountId }) => isWanted(accountId));
  const trades = (data?.trades ?? []).filter(({ account_id }) => isWanted(account_id));
  const asked = place.value.query.get('position');
  const ids = positions.map(({ positionId }) => positionId);
  const own = named(asked, ids);
  const shown = own.kind === 'known' ? positions.find(({ positionId }) => positionId === own.name) : undefined;
  const isEmpty = data !== null && data.trades.length === 0;
  return (
    <>
      {error !== null && <Failure error={error} />}
      {status.value?.market === 'simulated' && (
        <p class="notice" role="note">
          <strong>{t('app.simulated')}</strong> {t('performance.simulated')}
        </p>
      )}
      {isEmpty && <NoTrades hasAccount={false} />}
      {account.kind === 'unknown' && data !== null && (
        <NameUnknown
          text="unknown.accountAll"
          own={account}
          known={accounts}
          pathTo={(id) => `${pathOf('trades')}?account=${encodeURIComponent(id)}`}
        />
      )}
      {accounts.length > 1 && <Accounts ids={accounts} chosen={account.kind === 'known' ? account.name : ''} />}
      {own.kind === 'unknown' && data !== null && (
        <NameUnknown
          text="unknown.position"
          own={own}
          known={ids}
          pathTo={(id) => `${pathOf('trades')}?position=${encodeURIComponent(id)}`}
        />
      )}
      {shown !== undefined && <PositionPanel own={shown} onClose={() => setQuery('position', '')} />}
      {!isEmpty && (
        <Panel title={t('trades.positions')} wide>
          <Table
            name="positions"
            label={t('trades.positions')}
            rows={data === null ? undefined : positions.slice(0, SHOWN)}
            error={error}
            saved={positions}
            columns={positionColumns(accounts.length > 1)}
            rowKey={({ key }) => key}
            empty="performance.noneClosed"
          />
        </Panel>
      )}
      {!isEmpty && (
        <Panel title={t('trades.title')} wide>
          <Table
            name="trades"
            label={t('trades.title')}
            rows={data === null ? undefined : trades.slice(0, SHOWN)}
            error={error}
            saved={trades}
            columns={columnsOf()}
            rowKey={({ fill_key }) => fill_key}
            empty="trades.none"
          />
          {trades.some(({ account }) => account === 'paper') && <p class="note">{t('trades.paper')}</p>}
          {trades.length > SHOWN && (
            <p class="note">{t('trades.shown', { shown: SHOWN, all: num(trades.length, 0) })}</p>
          )}
        </Panel>
      )}
    </>
  );
}

/** Rows of a table; its CSV has all that were read. */
const SHOWN = 100;

/** Accounts on paper follow the same signals: their positions and results are of the same entries. */
function Accounts({ ids, chosen }: { readonly ids: readonly string[]; readonly chosen: string }) {
  return (
    <div class="page-head">
      <Segments
        label={t('trades.account')}
        values={['', ...ids]}
        chosen={chosen}
        textOf={(id) => (id === '' ? t('trades.allAccounts') : id)}
        onChoose={(id) => setQuery('account', id)}
        wrap
      />
    </div>
  );
}

function accountsOf(trades: readonly Trade[]): string[] {
  return [...new Set(trades.map(({ account_id }) => account_id))].sort();
}

function show({ positionId, accountId }: TradedPosition, isOneOfSeveral: boolean): void {
  // The same entry has the same name on each account.
  if (isOneOfSeveral) setQuery('account', accountId);
  setQuery('position', positionId);
  scrollTo(0, 0);
}

function positionColumns(hasSeveral: boolean): Column<TradedPosition>[] {
  const labels = new Map(subjects.value.map(({ subject, label }) => [subject, label]));
  const isSimulated = hasOwnClock();
  const opened = (row: TradedPosition): number => openedAtMs(row, isSimulated);
  return [
    {
      key: 'opened',
      title: t('trades.opened'),
      value: (row) => new Date(opened(row)).toISOString(),
      cell: (row) => (
        <button type="button" class="link shown" onClick={() => show(row, hasSeveral)}>
          {minuteOf(opened(row))}
        </button>
      ),
    },
    // The first columns are those that a phone shows.
    {
      key: 'pnl',
      title: t('trades.pnl'),
      isNumber: true,
      tone: ({ pnl, closedMs }) => (closedMs === null || pnl === null || pnl === 0 ? '' : pnl > 0 ? 'good' : 'bad'),
      value: ({ pnl, closedMs }) => (closedMs === null ? null : pnl),
      cell: ({ money, closedMs }) => (closedMs === null ? t('trades.open') : moneyText(money)),
    },
    {
      key: 'subject',
      title: t('subject.choose'),
      value: ({ subject }) => subject,
      cell: ({ subject }) => labels.get(subject) ?? subject,
    },
    {
      key: 'reason',
      title: t('policy.reason'),
      value: ({ reason }) => reason,
      cell: ({ reason }) => codeText('reason', reason),
    },
    {
      key: 'held_ms',
      title: t('trades.held'),
      isNumber: true,
      value: (row) => heldMs(row, isSimulated, nowMs.value),
      cell: (row) => duration(heldMs(row, isSimulated, nowMs.value)),
    },
    {
      key: 'slippage_bps',
      title: t('trades.slippage'),
      isNumber: true,
      value: ({ slippageBps }) => slippageBps,
      cell: ({ slippageBps }) => signed(slippageBps),
    },
    {
      key: 'model',
      title: t('models.version'),
      value: ({ model }) => model,
      cell: ({ model }) => <span class="mono">{model}</span>,
    },
    {
      key: 'account',
      title: t('trades.account'),
      value: ({ accountId }) => accountId,
      cell: ({ account, accountId }) => accountText(account, accountId),
    },
  ];
}

/** Of a market with its own clock by that, as on all pages: the close of the bar of the signal, where one says. */
function filledMs(trade: Trade): number | null {
  return hasOwnClock() ? fillBarOf(trade) : trade.time_ms;
}

const isoOf = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

function columnsOf(): Column<Trade>[] {
  const labels = new Map(subjects.value.map(({ subject, label }) => [subject, label]));
  const text = (key: 'kind' | 'symbol' | 'side', title: string): Column<Trade> => ({
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
      value: (row) => isoOf(filledMs(row)),
      cell: (row) => minuteOf(filledMs(row)),
    },
    // The first columns are those that a phone shows.
    text('kind', t('trades.kind')),
    number('pnl', t('trades.pnl'), (value, { currency }) => (value === null ? '' : `${signed(value)} ${currency}`)),
    {
      key: 'subject',
      title: t('subject.choose'),
      value: ({ pair_id }) => pair_id,
      cell: ({ pair_id }) => <a href={pathOf('subjects', pair_id)}>{labels.get(pair_id) ?? pair_id}</a>,
    },
    {
      key: 'reason',
      title: t('policy.reason'),
      value: ({ reason }) => reason,
      cell: ({ reason }) => codeText('reason', reason),
    },
    text('symbol', t('data.symbol')),
    text('side', t('trades.side')),
    number('lots', t('trades.lots'), (_, row) => sizeText(row)),
    number('filled_price', t('trades.price'), price),
    number('slippage_bps', t('trades.slippage'), (value) => signed(value)),
    number('latency_ms', t('trades.latency'), (value) => microseconds(value === null ? null : 1000 * value)),
    {
      key: 'account',
      title: t('trades.account'),
      value: ({ account_id }) => account_id,
      cell: ({ account, account_id }) => accountText(account, account_id),
    },
  ];
}
