import { createHash } from 'node:crypto';
import { replayJournal } from '../daemon/replay.ts';
import type { Bar, EpochMs } from '../shared/bar.ts';
import { parseStoredValue } from './known_series.ts';
import { keyOf } from './series_source.ts';
import { subjectsOf } from './variety.ts';
import type { World } from './world.ts';

const MINUTE_MS = 60_000;
const MAX_MISSING = 5;
const MAX_TIMERS = 300;
/** Two minutes of all symbols. */
const MAX_BARS = 10;
/** Four in flight, and up to four more of the previous process. */
const MAX_BATCHES = 8;

/** Bounded memory: timers, batches at Redis, and bars waiting to be sent. */
export function checkBounds({ timeline, redis, feed, violate }: World): void {
  const most = (what: string, count: number, bound: number): void => {
    if (count > bound) violate('memory not bounded', `${count} ${what}`);
  };
  most('timers', timeline.waiting, MAX_TIMERS);
  most('batches at Redis', redis.mostWaiting, MAX_BATCHES);
  most('bars at the feeder', feed.waiting, MAX_BARS);
}

/** Checks the journal's guarantees row by row. */
export function checkJournal(world: World): void {
  const { journal, violate } = world;
  const lastTime = new Map<string, number>();
  const known = new Map<string, Set<string>>(
    [...world.feed.bars].map(([symbol, bars]) => [symbol, new Set(bars.map((bar) => contentOf(bar)))]),
  );
  for (const { kind, subject, time, bar } of journal.inputs) {
    if (kind !== 'bar' && kind !== 'empty') continue;
    if (time <= (lastTime.get(subject) ?? -Infinity)) violate('minute journaled twice', `${subject} ${time}`);
    lastTime.set(subject, time);
    if (bar !== null && !known.get(subject)!.has(contentOf(bar)))
      violate('bar that was never sent', `${subject} ${JSON.stringify(bar)}`);
  }

  const boots = journal.boots.map(({ bootId }) => bootId);
  if (boots.some((bootId, i) => i > 0 && bootId <= boots[i - 1]!)) violate('boot ids do not ascend', boots.join(', '));

  const bodies = new Map<string, string>();
  /** Published again by a new holder of the lease, under numbers of their own. */
  const again = new Set<string>();
  for (const [text, { signal, isTakeover }] of world.oracle.published) {
    const key = `${signal.boot_id} ${signal.pair_id} ${signal.seq}`;
    bodies.set(key, text);
    if (isTakeover) again.add(key);
  }
  const lastSeq = new Map<string, number>();
  let bootAt = 0;
  for (const { bootId, pairId, seq, body } of journal.signals) {
    const key = `${bootId} ${pairId}`;
    let next = (lastSeq.get(key) ?? 0) + 1;
    while (next < seq && again.has(`${key} ${next}`)) next++;
    if (seq !== next) violate('seq has a gap', `${key}: ${seq}, was to be ${next}`);
    lastSeq.set(key, seq);
    const at = boots.indexOf(bootId);
    if (at < bootAt) violate('signals of an older boot after a newer one', key);
    bootAt = Math.max(bootAt, at);
    const text = bodies.get(`${key} ${seq}`);
    if (text !== undefined && !text.startsWith(body))
      violate('journal differs from what was published', `${key} ${seq}`);
  }
}

/**
 * Every series value in the journal was sent before it arrived, and arrivals ascend. None was sent before the world
 * began.
 */
export function checkValues({ journal, series, clockErrorMs, violate }: World): void {
  let last = -Infinity;
  for (const [i, row] of journal.inputs.entries()) {
    if (row.kind !== 'series') continue;
    const { symbol, name, event, arrival, value } = parseStoredValue(row, i + 1);
    const sentMs = series?.sent.get(keyOf({ symbol, series: name, eventMs: Math.round(event * 1000), value }));
    if (sentMs === undefined) violate('value that was never sent', row.subject);
    else if (arrival * 1000 < sentMs - clockErrorMs - 1) violate('value that arrived before it was sent', row.subject);
    if (arrival < last || arrival < event) violate('arrivals do not ascend', row.subject);
    last = arrival;
  }
}

/** Every shadow answer belongs to a signal. */
export function checkShadows({ journal, violate }: World): void {
  const signals = new Set(journal.signals.map(({ signalId, pairId, time }) => `${signalId} ${pairId} ${time}`));
  for (const { signalId, pairId, time, modelVersion } of journal.shadows)
    if (!signals.has(`${signalId} ${pairId} ${time}`))
      violate('shadow without a signal', `${modelVersion} on ${pairId} ${time}`);
}

/** If nothing was lost before the feeder, every minute of the source is in the journal. */
export function checkBarsArrived({ journal, feed, violate, trueMs }: World): void {
  const stored = new Set(journal.inputs.map(({ subject, time }) => `${subject} ${time}`));
  const missing: string[] = [];
  for (const [symbol, bars] of feed.bars)
    for (const { time } of bars)
      if (time * 1000 < trueMs() - 2 * MINUTE_MS && !stored.has(`${symbol} ${time}`))
        missing.push(`${symbol} ${new Date(time * 1000).toISOString()}`);
  if (missing.length > 0)
    violate('bars that never arrived', `${missing.length}: ${missing.slice(0, MAX_MISSING).join('; ')}`);
}

/** `replayJournal` reproduces every signal of the journal. */
export async function checkReplay(world: World): Promise<void> {
  const { journal, settings } = world;
  const { differences, unanswered } = await replayJournal({
    settings,
    pairIds: subjectsOf(settings).map(({ id }) => id),
    clock: { nowMs: () => 0 as EpochMs, monotonicUs: () => 0 },
    bootId: 'replay',
    onSignals: () => undefined,
    store: journal.open(),
    loadModels: (version) =>
      Promise.resolve({ ...world.trainer.trainedSet(version), release: () => Promise.resolve() }),
    loadDirection: (version) => Promise.resolve(world.directions.trained(version)),
    loadRule: (version) => world.rules.trained(version).model,
  });
  if (unanswered > 0) world.violate('replay of the journal differs', `${unanswered} signals are not in the journal`);
  const first = differences[0];
  if (first === undefined) return;
  world.violate(
    'replay of the journal differs',
    `${differences.length} signals, the first ${first.pair_id} ${first.time}:\n    journal ${first.journal}\n    replay  ${first.replay}`,
  );
}

function contentOf({ time, open, high, low, close, volume, spread, takerBuyVolume, trades }: Bar): string {
  return [time, open, high, low, close, volume, spread, takerBuyVolume, trades].join();
}

/** SHA-256 over all published output with its times, and everything stored. */
export function fingerprintOf(world: World): string {
  const hash = createHash('sha256');
  for (const [text, { atMs }] of world.oracle.published) hash.update(`${atMs} ${text}\n`);
  for (const row of world.journal.inputs) hash.update(`${row.kind} ${row.subject} ${row.time}\n`);
  for (const row of world.journal.signals) hash.update(`${row.body} ${row.afterInput}\n`);
  hash.update(`${world.timeline.worksDone}`);
  return hash.digest('hex').slice(0, 16);
}
