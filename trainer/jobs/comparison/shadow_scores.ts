import type { OpenTime } from '../../../shared/bar.ts';
import type { Arm } from '../../../shared/core/rollout/assignment.ts';
import type { InstrumentBody } from '../../../shared/signal/instrument_signal.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';
import { openJournal } from '../../../shared/store/journal.ts';

const DAY_S = 86_400;

/** A bar of a subject that both models have scored. */
export interface ShadowScore<Scores> {
  readonly subject: string;
  readonly time: number;
  readonly champion: Scores;
  readonly challenger: Scores;
}

/** @param scored at least one */
export function spanOf(scored: readonly { readonly time: number }[]): {
  readonly from: OpenTime;
  readonly newest: number;
} {
  const from = scored.reduce((least, { time }) => Math.min(least, time), Infinity) as OpenTime;
  return { from, newest: scored.reduce((most, { time }) => Math.max(most, time), 0) };
}

/**
 * Bars of the last days scored by both, with signals of the champion.
 * @param scoresOf a body; null where nothing was scored
 */
export function readShadowScores<Body extends SignalBody | InstrumentBody, Scores>(
  path: string,
  { champion, challenger }: Readonly<Record<Arm, string>>,
  days: number,
  scoresOf: (body: Body) => Scores | null,
): ShadowScore<Scores>[] {
  const journal = openJournal(path, { readOnly: true });
  try {
    const newest = Math.max(0, ...journal.lastBars().values());
    const from = (newest - days * DAY_S) as OpenTime;
    const shadows = new Map<string, Scores>();
    for (const { pairId, time, body } of journal.shadowsOf(challenger, from)) {
      const scores = scoresOf(JSON.parse(`${body}}`) as Body);
      if (scores !== null) shadows.set(`${pairId} ${time}`, scores);
    }
    if (shadows.size === 0) return [];
    const found: ShadowScore<Scores>[] = [];
    for (const { pairId, time, body } of journal.signals({ after: journal.stateBefore(from)?.signalRow ?? 0 })) {
      const own = shadows.get(`${pairId} ${time}`);
      if (own === undefined) continue;
      const published = JSON.parse(`${body}}`) as Body;
      const scores = scoresOf(published);
      if (scores === null || published.model_version !== champion || published.reason === 'SILENCE') continue;
      found.push({ subject: pairId, time, champion: scores, challenger: own });
    }
    return found;
  } finally {
    journal.close();
  }
}
