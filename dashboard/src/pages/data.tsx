import type { MarketKind } from '../../../shared/signal/signal.ts';
import { useEffect, useState } from 'preact/hooks';
import { api, type ImportRun, type SymbolCoverage } from '../api.ts';
import { duration, minuteOf, num, percent } from '../format.ts';
import { nowMs, session, status } from '../live.ts';
import { Badge, ConfirmedButton, Failure, Loading, Panel, Table, useLoaded, type Column } from '../parts/basics.tsx';
import { BarChangeDone, BarChanges } from '../parts/bar_changes.tsx';
import { barChanges, canImport } from '../parts/import_buttons.tsx';
import { ImportPreviewPanel } from '../parts/import_preview.tsx';
import { Segments } from '../parts/segments.tsx';
import { NameUnknown, useSubjectNamed } from '../parts/unknown_name.tsx';
import { pathOf, place, respell, setQuery } from '../router.ts';
import { codeText, t, type TextKey } from '../text/text.ts';

const DAY_MS = 86_400_000;

/** Bars of this installation: by symbol, and by day for one (`/app/data/EURUSD`). */
export default function DataPage() {
  const market = useMarket();
  const { data, error } = useLoaded(() => api.get('/api/data', { query: { market } }), `${market} ${barChanges.value}`);
  const symbols = data?.symbols ?? [];
  const names = symbols.map(({ symbol }) => symbol);
  const own = useSubjectNamed(place.value.part, names);
  const name = own?.kind === 'known' ? own.name : null;
  useEffect(() => {
    if (name !== null) respell('data', name);
  }, [name]);
  const chosen = own?.kind === 'none' ? symbols[0] : symbols.find(({ symbol }) => symbol === name);
  return (
    <>
      {status.value?.market === 'simulated' && <Markets market={market} />}
      {error !== null && <Failure error={error} />}
      {data === null && error === null && <Scanning key={market} market={market} />}
      {data !== null && (
        <Panel
          title={t('data.title')}
          wide
          aside={
            <span class="note">
              {t('data.scanned', { at: minuteOf(data.scanned_at), took: duration(data.duration_ms) })}
            </span>
          }
        >
          <Table
            name="data"
            label={t('data.title')}
            rows={symbols}
            columns={columnsOf(market)}
            rowKey={({ symbol }) => symbol}
            empty="data.none"
          />
          <Clock />
        </Panel>
      )}
      {own?.kind === 'unknown' && data !== null && (
        <NameUnknown text="unknown.symbol" own={own} known={names} pathTo={(symbol) => symbolPath(symbol, market)} />
      )}
      {chosen !== undefined && <Symbol coverage={chosen} />}
      {chosen !== undefined && canImport() && (
        <BarChanges key={`${market} ${chosen.symbol}`} symbol={chosen.symbol} market={market} />
      )}
      <BarChangeDone />
      {session.value?.role !== 'viewer' && <ImportPreviewPanel />}
      <Imports />
    </>
  );
}

const MARKETS = ['simulated', 'live'] as const;
type Market = MarketKind;

/** Whose bars are shown: of a simulated installation, those that a person imported for a live market, too. */
function useMarket(): Market {
  const configured = status.value?.market ?? 'simulated';
  const asked = place.value.query.get('market');
  return configured === 'simulated' && asked === 'live' ? 'live' : configured;
}

/** The page of a symbol, with its market where that is not the configured one. */
function symbolPath(symbol: string, market: Market): string {
  return pathOf('data', symbol) + (market === status.value?.market ? '' : `?market=${market}`);
}

function Markets({ market }: { readonly market: Market }) {
  return (
    <div class="page-head">
      <Segments
        label={t('imports.market')}
        values={MARKETS}
        chosen={market}
        textOf={(own) => codeText('imports.market', own)}
        onChoose={(own) => setQuery('market', own === 'simulated' ? '' : own)}
      />
    </div>
  );
}

const PROGRESS_MS = 1000;

