import { newYorkMinuteOfWeek } from './new_york_time.ts';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MINUTES_PER_DAY = 1440;
/** `16:45-18:15` of every day, or `Sun 17:00-18:30` of one; New York time, the end excluded. */
export const ENTRY_WINDOW_PATTERN =
  /^(?:(Sun|Mon|Tue|Wed|Thu|Fri|Sat) )?([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/;

/** Minutes of the New York week in which nothing is entered: from `from` up to, not including, `to`. */
export interface EntryWindow {
  readonly from: number;
  readonly to: number;
}

/** @throws RangeError for a text that is no window */
export function parseEntryWindows(texts: readonly string[]): EntryWindow[] {
  return texts.flatMap((text) => {
    const match = ENTRY_WINDOW_PATTERN.exec(text);
    if (match === null) throw new RangeError(`${text} is no window`);
    const [, day, fromHour, fromMinute, toHour = '24', toMinute = '00'] = match;
    const from = Number(fromHour) * 60 + Number(fromMinute);
    const to = Number(toHour) * 60 + Number(toMinute);
    const days = day === undefined ? DAYS.keys() : [DAYS.indexOf(day)];
    return [...days].map((index) => ({ from: index * MINUTES_PER_DAY + from, to: index * MINUTES_PER_DAY + to }));
  });
}

/** @param time epoch seconds of the fill: the close of the bar that is decided on */
export function isEntryClosed(windows: readonly EntryWindow[], time: number): boolean {
  if (windows.length === 0) return false;
  const minute = newYorkMinuteOfWeek(time);
  for (let i = 0; i < windows.length; i++) if (minute >= windows[i]!.from && minute < windows[i]!.to) return true;
  return false;
}
