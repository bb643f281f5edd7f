import { effect, signal, type Signal as Shared } from '@preact/signals';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { api, type Signal } from '../api.ts';
import { PriceChart } from '../charts/prices.tsx';
import { SeriesChart, wholeOf, type Series } from '../charts/series.tsx';
import { zoomed, type Range } from '../charts/window.ts';
import { duration, num, signed } from '../format.ts';
import { last, nowMs, subjects } from '../live.ts';
import { Empty, Failure, ModeBadge, Panel, useLoaded } from '../parts/basics.tsx';
import { Why } from '../parts/why.tsx';
import { go, pathOf, place, setQuery } from '../router.ts';
import { codeText, language, t } from '../text/text.ts';

const HOURS = [2, 6, 24, 72] as const;
const MOST = 10_000;

/** Epoch seconds of the open of a signal's bar. */
export function openOf({ timestamp }: Signal): number {
  return Date.parse(timestamp) / 1000 - 60;
}

export default function SubjectPage() {
  const all = subjects.value;
  const chosen = all.find(({ subject }) => subject === place.value.part) ?? all[0];
  if (chosen === undefined) return <Empty text={`${t('app.loading')}…`} />;
  return <Subject key={chosen.subject} id={chosen.subject} />;
}

function Subject({ id }: { readonly id: string }) {
  const subject = subjects.value.find((one) => one.subject === id)!;
  const hours = Number(place.value.query.get('hours') ?? 6);
  const { data, error } = useLoaded(() => readHistory(id, hours), `${id} ${hours}`);
  const newest = last.value.get(id) ?? null;
  const [asked, setAsked] = useState<number | null>(minuteInQuery());
  const [isPinned, setPinned] = useState(asked !== null);
  const signals = useHistory(data, newest);
  const times = useMemo(() => signals.map(openOf), [signals]);
  const range = useRange();
  const lines = useMemo(() => linesOf(signals), [signals, language.value]);
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
  const chart = { times, cursor: asked, range, onHover: hover, onPick: pin };
  const entry = subject.z_entry ?? 2;
  return (
    <div class="subject">
      <Head id={id} hours={hours} newest={newest} />
      <Zoom range={range} times={times} />
      {error !== null && <Failure error={error} />}
      {data !== null && signals.length === 0 && <Empty text={t('subject.noHistory')} />}
      <div class="charts">
        <Panel title={t('subject.prices')}>
          <PriceChart symbols={subject.symbols} signals={signals} {...chart} />
        </Panel>
        <Panel title={t('subject.spread')}>
          <SeriesChart
            {...chart}
            label={t('subject.spread')}
            height={150}
            series={lines.z}
            lines={[entry, -entry, 0].map((value) => ({ value, tone: value === 0 ? 'muted' : 'amber' }))}
            band={{ from: -entry, to: entry }}
            marks={lines.marks}
          />
        </Panel>
        <Panel title={t('subject.scores')}>
          <SeriesChart {...chart} label={t('subject.scores')} height={150} series={lines.scores} bounds={[0, 1]} />
        </Panel>
        <Panel
          title={t('subject.reasons')}
          aside={<span class="note">{t('subject.minutes', { count: signals.length })}</span>}
        >
          <Reasons signals={signals} />
        </Panel>
      </div>
      <Why subject={id} time={shown} isPinned={isPinned} isLatest={asked === null} onUnpin={() => pin(null)} />
    </div>
  );
}

function minuteInQuery(): number | null {
  const text = place.value.query.get('time');
  const ms = text === null ? NaN : Date.parse(text);
  return Number.isNaN(ms) ? null : ms / 1000;
}

/** Arrow keys move the minute that is asked about. */
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

async function readHistory(id: string, hours: number): Promise<readonly Signal[]> {
  // The clock of a simulated market is its own: what was published in the last hours of this one's.
  const from = new Date(Date.now() - hours * 3_600_000).toISOString();
  const { history } = await api.get('/api/signals', { query: { subject: id, from, limit: MOST } });
  return history;
}

/** History with what came since, a minute once, ascending. */
function useHistory(history: readonly Signal[] | null, newest: Signal | null): readonly Signal[] {
  const [signals, setSignals] = useState<readonly Signal[]>([]);
  useEffect(() => setSignals((now) => merged(history ?? [], now)), [history]);
  useEffect(() => {
    if (newest !== null) setSignals((now) => merged(now, [newest]));
  }, [newest]);
  return signals;
}

function merged(earlier: readonly Signal[], later: readonly Signal[]): readonly Signal[] {
  const byTime = new Map<string, Signal>();
  for (const one of [...earlier, ...later])
    if (!isHeartbeat(one) || !byTime.has(one.timestamp)) byTime.set(one.timestamp, one);
  return [...byTime.values()].sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1)).slice(-MOST);
}