/** The first scan reads every bar of every symbol: how many symbols are done. */
function Scanning({ market }: { readonly market: Market }) {
  const { data } = useLoaded(
    () => api.get('/api/data/progress', { query: { market } }),
    String(Math.floor(nowMs.value / PROGRESS_MS)),
  );
  const scan = data?.scan ?? null;
  if (scan === null) return <Loading />;
  const text = t('data.scanning', { done: scan.done, total: scan.total });
  return (
    <Panel title={t('data.title')} wide>
      <p role="status">{text}</p>
      <progress max={scan.total} value={scan.done} aria-label={text} />
    </Panel>
  );
}

function columnsOf(market: Market): Column<SymbolCoverage>[] {
  const count = (
    key: 'bars' | 'recent_bars' | 'missing_minutes' | 'holes' | 'breaks' | 'spikes' | 'suspects' | 'flat_bars',
    title: TextKey,
  ) => ({
    key,
    title: t(title),
    isNumber: true,
    value: (row: SymbolCoverage) => row[key],
    cell: (row: SymbolCoverage) => num(row[key], 0),
  });
  const time = (key: 'first' | 'last', title: TextKey) => ({
    key,
    title: t(title),
    value: (row: SymbolCoverage) => row[key],
    cell: (row: SymbolCoverage) => minuteOf(row[key]),
  });
  return [
    {
      key: 'symbol',
      title: t('data.symbol'),
      value: ({ symbol }) => symbol,
      cell: ({ symbol }) => <a href={symbolPath(symbol, market)}>{symbol}</a>,
    },
    time('first', 'data.first'),
    time('last', 'data.last'),
    count('bars', 'data.bars'),
    count('recent_bars', 'data.recent'),
    {
      key: 'missing_share',
      title: t('data.missing'),
      isNumber: true,
      value: ({ missing_minutes, bars }) => missing_minutes / (missing_minutes + bars),
      cell: ({ missing_minutes, bars }) => percent(missing_minutes / (missing_minutes + bars), 2),
    },
    count('holes', 'data.holes'),
    count('breaks', 'data.breaks'),
    count('spikes', 'data.spikes'),
    count('suspects', 'data.suspects'),
    count('flat_bars', 'data.flat'),
    {
      key: 'verdict',
      title: t('data.verdict'),
      value: ({ verdict }) => verdict.code,
      cell: ({ verdict: { code, text, refuses } }) => (
        <span title={text}>
          <Badge tone={refuses ? 'bad' : 'good'}>{codeText('verdict', code)}</Badge>
        </span>
      ),
    },
    {
      key: 'clock',
      title: t('data.clock'),
      value: ({ clock }) => !clock.suspect,
      cell: ({ clock }) => (
        <span title={openings(clock.week_opens_new_york)}>
          <Badge tone={clock.suspect ? 'bad' : 'good'}>
            {t(clock.suspect ? 'data.clock.suspect' : 'data.clock.good')}
          </Badge>
        </span>
      ),
    },
  ];
}

function openings(byHour: Readonly<Record<string, number>>): string {
  return `${t('data.opens')}: ${Object.entries(byHour)
    .map(([hour, count]) => `${hour} × ${count}`)
    .join(', ')}`;
}

/** The trainer's clock compared with this browser's. */
function Clock() {
  const time = status.value?.time;
  if (time === undefined) return null;
  const apartMs = Math.abs(Date.parse(time) - Date.now());
  return (
    <p class={apartMs > 5000 ? 'bad' : 'note'}>
      {t('data.apart', { trainer: minuteOf(time), apart: duration(apartMs) })}
    </p>
  );
}

/** Imports and deletions of both markets by their number; each can be undone. */
function Imports() {
  const { data, error } = useLoaded(
    () => api.get('/api/imports', { query: { limit: 100, market: 'all' } }),
    String(barChanges.value),
  );
  const [undone, setUndone] = useState<string | null>(null);
  const undo = async (number: number): Promise<void> => {
    const done = await api.post('/api/imports/{import_number}/undo', { path: { import_number: number } });
    const bars = done.removed.reduce((sum, one) => sum + one.bars, 0);
    const back = done.restored.reduce((sum, one) => sum + one.bars, 0);
    const models = done.models.length === 0 ? '–' : done.models.join(', ');
    setUndone(t('imports.undone', { number, bars, back, models }));
    barChanges.value++;
  };
  return (
    <Panel title={t('imports.title')} wide>
      {error !== null && <Failure error={error} />}
      {undone !== null && <p class="note">{undone}</p>}
      <Table
        name="imports"
        label={t('imports.title')}
        rows={data?.imports}
        error={error}
        columns={importColumns(undo)}
        rowKey={({ import_number }) => import_number}
        empty="imports.none"
      />
    </Panel>
  );
}

