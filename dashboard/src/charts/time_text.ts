const MINUTE = 60;
const DAY = 86_400;

/**
 * Label of a tick: the minute, the date where a day begins, or the month where a step is one; none between two minutes.
 * @param step seconds between two ticks
 */
export function timeText(time: number, step: number): string {
  if (time % MINUTE !== 0) return '';
  const text = new Date(time * 1000).toISOString();
  if (step >= 28 * DAY) return text.slice(0, 7);
  return step >= DAY || time % DAY === 0 ? text.slice(5, 10) : text.slice(11, 16);
}
