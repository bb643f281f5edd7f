import { signal } from '@preact/signals';
import { useMemo, useState } from 'preact/hooks';
import { api, type AccountPerformance, type Performance } from '../api.ts';
import { SeriesChart, type Series } from '../charts/series.tsx';
import type { Range } from '../charts/window.ts';
import { basisPoints, duration, minuteOf, num, percent, price, signed } from '../format.ts';
import { nowMs, subjects } from '../live.ts';
import { Empty, Failure, Loading, Panel, Table, useLoaded, type Column } from '../parts/basics.tsx';
import { Calendar } from '../parts/calendar.tsx';
import { NameUnknown } from '../parts/unknown_name.tsx';
import { named } from '../named.ts';
import { NoTrades } from '../parts/no_trades.tsx';
import { sharpeNote, sharpeValue } from '../parts/sharpe.ts';
import { Segments } from '../parts/segments.tsx';
import { pathOf, place, setQuery } from '../router.ts';
import { codeText, language, t } from '../text/text.ts';

const READ_MS = 5000;

/** What each account earned, net of costs, beside the backtest of its models. */
export default function PerformancePage() {
  const period = askedPeriod();
  const key = `${period.from ?? ''} ${period.to ?? ''} ${Math.floor(nowMs.value / READ_MS)}`;
  const { data, error } = useLoaded(() => api.get('/api/performance', { query: period }), key);
  if (data === null)
    return (
      <>
        {error !== null && <Period />}
        {error === null ? <Loading /> : <Failure error={error} />}
      </>
    );
  const isAsked = period.from !== undefined || period.to !== undefined;
  const asked = place.value.query.get('account');
  const ids = data.accounts.map(({ id }) => id);
  const account = named(asked, ids);
  const shown =
    data.accounts.find(({ id }) => account.kind === 'known' && id === account.name) ?? mostActive(data.accounts);
  return (
    <>
      {error !== null && <Failure error={error} />}
      {account.kind === 'unknown' && (
        <NameUnknown
          text="unknown.account"
          own={account}
          known={ids}
          pathTo={(id) => `${pathOf('performance')}?account=${encodeURIComponent(id)}`}
        />
      )}
      {data.is_simulated && <Simulated />}
      {isAsked && shown !== null && shown.opened + shown.closed === 0 && (
        <>
          <Period />
          <Empty text={t('performance.noneInPeriod')} />
        </>
      )}
      {!isAsked && (shown === null || shown.opened === 0) ? <NoTrades hasAccount={shown !== null} /> : null}
      {shown !== null && shown.opened + shown.closed > 0 && <Account data={data} own={shown} />}
    </>
  );
}

const DAY_MS = 86_400_000;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** The period that the address names by days of the market, both included; as the API takes it. */
function askedPeriod(): { readonly from?: string; readonly to?: string } {
  const from = dayOf('from');
  const through = dayOf('through');
  return {
    ...(from === null ? {} : { from: new Date(from).toISOString() }),
    ...(through === null ? {} : { to: new Date(through + DAY_MS).toISOString() }),
  };
}

function dayOf(name: 'from' | 'through'): number | null {
  const text = place.value.query.get(name) ?? '';
  const ms = DAY.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN;
  return Number.isNaN(ms) ? null : ms;
}

/** The days of which closed positions count. */
function Period() {
  const field = (name: 'from' | 'through') => (
    <label>
      {t(`performance.${name}`)}{' '}
      <input
        type="date"
        value={place.value.query.get(name) ?? ''}
        onChange={({ currentTarget }) => setQuery(name, currentTarget.value)}
      />
    </label>
  );
  return (
    <div class="period">
      {field('from')} {field('through')}
    </div>
  );
}

/** The one with the most closed positions. */
function mostActive(accounts: readonly AccountPerformance[]): AccountPerformance | null {
  return accounts.reduce<AccountPerformance | null>(
    (most, one) => (most === null || one.closed > most.closed ? one : most),
    null,
  );
}

function Simulated() {
  return (
    <p class="notice" role="note">
      <strong>{t('app.simulated')}</strong> {t('performance.simulated')}
    </p>
  );
}

