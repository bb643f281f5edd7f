import { effect, signal, type Signal as Shared } from '@preact/signals';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { api, ApiError, type Signal, type SignalHistory, type Subject as SubjectRow } from '../api.ts';
import { PriceChart } from '../charts/prices.tsx';
import { spreadLevels, type SpreadLevels } from '../charts/spread_levels.ts';
import { SeriesChart, type ChartProps, type Mark, type Series } from '../charts/series.tsx';
import { lowerBound, wholeOf, zoomed, type Range } from '../charts/window.ts';
import { basisPoints, duration, num, percent, signed } from '../format.ts';
import { last, nowMs, status, subjects } from '../live.ts';
import { minuteNamed, numberNamed, type UnknownName } from '../named.ts';
import { Empty, Failure, ModeBadge, Loading, Panel, SideText, useLoaded } from '../parts/basics.tsx';
import { Fact } from '../parts/fact.tsx';
import { InstrumentPrices } from '../parts/instrument_prices.tsx';
import { MarkLegend } from '../parts/mark_legend.tsx';
import { noveltiesOf, NoveltyPanel } from '../parts/novelty.tsx';
import { NameUnknown, useSubjectNamed } from '../parts/unknown_name.tsx';
import { Why } from '../parts/why.tsx';
import { Segments } from '../parts/segments.tsx';
import { go, pathOf, place, respell, setQuery } from '../router.ts';
import { codeText, language, meaningText, t } from '../text/text.ts';

const HOURS = [2, 6, 24, 72, 720, 8760] as const;
const USUAL_HOURS = 6;
/** Maximum number of signals of a period, and of a zoomed part. */
const POINTS = 6000;
const MOST = 60_000;
const SETTLED_MS = 400;
const MINUTE_MS = 60_000;

/** Epoch seconds of the close of a signal's bar, as all pages, `status` and logs show it. */
function closeOf({ timestamp }: Signal): number {
  return Date.parse(timestamp) / 1000;
}

/** One subject (`/app/subjects/EURUSD_GBPUSD`); the first where the address names none. */
export default function SubjectPage() {
  const ids = subjects.value.map(({ subject }) => subject);
  const own = useSubjectNamed(place.value.part, ids);
  const name = own?.kind === 'known' ? own.name : null;
  useEffect(() => {
    if (name !== null) respell('subjects', name);
  }, [name]);
  const id = own?.kind === 'none' ? ids[0] : name;
  if (own?.kind === 'unknown' && ids.length > 0) return <SubjectUnknown own={own} ids={ids} />;
  if (id === undefined || id === null) return <Loading />;
  return <Subject key={id} id={id} />;
}

function SubjectUnknown({ own, ids }: { readonly own: UnknownName; readonly ids: readonly string[] }) {
  const labels = new Map(subjects.value.map(({ subject, label }) => [subject, label]));
  return (
    <NameUnknown
      text="unknown.subject"
      own={own}
      known={ids}
      pathTo={(id) => pathOf('subjects', id)}
      labelOf={(id) => labels.get(id) ?? id}
    />
  );
}

/** What the query names and the page cannot show: it shows its usual period or its newest minute. */
function QueryUnknown({ id }: { readonly id: string }) {
  const { query } = place.value;
  const hours = query.get('hours');
  const time = query.get('time');
  const view = query.get('view');
  const wrong = [
    numberNamed(hours, USUAL_HOURS, HOURS) === null && (['unknown.hours', hours!, HOURS.map(String)] as const),
    time !== null && minuteNamed(time) === null && (['unknown.time', time, []] as const),
    view !== null && rangeInQuery() === null && (['unknown.view', view, []] as const),
  ].filter((one) => one !== false);
  return (
    <>
      {wrong.map(([text, asked, known]) => (
        <NameUnknown
          key={text}
          text={text}
          own={{ kind: 'unknown', asked, near: [] }}
          known={known}
          pathTo={(name) => `${pathOf('subjects', id)}?hours=${name}`}
        />
      ))}
    </>
  );
}