/** What an undo would remove and bring back, and whose models learned from it. */
function UndoPreview({ number }: { readonly number: number }) {
  const { data, error } = useLoaded(
    () =>
      api.post('/api/imports/{import_number}/undo', { path: { import_number: number }, query: { dry_run: 'true' } }),
    String(number),
  );
  if (error !== null) return <Failure error={error} />;
  if (data === null) return <Loading />;
  const period = (first: number, last: number): string => `${minuteOf(first * 1000)} – ${minuteOf(last * 1000)}`;
  const line = (text: TextKey, { symbol, bars, first, last }: (typeof data.removed)[number]) => (
    <li key={`${text} ${symbol}`}>{t(text, { symbol, bars: num(bars, 0), period: period(first, last) })}</li>
  );
  return (
    <ul>
      {data.removed.map((one) => line('imports.goes', one))}
      {data.restored.map((one) => line('imports.returns', one))}
      {data.removed.length + data.restored.length === 0 && <li>{t('imports.nothing')}</li>}
      {data.later_files.length > 0 && <li>{t('imports.later', { files: data.later_files.join(', ') })}</li>}
      {data.models.length > 0 && <li>{t('imports.learned', { models: data.models.join(', ') })}</li>}
    </ul>
  );
}

function importColumns(undo: (number: number) => Promise<void>): Column<ImportRun>[] {
  const number = (key: 'import_number' | 'added' | 'removed' | 'rejected', title: TextKey): Column<ImportRun> => ({
    key,
    title: t(title),
    isNumber: true,
    value: (run) => run[key],
    cell: (run) => num(run[key], 0),
  });
  return [
    number('import_number', 'imports.number'),
    {
      key: 'began',
      title: t('imports.began'),
      value: ({ began_ms }) => began_ms,
      cell: ({ began_ms, done_by }) => <span title={done_by}>{minuteOf(began_ms)}</span>,
    },
    {
      key: 'source',
      title: t('imports.source'),
      value: ({ source }) => source,
      cell: ({ kind, source }) => (
        <div class="stacked">
          <span>{codeText('import', kind)}</span>
          <code>{source}</code>
        </div>
      ),
    },
    {
      key: 'market',
      title: t('imports.market'),
      value: ({ market }) => market,
      cell: ({ market }) => codeText('imports.market', market),
    },
    {
      key: 'clocks',
      title: t('imports.clock'),
      value: ({ clocks }) => clocks.join(' '),
      cell: ({ clocks }) => (clocks.length === 0 ? '–' : clocks.join(', ')),
    },
    number('added', 'imports.added'),
    number('removed', 'imports.removed'),
    number('rejected', 'imports.rejected'),
    {
      key: 'verdict',
      title: t('imports.verdict'),
      value: ({ verdicts }) => Object.keys(verdicts).join(),
      cell: ({ verdicts }) => (
        <div class="stacked">
          {Object.entries(verdicts).map(([symbol, { verdict }]) => (
            <span key={symbol}>
              {symbol} <Badge tone={verdict === 'OK' ? 'good' : 'bad'}>{codeText('verdict', verdict)}</Badge>
            </span>
          ))}
        </div>
      ),
    },
    {
      key: 'act',
      title: t('app.actions'),
      value: ({ undone_ms }) => undone_ms,
      cell: ({ import_number, undone_ms, undone_by, finished_ms }) =>
        undone_ms !== null ? (
          <Badge tone="quiet">{t('imports.isUndone', { by: undone_by ?? '' })}</Badge>
        ) : session.value?.role === 'approver' ? (
          <ConfirmedButton
            label={t('imports.undo')}
            question={t(finished_ms === null ? 'imports.questionOpen' : 'imports.question', { number: import_number })}
            evidence={() => <UndoPreview number={import_number} />}
            act={() => undo(import_number)}
          />
        ) : null,
    },
  ];
}