function Account({ data, own }: { readonly data: Performance; readonly own: AccountPerformance }) {
  return (
    <>
      <div class="page-head">
        {data.accounts.length > 1 && (
          <Segments
            label={t('trades.account')}
            values={data.accounts.map(({ id }) => id)}
            chosen={own.id}
            textOf={(id) => id}
            onChoose={(id) => setQuery('account', id)}
            wrap
          />
        )}
        <span class="note">
          {own.first !== null && t('performance.period', { from: minuteOf(own.first), to: minuteOf(own.last) })}
        </span>
        <Period />
        <a
          class="link"
          href={`/api/performance?${csvQuery()}`}
          download={`performance_${data.market}.csv`}
          target="_self"
        >
          {t('performance.csv')}
        </a>
      </div>
      <Figures own={own} isSimulated={data.is_simulated} />
      {own.account === 'paper' && <p class="note">{t('trades.paper')}</p>}
      <Equity own={own} />
      <Expectation own={own} />
      {data.accounts.length > 1 && <Accounts accounts={data.accounts} />}
      <Open own={own} />
      <Panel title={t('performance.calendar')} wide>
        <Calendar days={own.days} currency={own.currency} />
        <p class="note">{t('performance.day')}</p>
      </Panel>
      <Group name="subject" title={t('performance.bySubject')} rows={own.by_subject} own={own} />
      <Group name="reason" title={t('performance.byReason')} rows={own.by_reason} own={own} />
      <Group name="hour" title={t('performance.byHour')} rows={own.by_hour} own={own} />
      <Exposure own={own} />
    </>
  );
}

const csvQuery = (): string => new URLSearchParams({ format: 'csv', ...askedPeriod() }).toString();

// ---- figures ----

const moneyOf = (value: number | null, currency: string): string =>
  value === null ? '–' : `${signed(value)} ${currency}`;
const plainMoney = (value: number | null, currency: string): string =>
  value === null ? '–' : `${num(value)} ${currency}`;
const shareOf = (value: number | null): string => (value === null ? '–' : percent(value, 1));
const toneOf = (value: number | null): string => (value === null || value === 0 ? '' : value > 0 ? 'good' : 'bad');

function Figures({ own, isSimulated }: { readonly own: AccountPerformance; readonly isSimulated: boolean }) {
  const { currency, costs, sharpe } = own;
  const tag = isSimulated ? t('performance.tag') : '';
  const figure = (label: string, value: string, note: string, tone = '') => (
    <div class="figure">
      <dt>{label}</dt>
      <dd>
        <span class={`value ${tone}`}>{value}</span>
        <span class="note" title={note}>
          {note}
        </span>
      </dd>
    </div>
  );
  return (
    <dl class="figures twelve">
      {figure(
        t('performance.net'),
        moneyOf(own.realised, currency),
        [
          t('performance.afterCosts'),
          tag,
          own.mixed_currencies === 0 ? '' : t('performance.mixed', { count: own.mixed_currencies }),
        ]
          .filter(Boolean)
          .join(' · '),
        toneOf(own.realised),
      )}
      {figure(
        t('performance.equity'),
        plainMoney(own.equity, currency),
        own.begun === null ? t('performance.begunUnknown') : t('performance.begun', { money: num(own.begun) }),
      )}
      {figure(
        t('performance.floating'),
        moneyOf(own.floating, currency),
        t(isPast(own) ? 'performance.openThen' : 'performance.openCount', { count: own.open_at_end }),
        toneOf(own.floating),
      )}
      {figure(
        t('monitor.winRate'),
        shareOf(own.win_rate),
        t('performance.ofClosed', { wins: num(own.wins, 0), closed: num(own.closed, 0) }),
      )}
      {figure(
        t('performance.meanWin'),
        `${moneyOf(own.mean_win, '').trim()} / ${moneyOf(own.mean_loss, '').trim()}`,
        own.profit_factor === null ? currency : t('performance.factor', { factor: num(own.profit_factor) }),
      )}
      {figure(
        t('monitor.drawdown'),
        plainMoney(own.max_drawdown === 0 ? 0 : -own.max_drawdown, currency),
        own.max_drawdown_share === null
          ? t('performance.closedOnly')
          : t('performance.ofPeak', { share: percent(own.max_drawdown_share, 2) }),
      )}
      {figure(
        t('performance.sharpe'),
        sharpeValue(sharpe),
        [sharpeNote(sharpe), sharpe.value === null ? '' : tag].filter(Boolean).join(' · '),
      )}
      {figure(
        t('performance.costs'),
        costs.total === null ? basisPoints(costs.mean_bps) : plainMoney(costs.total, currency),
        costs.total === null
          ? t('performance.perFill')
          : t('performance.costParts', { spread: num(costs.spread_and_slippage), commission: num(costs.commission) }),
      )}
      {figure(
        t('performance.perPosition'),
        basisPoints(own.mean_net_bps),
        own.expected_bps === null
          ? t('performance.noExpectation')
          : t('performance.expected', { bps: num(own.expected_bps) }),
        toneOf(own.mean_net_bps),
      )}
      {figure(t('performance.turnover'), plainMoney(own.turnover, currency), t('performance.turnoverNote'))}
      {figure(t('performance.inMarket'), shareOf(own.time_in_market), t('performance.inMarketNote'))}
      {figure(t('performance.refused'), num(own.refused, 0), t('performance.refusedNote'))}
    </dl>
  );
}