function Subject({ id }: { readonly id: string }) {
  const subject = subjects.value.find((one) => one.subject === id)!;
  const hours = numberNamed(place.value.query.get('hours'), USUAL_HOURS, HOURS) ?? USUAL_HOURS;
  const minuteMs = status.value?.bar_interval_ms ?? MINUTE_MS;
  const { data, error } = useLoaded(() => readHistory(id, hours, minuteMs), `${id} ${hours} ${minuteMs}`);
  const newest = last.value.get(id) ?? null;
  const [asked, setAsked] = useState<number | null>(minuteInQuery());
  const [isPinned, setPinned] = useState(asked !== null);
  const range = useRange();
  const detail = useDetail(id, data, range);
  const signals = useHistory(data?.signals ?? null, detail, newest);
  const times = useMemo(() => signals.map(closeOf), [signals]);
  const lines = useMemo(() => linesOf(signals, subject), [signals, language.value]);
  const reasons = data?.is_thinned === true ? data.reasons : reasonsOf(signals);
  const count = data?.is_thinned === true ? data.total : signals.length;
  const novelties = data?.is_thinned === true ? data.novelties : noveltiesOf(signals);
  // The minutes since the page was opened are no history: shown alone they would look like all there is.
  const isAwaited = data === null && error === null;
  const hasCharts = !isAwaited && signals.length > 0;
  const shown = asked ?? times.at(-1) ?? null;
  const hover = (time: number | null): void => {
    if (!isPinned) setAsked(time);
  };
  const pin = (time: number | null): void => {
    setPinned(time !== null);
    setAsked(time);
    setQuery('time', time === null ? '' : `${new Date(time * 1000).toISOString().slice(0, 16)}Z`);
  };
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      onArrow(event, times, shown, pin);
      onZoomKey(event, range, times);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  });
  const chart = {
    times,
    timesAre: 'chart.closed' as const,
    cursor: asked,
    range,
    onHover: hover,
    onPick: pin,
    hasRightScale: subject.kind === 'pair',
  };
  return (
    <div class="subject">
      <Head id={id} hours={hours} newest={newest} />
      <QueryUnknown id={id} />
      {isAwaited && <Loading />}
      {hasCharts && <Zoom range={range} times={times} />}
      {error !== null && <Failure error={error} />}
      {data !== null && signals.length === 0 && <Empty text={t('subject.noHistory')} />}
      {hasCharts && (
        <div class="charts">
          <Panel title={t(subject.kind === 'pair' ? 'subject.prices' : 'subject.price')}>
            <MarkLegend isPair={subject.kind === 'pair'} />
            {subject.kind === 'pair' ? (
              <PriceChart symbols={subject.symbols} signals={signals} marks={lines.marks} {...chart} />
            ) : (
              <InstrumentPrices symbol={subject.symbols[0]!} signals={signals} marks={lines.marks} {...chart} />
            )}
          </Panel>
          {subject.kind === 'pair' ? (
            <SpreadPanels chart={chart} lines={lines} levels={subject} />
          ) : (
            <Panel title={t('subject.direction')}>
              <SeriesChart
                {...chart}
                label={t('subject.direction')}
                height={220}
                series={lines.scores}
                bounds={[0, 1]}
                marks={lines.marks}
              />
            </Panel>
          )}
          <Panel
            title={t('subject.reasons')}
            aside={
              <span class="note">
                {t(subject.timeframe === '1m' ? 'subject.minutes' : 'subject.bars', { count: num(count, 0) })}
              </span>
            }
          >
            <Reasons reasons={reasons} count={count} kind={subject.kind} />
          </Panel>
          {novelties.length > 0 && <NoveltyPanel kind={subject.kind} counts={novelties} signals={signals} />}
        </div>
      )}
      {hasCharts && (
        <Why subject={id} time={shown} isPinned={isPinned} isLatest={asked === null} onUnpin={() => pin(null)} />
      )}
    </div>
  );
}

interface SpreadProps {
  readonly chart: ChartProps;
  readonly lines: Lines;
  readonly levels: SpreadLevels;
}

function SpreadPanels({ chart, lines, levels }: SpreadProps) {
  return (
    <>
      <Panel title={t('subject.spread')}>
        <SeriesChart
          {...chart}
          label={t('subject.spread')}
          height={150}
          series={lines.z}
          {...spreadLevels(levels)}
          marks={lines.marks}
        />
      </Panel>
      <Panel title={t('subject.scores')}>
        <SeriesChart {...chart} label={t('subject.scores')} height={150} series={lines.scores} bounds={[0, 1]} />
      </Panel>
    </>
  );
}

function minuteInQuery(): number | null {
  const text = place.value.query.get('time');
  return text === null ? null : minuteNamed(text);
}