function Symbol({ coverage }: { readonly coverage: SymbolCoverage }) {
  const { symbol, longest_gaps, greatest_spikes, clock } = coverage;
  return (
    <>
      <Panel title={t('data.calendar', { symbol })} wide>
        <Calendar coverage={coverage} />
        {Object.keys(clock.week_opens_new_york).length > 0 && <p class="note">{openings(clock.week_opens_new_york)}</p>}
      </Panel>
      <Panel title={t('data.gaps', { symbol })}>
        <Table
          name={`gaps_${symbol}`}
          label={t('data.gaps', { symbol })}
          rows={longest_gaps}
          rowKey={({ from }) => from}
          empty="data.noGaps"
          columns={[
            { key: 'from', title: t('data.from'), value: ({ from }) => from, cell: ({ from }) => minuteOf(from) },
            {
              key: 'minutes',
              title: t('data.minutes'),
              isNumber: true,
              value: ({ minutes }) => minutes,
              cell: ({ minutes }) => num(minutes, 0),
            },
          ]}
        />
      </Panel>
      <Panel title={t('data.spikesOf', { symbol })}>
        <Table
          name={`spikes_${symbol}`}
          label={t('data.spikesOf', { symbol })}
          rows={greatest_spikes}
          rowKey={({ at }) => at}
          empty="data.noSpikes"
          columns={[
            { key: 'at', title: t('data.from'), value: ({ at }) => at, cell: ({ at }) => minuteOf(at) },
            {
              key: 'change',
              title: t('data.change'),
              isNumber: true,
              value: ({ change }) => change,
              cell: ({ change }) => percent(change, 2),
            },
          ]}
        />
      </Panel>
    </>
  );
}

const CELL = 14;
/** Width of the text `2026-11`. */
const MONTH_WIDTH = 48;
type Day = SymbolCoverage['days'][number];

/** One column per week, one row per weekday from Monday; the color shows the coverage of the day. */
function Calendar({ coverage: { days, symbol } }: { readonly coverage: SymbolCoverage }) {
  const first = Date.parse(days[0]!.day);
  const monday = first - ((new Date(first).getUTCDay() + 6) % 7) * DAY_MS;
  const at = (day: string): [number, number] => {
    const index = Math.round((Date.parse(day) - monday) / DAY_MS);
    return [Math.floor(index / 7), index % 7];
  };
  const most = Math.max(...days.map(({ bars }) => bars));
  const weeks = at(days.at(-1)!.day)[0] + 1;
  const months = days.filter(({ day }, i) => i === 0 || day.slice(0, 7) !== days[i - 1]!.day.slice(0, 7));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t('data.calendar', { symbol })}>
      <svg
        class="calendar"
        width={Math.max(weeks * CELL + 4, MONTH_WIDTH)}
        height={7 * CELL + 18}
        role="img"
        aria-label={t('data.calendarText', { days: days.length, bars: num(most, 0) })}
      >
        {months.map(({ day }) => (
          <text key={day} x={at(day)[0] * CELL} y={10}>
            {day.slice(0, 7)}
          </text>
        ))}
        {days.map((day) => {
          const [x, y] = at(day.day);
          return (
            <rect
              key={day.day}
              x={x * CELL}
              y={15 + y * CELL}
              width={CELL - 2}
              height={CELL - 2}
              class={levelOf(day, most)}
            >
              <title>{dayText(day)}</title>
            </rect>
          );
        })}
      </svg>
      <p class="legend">
        {(['full', 'half', 'holes', 'spiky'] as const).map((level) => (
          <span key={level}>
            <span class={`swatch ${level}`} /> {t(`data.legend.${level}`)}
          </span>
        ))}
      </p>
    </div>
  );
}

/** A day with at least this share of missing minutes is shown as incomplete. */
const HOLES = 0.05;

function levelOf({ bars, missing, spikes, suspects }: Day, most: number): string {
  if (spikes + suspects > 0) return 'spiky';
  if (missing / (bars + missing) > HOLES) return 'holes';
  return bars > 0.8 * most ? 'full' : 'half';
}

function dayText({ day, bars, missing, spikes, suspects }: Day): string {
  return t('data.day', { day, bars: num(bars, 0), missing: num(missing, 0), spikes, suspects });
}