// ---- charts ----

/** The last point of each time: several positions may close with one bar. */
function lastOfEach<Point extends { readonly time: number }>(points: readonly Point[]): Point[] {
  return points.filter(({ time }, i) => points[i + 1]?.time !== time);
}

function useChart(timesAre: 'chart.exited' | 'chart.dayEnd') {
  const range = useMemo(() => signal<Range | null>(null), []);
  const [cursor, setCursor] = useState<number | null>(null);
  return { timesAre, range, cursor, onHover: setCursor, onPick: setCursor };
}

function Equity({ own }: { readonly own: AccountPerformance }) {
  const [isDaily, setDaily] = useState(false);
  const chart = useChart(isDaily ? 'chart.dayEnd' : 'chart.exited');
  const points = useMemo(() => {
    if (!isDaily) return lastOfEach(own.curve);
    return own.days.map(({ day, cumulative, drawdown }) => ({
      time: Date.parse(`${day}T22:00:00Z`) / 1000,
      net: cumulative,
      drawdown,
    }));
  }, [own, isDaily]);
  const times = points.map(({ time }) => time);
  const line = (name: string, tone: Series['tone'], values: readonly number[]): Series => ({
    name,
    tone,
    digits: 2,
    values,
  });
  return (
    <Panel
      title={t('performance.equityChart', { currency: own.currency })}
      wide
      aside={
        <Segments
          label={t('performance.step')}
          values={[false, true]}
          chosen={isDaily}
          textOf={(byDay) => t(byDay ? 'performance.byDay' : 'performance.byPosition')}
          onChoose={setDaily}
        />
      }
    >
      {points.length < 2 ? (
        <Empty text={t('performance.tooFew')} />
      ) : (
        <>
          <SeriesChart
            {...chart}
            times={times}
            label={t('performance.equityChart', { currency: own.currency })}
            height={220}
            series={[
              line(
                t('performance.net'),
                'accent',
                points.map(({ net }) => net),
              ),
            ]}
            lines={[{ value: 0, tone: 'muted' }]}
          />
          <h3>{t('monitor.drawdown')}</h3>
          <SeriesChart
            {...chart}
            times={times}
            label={t('monitor.drawdown')}
            height={110}
            series={[
              line(
                t('monitor.drawdown'),
                'red',
                points.map(({ drawdown }) => drawdown),
              ),
            ]}
          />
        </>
      )}
    </Panel>
  );
}

function Expectation({ own }: { readonly own: AccountPerformance }) {
  const chart = useChart('chart.exited');
  const points = useMemo(() => lastOfEach(own.curve).filter(({ net_bps }) => net_bps !== null), [own]);
  if (own.expected_positions === 0)
    return (
      <Panel title={t('performance.against')} wide>
        <Empty text={t('performance.noExpectationLong')} />
      </Panel>
    );
  const of = (key: 'net_bps' | 'expected_bps' | 'low_bps' | 'high_bps') => points.map((point) => point[key]);
  const series: Series[] = [
    { name: t('performance.account'), tone: 'accent', digits: 1, values: of('net_bps') },
    { name: t('monitor.bundle'), tone: 'violet', digits: 1, values: of('expected_bps') },
    { name: t('performance.low'), tone: 'muted', isDashed: true, digits: 1, values: of('low_bps') },
    { name: t('performance.high'), tone: 'muted', isDashed: true, digits: 1, values: of('high_bps') },
  ];
  return (
    <Panel title={t('performance.against')} wide>
      {points.length < 2 ? (
        <Empty text={t('performance.tooFew')} />
      ) : (
        <SeriesChart
          key={language.value}
          {...chart}
          times={points.map(({ time }) => time)}
          label={t('performance.against')}
          height={200}
          series={series}
          area={[3, 2]}
        />
      )}
      <p class="note">
        {t('performance.bandNote', { count: num(own.expected_positions, 0), closed: num(own.closed, 0) })}
      </p>
    </Panel>
  );
}