/** Arrow keys move the selected minute. */
function onArrow(
  event: KeyboardEvent,
  times: readonly number[],
  shown: number | null,
  pin: (time: number | null) => void,
): void {
  const step = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : 0;
  const isTyping = /^(INPUT|SELECT)$/.test((event.target as Element).tagName);
  if (event.key === 'Escape') pin(null);
  if (step === 0 || shown === null || isTyping) return;
  event.preventDefault();
  const next = times[times.indexOf(shown) + step];
  if (next !== undefined) pin(next);
}

/** @param minuteMs wall-clock time of a minute of the market: a simulated one has its own clock */
function readHistory(id: string, hours: number, minuteMs: number): Promise<SignalHistory> {
  // The period refers to publication times; a market that was paused goes on where it ended.
  const nowMs = Math.min(Date.now(), last.value.get(id)?.generated_at_ms ?? Infinity);
  const from = new Date(nowMs - hours * 60 * minuteMs).toISOString();
  return api.get('/api/signals/history', { query: { subject: id, from, points: POINTS } });
}

/** Signals of the visible part once the view rests, if the period is thinned. */
function useDetail(id: string, history: SignalHistory | null, range: Shared<Range | null>): readonly Signal[] | null {
  const [detail, setDetail] = useState<readonly Signal[] | null>(null);
  useEffect(() => {
    if (history?.is_thinned !== true) return;
    let timer = 0;
    let isWanted = true;
    const { signals } = history;
    const times = signals.map(closeOf);
    const read = async (view: Range): Promise<void> => {
      const first = signals[Math.max(0, lowerBound(times, view[0]) - 1)];
      const last = signals[Math.min(signals.length - 1, lowerBound(times, view[1]) + 1)];
      if (first === undefined || last === undefined) return;
      // Bars of a simulated market have another clock than their publication.
      const query = {
        subject: id,
        points: POINTS,
        from: new Date(first.generated_at_ms).toISOString(),
        to: new Date(last.generated_at_ms + 1).toISOString(),
      };
      const found = await api.get('/api/signals/history', { query });
      if (isWanted) setDetail(found.signals);
    };
    const stop = effect(() => {
      const view = range.value;
      clearTimeout(timer);
      if (view !== null)
        timer = setTimeout(() => void read(view).catch(ignoreRefusal), SETTLED_MS) as unknown as number;
    });
    return () => {
      isWanted = false;
      clearTimeout(timer);
      stop();
    };
  }, [id, history]);
  return detail;
}

/** The thinned signals remain shown. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof ApiError)) throw error;
}

/** History merged with newer signals, one per minute, ascending. */
function useHistory(
  history: readonly Signal[] | null,
  detail: readonly Signal[] | null,
  newest: Signal | null,
): readonly Signal[] {
  const [signals, setSignals] = useState<readonly Signal[]>([]);
  useEffect(() => setSignals((now) => merged(history ?? [], now)), [history]);
  useEffect(() => {
    if (detail !== null) setSignals((now) => merged(now, detail));
  }, [detail]);
  useEffect(() => {
    if (newest !== null) setSignals((now) => merged(now, [newest]));
  }, [newest]);
  return signals;
}

function merged(earlier: readonly Signal[], later: readonly Signal[]): readonly Signal[] {
  // As each new minute is: without a search through all others.
  if (later.length === 1 && later[0]!.timestamp > (earlier.at(-1)?.timestamp ?? ''))
    return [...earlier, later[0]!].slice(-MOST);
  const byTime = new Map<string, Signal>();
  for (const one of [...earlier, ...later])
    if (!isHeartbeat(one) || !byTime.has(one.timestamp)) byTime.set(one.timestamp, one);
  return [...byTime.values()].sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1)).slice(-MOST);
}

function isHeartbeat({ reason }: Signal): boolean {
  return reason === 'SILENCE' || reason === 'SHUTDOWN';
}

interface Lines {
  readonly z: readonly Series[];
  readonly scores: readonly Series[];
  readonly marks: readonly Mark[];
}

