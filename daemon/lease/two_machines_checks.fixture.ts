import { expect } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import { parsePair, symbolsOf } from '../../shared/pair.ts';
import type { HomePaths } from '../../shared/home.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import { openJournal } from '../../shared/store/journal.ts';
import { replayJournal } from '../replay.ts';
import { ISOLATING, OF_BOTH, type HeardSignal, type TwoMachinesReport } from './two_machines.fixture.ts';

export interface TwoMachinesChecks {
  readonly settings: Settings;
  loadModels(modelsFolder: string): Promise<ModelSet>;
}

/** Stamps of a clock that was set an hour forward, whatever the consumer refused them for. */
const STEPPED_MS = 1_800_000;

/** One writer at a time, no minute left out, silence of who is isolated, and the replay of both journals. */
export async function checkTwoMachines(report: TwoMachinesReport, checks: TwoMachinesChecks): Promise<void> {
  checkWriters(report);
  checkSilence(report);
  checkMinutes(report, checks.settings);
  await checkReplays(report, checks);
}

/**
 * Whether a lease changed hands although nothing had happened to its holder: the machine of the test was so busy that a
 * daemon was held up for longer than a lease lasts.
 */
export function wasHeldUp({ events, heard, leaseMs }: TwoMachinesReport): boolean {
  const begun = new Map<number, number>();
  for (const { signal, atMs, by } of heard)
    if (by !== 'file') begun.set(signal.fence!, Math.min(begun.get(signal.fence!) ?? Infinity, atMs));
  const [, ...later] = [...begun.entries()].sort(([a], [b]) => a - b).map(([, atMs]) => atMs);
  return later.some(
    (atMs) =>
      !events.some(
        ({ struckMs, healedMs, answeredMs }) =>
          atMs >= struckMs && atMs <= Math.max(healedMs, answeredMs) + 2 * leaseMs,
      ),
  );
}

/** A file has the last signal only, so that its consumer is another one. */
const accepted = ({ heard }: TwoMachinesReport, byFile = false): HeardSignal[] =>
  heard.filter(({ verdict, by }) => verdict.verdict === 'accept' && (by === 'file') === byFile);

/** Fences of one writer each, and no two of them at the same time. */
function checkWriters(report: TwoMachinesReport): void {
  const byFence = new Map<number, HeardSignal[]>();
  for (const one of report.heard) {
    const fence = one.signal.fence!;
    byFence.set(fence, [...(byFence.get(fence) ?? []), one]);
  }
  for (const [fence, ofFence] of byFence)
    expect(new Set(ofFence.map(({ signal }) => signal.boot_id)).size, `writers of fence ${fence}`).toBe(1);
  for (const byFile of [false, true]) {
    let highest = 0;
    for (const { signal } of accepted(report, byFile)) {
      expect(signal.fence).toBeGreaterThanOrEqual(highest);
      highest = signal.fence!;
    }
  }
  // By the clock of the machines, which is one: what was published under a fence ends before the next one begins.
  const spans = [...byFence]
    .map(([fence, all]) => ({
      fence,
      // A file is read again, so that its stamps get old.
      all: all.filter(({ signal, atMs, by }) => by !== 'file' && signal.generated_at_ms < atMs + STEPPED_MS),
    }))
    .filter(({ all }) => all.length > 0)
    .map(({ fence, all }) => {
      const times = all.map(({ signal }) => signal.generated_at_ms);
      return { fence, from: Math.min(...times), to: Math.max(...times) };
    })
    .sort((x, y) => x.fence - y.fence);
  for (let i = 1; i < spans.length; i++) expect(spans[i]!.from).toBeGreaterThanOrEqual(spans[i - 1]!.to);
}

/** A holder that cannot renew its lease publishes nothing after its time. */
function checkSilence({ events, heard, leaseMs }: TwoMachinesReport): void {
  for (const { kind, fence, struckMs } of events) {
    if (!ISOLATING.includes(kind)) continue;
    const times = heard.filter(({ signal }) => signal.fence === fence).map(({ signal }) => signal.generated_at_ms);
    expect(Math.max(...times), `${kind}: last signal of fence ${fence}`).toBeLessThan(struckMs + leaseMs);
  }
}

/**
 * Every pair has an answer to every minute that was sent, except to those that nobody could answer: while both
 * are without the server, and until the next holder has answered.
 */