function isHeartbeat({ reason }: Signal): boolean {
  return reason === 'SILENCE' || reason === 'SHUTDOWN';
}

function linesOf(signals: readonly Signal[]) {
  const line = (
    name: string,
    tone: Series['tone'],
    of: (signal: Signal) => number | null,
    isDashed = false,
  ): Series => ({
    ...{ name, tone, isDashed },
    values: signals.map(of),
  });
  return {
    z: [line('z', 'accent', ({ z_score }) => z_score)],
    scores: [
      line(t('tile.prob'), 'green', ({ return_prob }) => return_prob),
      line('θ1', 'green', ({ theta1 }) => theta1, true),
      line(t('tile.risk'), 'red', ({ risk_score }) => risk_score),
      line('θ2', 'red', ({ theta2 }) => theta2, true),
    ],
    marks: signals.map(({ action }) => (action === 'ENTER' ? 'enter' : action === 'EXIT' ? 'exit' : null)),
  };
}

/** The range of all charts, which the address has too: `?view=from,to` in minutes since 1970. */
function useRange(): Shared<Range | null> {
  const range = useMemo(() => signal<Range | null>(rangeInQuery()), []);
  useEffect(() => {
    let timer = 0;
    return effect(() => {
      void range.value;
      // Not with every frame of a movement.
      timer ||= setTimeout(() => {
        timer = 0;
        const now = range.peek();
        const text = now === null ? '' : now.map((time) => Math.round(time / 60)).join();
        if (text !== (place.value.query.get('view') ?? '')) setQuery('view', text);
      }, 300) as unknown as number;
    });
  }, []);
  return range;
}

function rangeInQuery(): Range | null {
  const [from, to] = (place.value.query.get('view') ?? '').split(',').map((text) => Number(text) * 60);
  return to !== undefined && from! > 0 && to > from! ? [from!, to] : null;
}

const ZOOMS: Readonly<Record<string, readonly [factor: number, shift: number]>> = {
  '+': [0.5, 0],
  '-': [2, 0],
  PageUp: [1, -0.5],
  PageDown: [1, 0.5],
};

/** + and − zoom, page up and down move, Home shows everything. */
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

/** The same by buttons, for touch and for screen readers. */
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
  const side = newest === null || newest.target === 0 ? 'flat' : newest.target > 0 ? 'long' : 'short';
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
      {newest !== null && <span class={`side ${side}`}>{t(`tile.${side}`)}</span>}
      <dl class="inline">
        <Fact name="z" value={signed(newest?.z_score)} />
        <Fact name={t('subject.beta')} value={num(newest?.beta, 3)} />
        <Fact name={t('subject.cost')} value={`${num(subject.cost_bps)} bp`} />
        <Fact name={t('subject.breakEven')} value={`${num(subject.break_even_cost_bps)} bp`} />
        <Fact name={t('subject.last')} value={newest === null ? '–' : duration(nowMs.value - newest.generated_at_ms)} />
      </dl>
      <div class="segments" role="group" aria-label={t('subject.range')}>
        {HOURS.map((count) => (
          <button
            key={count}
            type="button"
            aria-pressed={hours === count}
            onClick={() => setQuery('hours', String(count))}
          >
            {t('subject.hours', { count })}
          </button>
        ))}
      </div>
    </div>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

const TONE_OF: Readonly<Record<string, string>> = { ENTER: 'green', EXIT: 'amber', HOLD: 'muted' };
const COLUMNS = 120;

/** How often each reason was given, and when. */
function Reasons({ signals }: { readonly signals: readonly Signal[] }) {
  const byReason = [...Map.groupBy(signals, ({ reason }) => reason)].sort((a, b) => b[1].length - a[1].length);
  const placeOf = new Map(signals.map((one, index) => [one, Math.floor((index * COLUMNS) / signals.length)]));
  const perColumn = Math.max(1, signals.length / COLUMNS);
  return (
    <ul class="reasons">
      {byReason.map(([reason, own]) => {
        const counts = new Map<number, number>();
        for (const one of own) counts.set(placeOf.get(one)!, (counts.get(placeOf.get(one)!) ?? 0) + 1);
        return (
          <li key={reason}>
            <span class="name" title={codeText('meaning', reason)}>
              {codeText('reason', reason)}
            </span>
            <svg
              viewBox={`0 0 ${COLUMNS} 10`}
              preserveAspectRatio="none"
              aria-hidden="true"
              class={TONE_OF[own[0]!.action]}
            >
              {[...counts].map(([column, count]) => (
                <rect key={column} x={column} y={10 - 10 * Math.min(1, count / perColumn)} width="1" height="10" />
              ))}
            </svg>
            <span class="number">{num(own.length, 0)}</span>
            <span class="number share">{num((100 * own.length) / signals.length, 1)} %</span>
          </li>
        );
      })}
    </ul>
  );
}
