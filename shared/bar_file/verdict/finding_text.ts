import { isoMinute } from '../../bar.ts';
import type { Finding, Verdict } from './finding.ts';

/** One line for a person. */
export function verdictText({ verdict, findings }: Verdict): string {
  if (findings.length === 0) return verdict;
  return findings.map((finding) => `${finding.code} ${findingText(finding)}`).join('; ');
}

/** What was seen, without the code. */
export function findingText({ code, by, values }: Finding): string {
  const v = values;
  const hours = Number(v['hours'] ?? 0);
  const isOfMinutes = !Number.isInteger(hours * 2);
  const ahead = `by ${hours > 0 ? '+' : ''}${isOfMinutes ? `${Math.round(hours * 60)} min` : `${hours} h`}`;
  const shift = v['zone'] === undefined ? ahead : `to the clock ${v['zone']}`;
  const at = (name: string): string => isoMinute(Number(v[name]));
  // Findings that the store kept from earlier have only the opening that was due.
  const runFrom =
    v['seen'] === undefined
      ? `are off; weeks should open ${v['due']}`
      : `run from ${v['seen']} in ${v['place']}, where ${v['expected']} was expected`;
  const orOfCloses = v['or_close_stamped'] === undefined ? '' : '; or the bars are stamped with their close';
  const texts: Readonly<Record<string, () => string>> = {
    'EMPTY rows': () => 'no row: a header alone, or nothing',
    'REJECTED rows': () =>
      `${v['rejected']} of ${v['rows']} rows have faults (${v['codes']}), more than ${v['limit']} %`,
    'FUTURE rows': () =>
      `${v['rows']} rows are later than this machine’s clock, the last at ${at('last')}: the stamps are probably not UTC`,
    'SWAPPED geometry': () =>
      `columns ${v['columns']}: the highest price is under ${v['high_is']} and the lowest under ${v['low_is']} in ${v['rows']} of ${v['of']} rows`,
    'SWAPPED continuity': () =>
      `columns ${v['columns']}: bars open at the close of the bar after them in ${v['rows']} of ${v['of']} cases`,
    'SWAPPED part': () =>
      `columns ${v['columns']}: from ${at('from')} bars open at the close of the bar after them in ${v['rows']} of ${v['of']} cases`,
    'SWAPPED refused_rows': () =>
      `columns ${v['columns']}: the low is above all other prices and the high below them in ${v['rows']} of ${v['of']} refused rows`,
    'SWAPPED magnitude': () =>
      `columns ${v['columns']}: one price is of another magnitude in ${v['rows']} of ${v['of']} rows`,
    'SCALED leap': () => `by ${v['factor']}: the close leaps so ${v['leaps']} times, first at ${at('from')}`,
    'SCALED usual_prices': () =>
      `by ${v['factor']}: the price is about ${v['price']}, and has been ${v['low']} to ${v['high']} for decades`,
    'SHIFTED week_edges': () => `${shift}: ${v['weeks']} of ${v['of']} weeks ${runFrom}${orOfCloses}`,
    'SHIFTED single_weeks': () =>
      `${shift} in ${v['weeks']} of ${v['of']} weeks, first that of ${at('from')}, which ${runFrom.replace('run', 'runs')}${orOfCloses}`,
    'SHIFTED daily_pause': () => `${shift}: ${v['weeks']} of ${v['of']} daily pauses ${runFrom}`,
    'SHIFTED known_bars': () =>
      `${ahead}: so its moves fit the ${v['symbol']} that is stored (correlation ${v['correlation']}, unshifted ${v['unshifted']})`,
    'SHIFTED related_bars': () =>
      `${ahead}: so the sizes of its moves fit those of ${v['symbol']} (correlation ${v['correlation']}, unshifted ${v['unshifted']})`,
    'LAGS returns': () => {
      const minutes = Number(v['minutes']);
      const when = v['from'] === undefined ? '' : `, most clearly from ${at('from')} to ${at('to')}`;
      const among = v['among'] === undefined ? '' : ` ${v['among']}`;
      return `moves ${Math.abs(minutes)} min ${minutes > 0 ? 'after' : 'before'} ${v['symbol']}${when}${among}: a copy at another time, or a wrong clock (correlation of ${v['of']} ${v['correlation']} at this lag, ${v['unshifted']} at the same time)`;
    },
    'CLOSE_STAMPED week_edges': () =>
      `bars carry the time of their close: ${v['late']} of ${v['of']} weeks end with a bar stamped at New York’s close`,
    'CLOSE_STAMPED daily_pause': () =>
      `bars carry the time of their close: ${v['late']} of ${v['of']} daily pauses begin with a bar stamped at New York’s close`,
    'DERIVED repeated_moves': () =>
      `${v['repeated']} of ${v['of']} moves go on as the one before: interpolated or averaged bars, which know what comes next`,
    'DERIVED alternating': () =>
      `${v['repeated']} of ${v['of']} moves go on as the one before: two sources that take turns`,
    'DERIVED taking_turns': () =>
      `the price leaps by about ${v['percent']} % up and down in turn, ${v['leaps']} times, first at ${at('from')}, and no bar beside is as large: two sources that take turns`,
    'SUSPECT joined_levels': () =>
      `the price leaps by ${v['percent']} % at ${at('from')}, ${v['ranges']} times the largest bar beside${v['leaps'] === 1 ? '' : `, and ${v['leaps']} times in all`}: two levels that were joined, such as an adjusted part and one that is not`,
    'DERIVED same_extremes': () =>
      `${v['same']} of ${v['of']} bars have the ${v['column']} of the bar before: extremes of several bars, perhaps later ones`,
    'DERIVED late_close': () =>
      `bars open at the close of the bar before the last one: closes are those of the next bar (${v['of']} bars)`,
    'DERIVED longer_among': () =>
      `bars at minute ${v['minute']} of each ${Number(v['seconds']) === 3600 ? 'hour' : 'day'} have ${v['ranges']} times the usual range, and the next one opens far from their close: longer bars among the minutes`,
    'DERIVED longer_run': () =>
      `${v['bars']} bars from ${at('from')} to ${at('to')} are ${lagText(Number(v['seconds']) / 60)} apart, or several times that: longer bars among shorter ones`,
    'DERIVED longer_bar': () =>
      `the bar at ${at('from')} has high, low and close of the ${Number(v['seconds']) === 3600 ? 'hour' : 'day'} that follows it${v['bars'] === 1 ? '' : `, and so ${v['bars']} times in all`}: a longer bar among shorter ones`,
    'DERIVED filled_in': () => `the price moves in one of ${v['bars']} bars alone: longer bars that were filled in`,
    'FROZEN repeated_bar': () =>
      `${v['bars']} identical bars in ${v['runs']} runs, the longest of ${v['longest_bars']} from ${at('from')}: a feed that was stuck`,
    'FROZEN copied_stretch': () =>
      `${v['bars']} bars in ${v['stretches']} stretches have the prices of those ${lagText(Number(v['minutes']))} before them, first at ${at('from')}: copied, or a feed in a loop`,
    'FLAT_WEEKENDS closed_hours': () => `${v['flat']} of ${v['bars']} bars of closed weekends are flat: filled in`,
    'SUSPECT closed_hours': () =>
      `${v['bars']} bars move on ${v['days']} Saturday${v['days'] === 1 ? '' : 's'}, first ${at('from').slice(0, 10)}, when this market is closed: made up, or another market`,
    'SUSPECT closed_edges': () =>
      `${v['bars']} bars move on ${v['weekends']} weekend${v['weekends'] === 1 ? '' : 's'} after New York’s close or before its opening, first at ${at('from')}, when this market is closed: another clock, or another market`,
    'GAP distance': () =>
      `no bar for ${v['days']} days, from ${at('from')} to ${at('to')}: ${v['before']} bars before it and ${v['after']} after it${v['gaps'] === 1 ? '' : `; ${v['gaps']} such gaps`}`,
    'SUSPECT row_order': () =>
      `${v['rows']} rows in no order of time, more than the ${v['most']} that can be put in order: clock, gaps and repeated bars cannot be judged`,
    'SCALED year_prices': () =>
      `by ${v['factor']}: the price is about ${v['price']} in ${v['year']}, when ${v['symbol']} was ${v['low']} to ${v['high']}${v['factor'] === '1/x' ? '; the quotes seem to be inverted' : ''}`,
    'SUSPECT untraded': () =>
      `${v['untraded']} of ${v['rows']} klines move without volume: mark, index or premium prices, at which nobody traded`,
    'SUSPECT price_name': () => `${v['kind']} by the name “${v['name']}”: nobody traded at these prices`,
    'SUSPECT two_series': () =>
      `${v['repeated']} of ${v['of']} sampled minutes are there twice with different prices: two symbols, or two versions, in one source`,
    'SUSPECT same_bars': () =>
      `${v['equal']} of ${v['moves']} sampled moves are those of ${v['symbol']} to the last digit: the same bars under another name`,
    'SUSPECT exchanged': () =>
      `the prices fit ${v['symbol']}, and those of ${v['symbol']} fit this symbol (about ${v['price']} and ${v['other']}): their names seem to be exchanged`,
    'SUSPECT split': () =>
      `after the pause before ${at('from')} the price is as after a split of ${v['ratio']}${v['splits'] === 1 ? '' : `, and so ${v['splits']} times in all`}: bars that are not adjusted for it`,
    'SUSPECT leap': () =>
      `the close leaps by a factor of ${v['ratio']} at ${at('from')}, and ${v['leaps']} times in all`,
    'SUSPECT usual_prices': () =>
      `the price is about ${v['price']}, and has been ${v['low']} to ${v['high']} for decades`,
    'SUSPECT year_prices': () =>
      `the price is about ${v['price']} in ${v['year']}, when ${v['symbol']} was ${v['low']} to ${v['high']}: another symbol, or another unit`,
    'INCOMPLETE trading_time': () =>
      `no bar for ${v['days']} days of trading, from ${at('from')} to ${at('to')}: more than a holiday${v['absences'] === 1 ? '' : `; ${v['absences']} such gaps`}`,
    'STALE last_bar': () => `ends ${v['days']} days before the newest bar of the store (${v['symbol']})`,
  };
  const level = (): string =>
    `${v['factor'] === undefined ? '' : `by ${v['factor']}: `}the price is ${v['ratio']} times what ${v['symbol']} ${by === 'cross_rate' ? 'imply' : 'has'}, about ${v['expected']}`;
  return (texts[`${code} ${by}`] ?? level)();
}

function lagText(minutes: number): string {
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${minutes} min`;
}