function checkMinutes(report: TwoMachinesReport, { minutehand }: Settings): void {
  const { sent, events, leaseMs } = report;
  const lost = events
    .filter(({ kind }) => OF_BOTH.includes(kind))
    .map(({ struckMs, answeredMs }) => ({ from: struckMs - 120_000, to: answeredMs + leaseMs }));
  const due = sent.slice(0, -2).filter((time) => {
    const closeMs = (time + 60) * 1000;
    return !lost.some(({ from, to }) => closeMs >= from && closeMs <= to);
  });
  for (const pairId of minutehand.pairs) {
    const minuteOf = ({ signal }: HeardSignal): number => Date.parse(signal.timestamp) / 1000 - 60;
    const ofPair = report.heard.filter(
      ({ signal }) => signal.pair_id === pairId && !['SILENCE', 'SHUTDOWN'].includes(signal.reason),
    );
    const answered = new Set(ofPair.filter(isAnswer).map(minuteOf));
    const missing = due
      .filter((time) => !answered.has(time))
      .map((time) => ({
        time,
        heard: ofPair.filter((one) => minuteOf(one) === time).map(({ by, verdict }) => ({ by, verdict })),
        journals: report.homes.map((paths) => journaledAs(paths, pairId, time)),
        event: lastEventBefore(report, (time + 60) * 1000),
      }));
    expect(missing, `${pairId}: minutes left out of ${due.length}`).toEqual([]);
  }
}

/** What a journal has of a minute: its bars, with the boot and the lease at that time, and its answer. */
function journaledAs(paths: HomePaths, pairId: string, time: OpenTime): string {
  const store = openJournal(paths.journal('live', 'main'), { readOnly: true });
  const symbols = symbolsOf([parsePair(pairId)]);
  const bars: string[] = [];
  let boot = '';
  let lease = '';
  for (const { kind, subject, time: of, backfill } of store.inputsFrom(0 as OpenTime)) {
    if (kind === 'boot') {
      boot = subject;
      lease = '';
    }
    if (kind === 'lease') lease = subject;
    if (kind === 'bar' && of === time && symbols.includes(subject))
      bars.push(`${subject}${backfill ? ' as history' : ''}, boot ${boot}, lease '${lease}'`);
  }
  const answer = store.answerAt(pairId, time);
  store.close();
  const delay = answer === null ? 'not answered' : `answered after ${answer.generatedAtMs - (time + 60) * 1000} ms`;
  return `${bars.join('; ') || 'no bars'}: ${delay}`;
}

function lastEventBefore({ events }: TwoMachinesReport, atMs: number): object {
  const last = events.filter(({ struckMs }) => struckMs <= atMs).at(-1);
  if (last === undefined) return { kind: 'none' };
  const { kind, struckMs, healedMs, answeredMs } = last;
  return { kind, sinceMs: atMs - struckMs, healedMs: healedMs - struckMs, answeredMs: answeredMs - struckMs };
}

/** Accepted, or in time and behind a later one that another transport brought first. */
function isAnswer({ verdict, by, signal, atMs }: HeardSignal): boolean {
  if (by === 'file') return false;
  if (verdict.verdict === 'accept') return true;
  return ['OUT_OF_ORDER', 'OLDER_BAR'].includes(verdict.code) && signal.valid_until_ms >= atMs;
}

async function checkReplays({ homes }: TwoMachinesReport, { settings, loadModels }: TwoMachinesChecks): Promise<void> {
  for (const paths of homes) {
    const store = openJournal(paths.journal('live', 'main'), { readOnly: true });
    const { differences } = await replayJournal({
      settings,
      pairIds: settings.minutehand.pairs,
      clock: MACHINE_CLOCK,
      bootId: 'replay',
      store,
      loadModels: () => loadModels(paths.models),
      onSignals: () => undefined,
    });
    store.close();
    expect(differences).toEqual([]);
  }
}

/** By kind of event: how many, and the distribution of the time until the next holder's first signal. */
export function describeRun({ events, heard, leaseMs, sent }: TwoMachinesReport): string {
  const refused = new Map<string, number>();
  for (const { verdict, by } of heard) {
    if (verdict.verdict === 'accept') continue;
    const key = `${verdict.code} by ${by}`;
    refused.set(key, (refused.get(key) ?? 0) + 1);
  }
  // A machine that is busy with other work answers late, and leaves out what it has not read when all power is cut.
  const late = heard.flatMap(({ verdict, by, signal, atMs }) =>
    verdict.verdict === 'accept' && by !== 'file' ? atMs - Date.parse(signal.timestamp) : [],
  );
  const kinds = [...new Set(events.map(({ kind }) => kind))];
  const lines = kinds.map((kind) => {
    const all = events.filter((event) => event.kind === kind);
    const ms = all.flatMap(({ takeoverMs }) => takeoverMs ?? []);
    const at = (share: number): string => shareOf(ms, share);
    const halts = ISOLATING.includes(kind) ? `; HALT said ${all.filter(({ saidHalt }) => saidHalt).length}` : '';
    return `${kind}: ${all.length}, takeover median ${at(0.5)}, p95 ${at(0.95)}, worst ${at(1)} ms${halts}`;
  });
  const answers = `answered after median ${shareOf(late, 0.5)}, p99 ${shareOf(late, 0.99)} market ms`;
  const summary = `${events.length} events, ${sent.length} minutes, ${answers}, lease ${leaseMs}`;
  return [summary, ...lines, `refused: ${JSON.stringify(Object.fromEntries(refused))}`].join('\n');
}

function shareOf(values: readonly number[], share: number): string {
  const sorted = [...values].sort((x, y) => x - y);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]?.toFixed(0) ?? '-';
}