function linesOf(signals: readonly Signal[], { kind, theta_up, theta_down }: SubjectRow): Lines {
  const line = (
    name: string,
    tone: Series['tone'],
    of: (signal: Signal) => number | null | undefined,
    isDashed = false,
  ): Series => ({
    name,
    tone,
    isDashed,
    values: signals.map((signal) => of(signal) ?? null),
  });
  const marks = signals.map(({ action, target }): Mark =>
    action === 'ENTER' ? (target > 0 ? 'buy' : 'sell') : action === 'EXIT' ? 'exit' : null,
  );
  if (kind === 'instrument')
    return {
      z: [],
      scores: [
        line(t('tile.up'), 'green', ({ ml_up_prob }) => ml_up_prob),
        line('θ↑', 'green', () => theta_up, true),
        line(t('tile.down'), 'red', ({ ml_down_prob }) => ml_down_prob),
        line('θ↓', 'red', () => theta_down, true),
        line(t('tile.range'), 'muted', ({ ml_range_prob }) => ml_range_prob),
      ],
      marks,
    };
  return {
    z: [line('z', 'accent', ({ z_score }) => z_score)],
    scores: [
      line(t('tile.prob'), 'green', ({ return_prob }) => return_prob),
      line('θ1', 'green', ({ theta1 }) => theta1, true),
      line(t('tile.risk'), 'red', ({ risk_score }) => risk_score),
      line('θ2', 'red', ({ theta2 }) => theta2, true),
    ],
    marks,
  };
}

/** The range of all charts, mirrored in the URL: `?view=from,to` in minutes since 1970. */
function useRange(): Shared<Range | null> {
  const range = useMemo(() => signal<Range | null>(rangeInQuery()), []);
  useEffect(() => {
    let timer = 0;
    let written = range.peek();
    return effect(() => {
      void range.value;
      // Not with every frame of a gesture.
      timer ||= setTimeout(() => {
        timer = 0;
        const now = range.peek();
        // A view that cannot be shown stays in the address, and its message on the page.
        if (now === written) return;
        written = now;
        const text = now === null ? '' : now.map((time) => Math.round(time / 60)).join();
        if (text !== (place.value.query.get('view') ?? '')) setQuery('view', text);
      }, 300) as unknown as number;
    });
  }, []);
  return range;
}

/** Epoch seconds; later times are no dates. */
const LATEST = 8.64e12;

function rangeInQuery(): Range | null {
  const [from, to] = (place.value.query.get('view') ?? '').split(',').map((text) => Number(text) * 60);
  return to !== undefined && from! > 0 && to > from! && to < LATEST ? [from!, to] : null;
}

const ZOOMS: Readonly<Record<string, readonly [factor: number, shift: number]>> = {
  '+': [0.5, 0],
  '-': [2, 0],
  PageUp: [1, -0.5],
  PageDown: [1, 0.5],
};

/** + and − zoom, page up and page down move, Home shows everything. */
function onZoomKey(event: KeyboardEvent, range: Shared<Range | null>, times: readonly number[]): void {
  const isTyping = /^(INPUT|SELECT)$/.test((event.target as Element).tagName);
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'Home') range.value = null;
  const zoom = ZOOMS[event.key];
  if (zoom === undefined) return;
  event.preventDefault();
  zoomBy(range, times, zoom);
}

function zoomBy(
  range: Shared<Range | null>,
  times: readonly number[],
  [factor, shift]: readonly [number, number],
): void {
  const whole = wholeOf(times);
  const now = range.value ?? whole;
  range.value = zoomed(now, whole, factor, (now[0] + now[1]) / 2, shift);
}

/** The same as buttons, for touch and screen readers. */
function Zoom({ range, times }: { readonly range: Shared<Range | null>; readonly times: readonly number[] }) {
  const button = (key: string, sign: string, label: string) => (
    <button type="button" aria-label={label} title={label} onClick={() => zoomBy(range, times, ZOOMS[key]!)}>
      {sign}
    </button>
  );
  return (
    <div class="zoom">
      <span class="segments" role="group" aria-label={t('subject.zoom')}>
        {button('PageUp', '◀', t('subject.earlier'))}
        {button('-', '−', t('subject.out'))}
        {button('+', '+', t('subject.in'))}
        {button('PageDown', '▶', t('subject.later'))}
        <button type="button" onClick={() => (range.value = null)}>
          {t('subject.everything')}
        </button>
      </span>
      <span class="note">{t('subject.zoomHint')}</span>
    </div>
  );
}

