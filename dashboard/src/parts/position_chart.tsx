import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { api, type Signal, type SignalHistory, type Trade } from '../api.ts';
import { heldMs, openedAtMs, type TradedPosition } from '../charts/positions.ts';
import { PriceChart } from '../charts/prices.tsx';
import { spreadLevels } from '../charts/spread_levels.ts';
import { SeriesChart, type Mark } from '../charts/series.tsx';
import type { Range } from '../charts/window.ts';
import { duration, minuteOf, num, price, signed, moneyText } from '../format.ts';
import { hasOwnClock, status, subjects } from '../live.ts';
import { pathOf } from '../router.ts';
import { codeText, meaningText, t } from '../text/text.ts';
import { accountText } from './account_text.ts';
import { Empty, Failure, Panel, Table, useLoaded } from './basics.tsx';
import { MarkLegend } from './mark_legend.tsx';

/** Epoch seconds of the close of a signal's bar. */
function closeOf({ timestamp }: Signal): number {
  return Date.parse(timestamp) / 1000;
}

/** Bars beside a short position: minutes of a live market; a simulated one passes faster. */
const LEAST_LIVE_MS = 30 * 60_000;
const LEAST_SIMULATED_MS = 60_000;
const POINTS = 3000;

/** Both legs and the spread around a position, with its entry and exit, and its fills. */
export function PositionPanel({ own, onClose }: { readonly own: TradedPosition; readonly onClose: () => void }) {
  const { data, error } = useLoaded(() => read(own), own.key);
  const range = useMemo(() => signal<Range | null>(null), [own.key]);
  const [cursor, setCursor] = useState<number | null>(null);
  const subject = subjects.value.find((one) => one.subject === own.subject);
  const signals = data?.signals ?? [];
  const times = useMemo(() => signals.map(closeOf), [data]);
  const marks = useMemo(() => marksOf(own, signals), [data, own.closedMs]);
  const chart = {
    times,
    timesAre: 'chart.closed' as const,
    range,
    cursor,
    onHover: setCursor,
    onPick: setCursor,
    hasRightScale: true,
  };
  const openedMs = openedAtMs(own, hasOwnClock());
  const title = `${subject?.label ?? own.subject} · ${minuteOf(openedMs)}`;
  return (
    <Panel
      title={title}
      wide
      aside={
        <button type="button" class="button" onClick={onClose}>
          {t('backtests.close')}
        </button>
      }
    >
      {error !== null && <Failure error={error} />}
      <Facts own={own} />
      {data !== null && signals.length < 2 ? (
        <Empty text={t('trades.noHistory')} />
      ) : (
        <div class="charts">
          <MarkLegend isPair />
          <PriceChart symbols={subject?.symbols ?? own.subject.split('_')} signals={signals} marks={marks} {...chart} />
          <h3>{t('subject.spread')}</h3>
          <SeriesChart
            {...chart}
            label={t('subject.spread')}
            height={150}
            series={[{ name: 'z', tone: 'accent', values: signals.map(({ z_score }) => z_score ?? null) }]}
            {...spreadLevels(subject)}
            marks={marks}
          />
        </div>
      )}
      <Legs own={own} />
    </Panel>
  );
}

function read({ subject, openedMs, closedMs, opens }: TradedPosition): Promise<SignalHistory> {
  const firstMs = Math.min(openedMs, opens[0]?.signal_ms ?? openedMs);
  const lastMs = closedMs ?? Date.now();
  const least = status.value?.market === 'live' ? LEAST_LIVE_MS : LEAST_SIMULATED_MS;
  const beside = Math.max(lastMs - firstMs, least);
  const [from, to] = [firstMs - beside, lastMs + beside].map((ms) => new Date(ms).toISOString());
  return api.get('/api/signals/history', { query: { subject, from: from!, to: to!, points: POINTS } });
}