// ---- tables ----

function Accounts({ accounts }: { readonly accounts: readonly AccountPerformance[] }) {
  const number = (
    key: string,
    title: string,
    of: (row: AccountPerformance) => number | null,
    text: (value: number | null, row: AccountPerformance) => string,
  ): Column<AccountPerformance> => ({
    key,
    title,
    isNumber: true,
    value: of,
    cell: (row) => text(of(row), row),
  });
  return (
    <Panel title={t('performance.accounts')} wide>
      <Table
        name="performance_accounts"
        label={t('performance.accounts')}
        rows={accounts}
        rowKey={({ id }) => id}
        empty="trades.none"
        columns={[
          { key: 'account', title: t('trades.account'), value: ({ id }) => id, cell: ({ id }) => id },
          number(
            'closed',
            t('performance.closed'),
            ({ closed }) => closed,
            (value) => num(value, 0),
          ),
          number(
            'net',
            t('performance.net'),
            ({ realised }) => realised,
            (value, { currency }) => moneyOf(value, currency),
          ),
          number('win_rate', t('monitor.winRate'), ({ win_rate }) => win_rate, shareOf),
          number('mean_net_bps', t('performance.perPosition'), ({ mean_net_bps }) => mean_net_bps, basisPoints),
          number('expected_bps', t('monitor.bundle'), ({ expected_bps }) => expected_bps, basisPoints),
          number(
            'max_drawdown',
            t('monitor.drawdown'),
            ({ max_drawdown }) => max_drawdown,
            (value, { currency }) => plainMoney(value, currency),
          ),
          number(
            'slippage_bps',
            t('trades.slippage'),
            ({ costs }) => costs.slippage_bps,
            (value) => num(value),
          ),
        ]}
      />
    </Panel>
  );
}

function labelOf(subject: string): string {
  return subjects.value.find((one) => one.subject === subject)?.label ?? subject;
}

/** The period ended before now, with positions that were open then. */
const isPast = ({ open, open_at_end }: AccountPerformance): boolean => open.length !== open_at_end;

type OpenPosition = AccountPerformance['open'][number];

function Open({ own }: { readonly own: AccountPerformance }) {
  const side = (position: OpenPosition): string =>
    position.legs
      .map(({ side: way, size, symbol }) => `${codeText('fill.side', way)} ${num(size)} ${symbol}`)
      .join(', ');
  return (
    <Panel title={t('performance.open', { count: own.open.length })} wide>
      {isPast(own) && <p class="note">{t('performance.openThen', { count: own.open_at_end })}</p>}
      <Table
        name="performance_open"
        label={t('overview.positions')}
        rows={own.open}
        rowKey={({ position_id }) => position_id}
        empty="performance.noneOpen"
        columns={[
          {
            key: 'subject',
            title: t('subject.choose'),
            value: ({ subject }) => subject,
            cell: ({ subject }) => <a href={pathOf('subjects', subject)}>{labelOf(subject)}</a>,
          },
          {
            key: 'floating',
            title: t('performance.floating'),
            isNumber: true,
            tone: ({ floating, floating_bps }) => toneOf(floating ?? floating_bps),
            value: ({ floating }) => floating,
            cell: ({ floating, floating_bps }) =>
              floating === null
                ? basisPoints(floating_bps)
                : `${moneyOf(floating, own.currency)} (${num(floating_bps)} bp)`,
          },
          { key: 'legs', title: t('trades.side'), value: side, cell: side },
          {
            key: 'prices',
            title: t('performance.prices'),
            value: ({ legs }) => legs.map((leg) => `${leg.price} > ${leg.now ?? ''}`).join(' '),
            cell: ({ legs }) => legs.map((leg) => `${price(leg.price)} → ${price(leg.now)}`).join(', '),
          },
          {
            key: 'opened',
            title: t('performance.since'),
            value: ({ opened }) => opened,
            cell: ({ opened, opened_ms }) => `${minuteOf(opened)} (${duration(nowMs.value - opened_ms)})`,
          },
          {
            key: 'model',
            title: t('models.version'),
            value: ({ model_version }) => model_version,
            cell: ({ model_version }) => <span class="mono">{model_version ?? '–'}</span>,
          },
        ]}
      />
    </Panel>
  );
}