function Head({ id, hours, newest }: { readonly id: string; readonly hours: number; readonly newest: Signal | null }) {
  const subject = subjects.value.find((one) => one.subject === id)!;
  return (
    <div class="subject-head">
      <select
        aria-label={t('subject.choose')}
        value={id}
        onChange={(event) => go(pathOf('subjects', event.currentTarget.value))}
      >
        {subjects.value.map(({ subject: one, label }) => (
          <option key={one} value={one}>
            {label}
          </option>
        ))}
      </select>
      {newest !== null && <ModeBadge mode={newest.mode} />}
      {newest !== null && <SideText kind={subject.kind} target={newest.target} />}
      <dl class="inline">
        {subject.kind === 'pair' ? (
          <SpreadFacts subject={subject} newest={newest} />
        ) : (
          <DirectionFacts newest={newest} />
        )}
        <Fact name={t('subject.last')}>{newest === null ? '–' : duration(nowMs.value - newest.generated_at_ms)}</Fact>
      </dl>
      <Segments
        label={t('subject.range')}
        values={HOURS}
        chosen={hours}
        textOf={(count) => (count > 72 ? t('subject.days', { count: count / 24 }) : t('subject.hours', { count }))}
        onChoose={(count) => setQuery('hours', String(count))}
      />
    </div>
  );
}

function SpreadFacts({ subject, newest }: { readonly subject: SubjectRow; readonly newest: Signal | null }) {
  return (
    <>
      <Fact name="z">{signed(newest?.z_score)}</Fact>
      <Fact name={t('subject.beta')}>{num(newest?.beta, 3)}</Fact>
      <Fact name={t('subject.cost')}>{basisPoints(subject.cost_bps)}</Fact>
      <Fact name={t('subject.breakEven')}>{basisPoints(subject.break_even_cost_bps)}</Fact>
    </>
  );
}

function DirectionFacts({ newest }: { readonly newest: Signal | null }) {
  const share = (value: number | null | undefined): string =>
    value === null || value === undefined ? '–' : percent(value, 1);
  return (
    <>
      <Fact name={t('tile.up')}>{share(newest?.ml_up_prob)}</Fact>
      <Fact name={t('tile.down')}>{share(newest?.ml_down_prob)}</Fact>
      <Fact name={t('tile.range')}>{share(newest?.ml_range_prob)}</Fact>
      <Fact name={t('subject.stop')}>{share(newest?.stop)}</Fact>
      <Fact name={t('subject.takeProfit')}>{share(newest?.take_profit)}</Fact>
      <Fact name={t('subject.maxAge')}>{num(newest?.max_age_bars as number | null, 0)}</Fact>
    </>
  );
}

const TONE_OF: Readonly<Record<string, string>> = { ENTER: 'green', EXIT: 'amber', HOLD: 'muted' };
const COLUMNS = 120;
type ReasonCounts = SignalHistory['reasons'][number];

/** Counts as by the server, by position in the list. */
function reasonsOf(signals: readonly Signal[]): ReasonCounts[] {
  const found = new Map<string, ReasonCounts>();
  signals.forEach(({ reason, action }, index) => {
    let own = found.get(reason);
    if (own === undefined)
      found.set(reason, (own = { reason, action, count: 0, columns: Array.from({ length: COLUMNS }, () => 0) }));
    own.count++;
    own.columns[Math.floor((index * COLUMNS) / signals.length)]!++;
  });
  return [...found.values()].sort((a, b) => b.count - a.count);
}

interface ReasonsProps {
  readonly reasons: readonly ReasonCounts[];
  readonly count: number;
  readonly kind: SubjectRow['kind'];
}

/** Frequency of each reason over time. */
function Reasons({ reasons, count: all, kind }: ReasonsProps) {
  const totals = Array.from({ length: COLUMNS }, (_, i) => reasons.reduce((sum, { columns }) => sum + columns[i]!, 0));
  return (
    <ul class="reasons">
      {reasons.map(({ reason, action, count, columns }) => (
        <li key={reason}>
          <span class="name" title={meaningText(kind, reason)}>
            {codeText('reason', reason)}
          </span>
          <svg viewBox={`0 0 ${COLUMNS} 10`} preserveAspectRatio="none" aria-hidden="true" class={TONE_OF[action]}>
            {columns.map(
              (own, column) =>
                own > 0 && <rect key={column} x={column} y={10 - (10 * own) / totals[column]!} width="1" height="10" />,
            )}
          </svg>
          <span class="number">{num(count, 0)}</span>
          <span class="number share">{num((100 * count) / all, 1)} %</span>
        </li>
      ))}
    </ul>
  );
}
