import { SECONDS_PER_BAR } from '../../bar.ts';
import { newsEnd, type NewsWindows } from './news_windows.ts';

/** null or absent: the policy asks for none. */
type MaybeWindows = NewsWindows | null | undefined;

export function hasNewsWindows(windows: MaybeWindows): windows is NewsWindows {
  return windows !== null && windows !== undefined;
}

/** Whether a position open in a window is closed. */
export function isNewsClose(windows: MaybeWindows): windows is NewsWindows {
  return hasNewsWindows(windows) && windows.closes;
}

/** Whether what is decided on a bar would be filled in a window: at the open of the next bar. @param time its open */
export function isNewsTime(windows: MaybeWindows, time: number): boolean {
  return hasNewsWindows(windows) && newsEnd(windows.spans, time + SECONDS_PER_BAR) > 0;
}

/** Minutes from the fill of a bar's decision to the end of the window that it is in; 0 in none. */
export function minutesOfNews(windows: MaybeWindows, time: number): number {
  if (!hasNewsWindows(windows)) return 0;
  const fill = time + SECONDS_PER_BAR;
  return Math.max(0, newsEnd(windows.spans, fill) - fill) / 60;
}
