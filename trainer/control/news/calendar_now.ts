import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { journalsOf } from '../../jobs/bars/recent_bars.ts';
import { isThere } from '../../../shared/files.ts';

/**
 * The time by which events of the economic calendar are ahead or over, epoch ms: in a live market the wall clock, in a
 * simulated one, whose days are others, the close of its newest bar.
 * @param nowMs the wall clock, which also counts before the first bar of a simulated market
 */
export function calendarNowMs(settings: Settings, paths: HomePaths, nowMs: number): number {
  if (settings.minutehand.market === 'live') return nowMs;
  const opens = journalsOf(settings, paths)
    .filter((path) => isThere(path))
    .flatMap(newestOpens);
  return opens.length === 0 ? nowMs : (Math.max(...opens) + SECONDS_PER_BAR) * 1000;
}

function newestOpens(path: string): number[] {
  const journal = openJournal(path, { readOnly: true });
  try {
    return [...journal.lastBars().values()];
  } finally {
    journal.close();
  }
}