/** At the signals of entry and exit; an exit of the account's own is marked at the signal after it. */
function marksOf({ opens, closes, closedMs }: TradedPosition, signals: readonly Signal[]): Mark[] {
  const marks = signals.map((): Mark => null);
  const at = (id: string | undefined): number => signals.findIndex(({ signal_id }) => signal_id === id);
  const entered = at(opens[0]?.signal_id);
  if (entered >= 0) marks[entered] = opens.find(({ leg }) => leg === 'A')?.side === 'BUY' ? 'buy' : 'sell';
  if (closedMs === null) return marks;
  const last = closes.at(-1)!;
  const own = last.signal_id === last.position_id ? -1 : at(last.signal_id);
  const left = own >= 0 ? own : signals.findIndex(({ generated_at_ms }) => generated_at_ms >= closedMs);
  if (left >= 0) marks[left] = 'exit';
  return marks;
}

function Facts({ own }: { readonly own: TradedPosition }) {
  const close = own.closes.at(-1);
  const fact = (name: string, value: ComponentChildren) => (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
  return (
    <dl class="inline">
      {fact(t('trades.pnl'), own.closes.length === 0 ? t('trades.open') : moneyText(own.money))}
      {fact(
        t('policy.reason'),
        close === undefined ? '–' : `${codeText('reason', own.reason)}: ${meaningText('pair', own.reason)}`,
      )}
      {fact(t('trades.held'), duration(heldMs(own, hasOwnClock(), Date.now())))}
      {fact(
        t('models.version'),
        <a class="mono" href={pathOf('models')}>
          {own.model === '' ? '–' : own.model}
        </a>,
      )}
      {fact('signal_id', <code>{own.positionId}</code>)}
      {fact(t('trades.slippage'), signed(own.slippageBps))}
      {fact(t('trades.account'), accountText(own.account, own.accountId))}
    </dl>
  );
}

/** A paper account has no contract sizes: the value of a leg in its money. Others trade the broker's lots. */
export function sizeText(fill: Pick<Trade, 'account' | 'lots' | 'filled_price' | 'currency'>): string {
  const { account, lots, filled_price, currency } = fill;
  if (lots === null || filled_price === null) return '';
  if (account !== 'paper') return t('trades.brokerLots', { size: num(lots) });
  return `${num(lots * filled_price)} ${currency}`;
}

function Legs({ own }: { readonly own: TradedPosition }) {
  return (
    <Table
      name={`position_${own.positionId.slice(0, 8)}`}
      label={t('trades.title')}
      rows={[...own.opens, ...own.closes]}
      rowKey={({ fill_key }) => fill_key}
      empty="trades.none"
      columns={[
        {
          key: 'kind',
          title: t('trades.kind'),
          value: ({ kind }) => kind,
          cell: ({ kind }) => codeText('fill.kind', kind),
        },
        { key: 'symbol', title: t('data.symbol'), value: ({ symbol }) => symbol, cell: ({ symbol }) => symbol },
        {
          key: 'side',
          title: t('trades.side'),
          value: ({ side }) => side,
          cell: ({ side }) => codeText('fill.side', side),
        },
        {
          key: 'size',
          title: t('trades.lots'),
          isNumber: true,
          value: ({ lots }) => lots,
          cell: sizeText,
        },
        {
          key: 'requested',
          title: t('trades.requested'),
          isNumber: true,
          value: ({ requested_price }) => requested_price,
          cell: ({ requested_price }) => price(requested_price),
        },
        {
          key: 'price',
          title: t('trades.price'),
          isNumber: true,
          value: ({ filled_price }) => filled_price,
          cell: ({ filled_price }) => price(filled_price),
        },
        {
          key: 'slippage',
          title: t('trades.slippage'),
          isNumber: true,
          value: ({ slippage_bps }) => slippage_bps,
          cell: ({ slippage_bps }) => signed(slippage_bps),
        },
        {
          key: 'pnl',
          title: t('trades.pnl'),
          isNumber: true,
          value: ({ pnl }) => pnl,
          cell: ({ pnl, currency }) => (pnl === null ? '' : `${signed(pnl)} ${currency}`),
        },
        {
          key: 'signal',
          title: 'signal_id',
          value: ({ signal_id }) => signal_id,
          cell: ({ signal_id }) => <code>{signal_id.slice(0, 12)}…</code>,
        },
      ]}
    />
  );
}