type Row = AccountPerformance['by_subject'][number];

function Group(props: {
  readonly name: 'subject' | 'reason' | 'hour';
  readonly title: string;
  readonly rows: readonly Row[];
  readonly own: AccountPerformance;
}) {
  const { name, title, own } = props;
  const rows = name === 'hour' ? props.rows : [...props.rows].sort((a, b) => b.net - a.net);
  const label = ({ key }: Row) => {
    if (name === 'subject') return <a href={pathOf('subjects', key)}>{labelOf(key)}</a>;
    return name === 'reason' ? codeText('reason', key) : `${key}:00`;
  };
  return (
    <Panel title={title} wide={name === 'subject'}>
      <Table
        name={`performance_by_${name}`}
        label={title}
        rows={rows}
        rowKey={({ key }) => key}
        empty="performance.noneClosed"
        columns={[
          {
            key: name,
            title: t(name === 'subject' ? 'subject.choose' : name === 'reason' ? 'policy.reason' : 'performance.hour'),
            value: ({ key }) => key,
            cell: label,
          },
          {
            key: 'net',
            title: t('performance.net'),
            isNumber: true,
            tone: ({ net }) => toneOf(net),
            value: ({ net }) => net,
            cell: ({ net }) => moneyOf(net, own.currency),
          },
          {
            key: 'closed',
            title: t('performance.closed'),
            isNumber: true,
            value: ({ closed }) => closed,
            cell: ({ closed }) => num(closed, 0),
          },
          {
            key: 'win_rate',
            title: t('monitor.winRate'),
            isNumber: true,
            value: ({ wins, closed }) => wins / closed,
            cell: ({ wins, closed }) => percent(wins / closed),
          },
          {
            key: 'mean_net_bps',
            title: t('performance.bp'),
            isNumber: true,
            value: ({ mean_net_bps }) => mean_net_bps,
            cell: ({ mean_net_bps }) => num(mean_net_bps),
          },
          ...(name === 'subject'
            ? [
                {
                  key: 'expected_bps',
                  title: t('performance.bpExpected'),
                  isNumber: true,
                  value: ({ expected_bps }: Row) => expected_bps,
                  cell: ({ expected_bps }: Row) => num(expected_bps),
                },
              ]
            : []),
        ]}
      />
    </Panel>
  );
}

function Exposure({ own: { exposure, currency } }: { readonly own: AccountPerformance }) {
  if (exposure.gross === null || exposure.gross === 0) return null;
  const rows = [
    ...exposure.by_currency.map((row) => ({ ...row, kind: 'currency' as const })),
    ...exposure.by_symbol.map((row) => ({ ...row, kind: 'symbol' as const })),
  ];
  return (
    <Panel
      title={t('performance.exposure')}
      aside={<span class="note">{t('performance.gross', { money: `${num(exposure.gross)} ${currency}` })}</span>}
    >
      <Table
        name="performance_exposure"
        label={t('performance.exposure')}
        rows={rows}
        rowKey={({ kind, key }) => `${kind} ${key}`}
        empty="performance.noneOpen"
        columns={[
          {
            key: 'kind',
            title: t('trades.kind'),
            value: ({ kind }) => kind,
            cell: ({ kind }) => t(kind === 'currency' ? 'performance.currency' : 'data.symbol'),
          },
          { key: 'key', title: t('data.symbol'), value: ({ key }) => key, cell: ({ key }) => key },
          {
            key: 'net',
            title: t('performance.netExposure'),
            isNumber: true,
            tone: ({ net }) => toneOf(net),
            value: ({ net }) => net,
            cell: ({ net }) => moneyOf(net, currency),
          },
          {
            key: 'positions',
            title: t('performance.exposurePositions'),
            isNumber: true,
            value: ({ positions }) => positions,
            cell: ({ kind, positions }) => limitedText(positions, exposure.limits[kind]),
          },
        ]}
      />
    </Panel>
  );
}

/** In gross notionals of one position, with the limit of the policy. */
function limitedText(positions: number, limit: number | null): string {
  const own = num(positions);
  return limit === null ? own : t('performance.limited', { positions: own, limit: `${limit}` });
}
