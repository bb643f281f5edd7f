import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../../shared/folder.ts';
import { counted } from '../../../shared/counted.ts';

/** A fit that a training has got from its fleet. */
export interface TracedFit {
  /** Of the task. */
  readonly key: string;
  readonly learner: string;
  /** Its result was there: nobody did it for this training. */
  readonly isKnown: boolean;
  /** Who made the result. */
  readonly maker: string;
  /** Wall time of the maker; null: of an earlier version, which did not note it. */
  readonly seconds: number | null;
  /** Epoch milliseconds by the clock of the training. */
  readonly askedMs: number;
  readonly settledMs: number;
}

/** Files in the folder; their names begin with the time. */
const KEPT = 20;
const PROCESS = 1;

/** Where the fits of one training were done. */
export interface FitTrace {
  note(fit: TracedFit): void;
  /** For people: fits and seconds by worker, the busiest first, and how many were known. Empty without fits. */
  lines(): string[];
  /**
   * Writes all fits as events of the Trace Event Format, which Perfetto and chrome://tracing show: a row for each
   * worker, with the fits that it did for this training and how long each had waited. A fit ends where the training
   * got its result, so that the clocks of other machines do not matter. Of the folder, the newest files stay.
   * @returns false without fits: then nothing is written
   * @throws errors of the file system
   */
  write(path: string): boolean;
}

export function fitTrace(): FitTrace {
  const fits: TracedFit[] = [];
  return {
    note: (fit) => void fits.push(fit),
    lines: () => linesOf(fits),
    write(path) {
      if (fits.length === 0) return false;
      const folder = dirname(path);
      makeFolder(folder);
      writeFileSync(path, JSON.stringify({ traceEvents: eventsOf(fits), displayTimeUnit: 'ms' }));
      const older = readdirSync(folder)
        .filter((entry) => entry.endsWith('.json'))
        .sort();
      for (const entry of older.slice(0, -KEPT)) rmSync(join(folder, entry), { force: true });
      return true;
    },
  };
}

function linesOf(fits: readonly TracedFit[]): string[] {
  const done = new Map<string, { fits: number; seconds: number }>();
  for (const { isKnown, maker, seconds } of fits) {
    if (isKnown) continue;
    const of = done.get(maker) ?? { fits: 0, seconds: 0 };
    done.set(maker, { fits: of.fits + 1, seconds: of.seconds + (seconds ?? 0) });
  }
  const known = fits.filter(({ isKnown }) => isKnown).length;
  const byWorker = [...done].sort(([, a], [, b]) => b.seconds - a.seconds);
  return [
    ...byWorker.map(([maker, of]) => `${maker}: ${counted(of.fits, 'fit')} in ${of.seconds.toFixed(1)} s`),
    ...(known === 0 ? [] : [`${counted(known, 'fit')} not done: the result was known`]),
  ];
}

function eventsOf(fits: readonly TracedFit[]): object[] {
  const rows = new Map<string, number>();
  for (const { maker } of fits) if (!rows.has(maker)) rows.set(maker, rows.size + 1);
  const names = [...rows].map(([name, tid]) => ({
    name: 'thread_name',
    ph: 'M',
    pid: PROCESS,
    tid,
    args: { name },
  }));
  const events = fits.map(({ key, learner, isKnown, maker, seconds, askedMs, settledMs }) => {
    const at = { name: learner, cat: isKnown ? 'known' : 'fit', pid: PROCESS, tid: rows.get(maker)! };
    if (isKnown) return { ...at, ph: 'i', ts: settledMs * 1000, s: 't', args: { key } };
    // Never longer than the training has waited, whatever another machine says.
    const lastedMs = Math.min((seconds ?? 0) * 1000, settledMs - askedMs);
    const waited_ms = Math.round(settledMs - askedMs - lastedMs);
    return { ...at, ph: 'X', ts: (settledMs - lastedMs) * 1000, dur: lastedMs * 1000, args: { key, waited_ms } };
  });
  return [...names, ...events];
}
