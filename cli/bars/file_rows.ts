import { SECONDS_PER_BAR } from '../../shared/bar.ts';
import { latestClosedOpenMs, numbersFault, stampFault, type BarFault } from '../../shared/bar_rules.ts';
import { createClockReader, type TimeZone } from '../../shared/bar_file/time_zone.ts';
import { isClosedHour, isFilling } from '../../shared/bar_file/verdict/weekends.ts';
import { openingOf } from '../../shared/bar_file/week_open.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { isoMinute } from '../../shared/bar.ts';
import { timeframeName } from '../../shared/bar_file/own_timeframe.ts';
import type { BarLayout, ForeignRow } from './bar_layout.ts';
import { sourceLines } from './source_lines.ts';

export interface RowRules {
  readonly symbol: string;
  readonly barSeconds: number;
  /** The clock of the stamps. */
  readonly zone: TimeZone;
  /** Whether a person says that stamps are of the close; layouts that name their column so know it themselves. */
  readonly isOfClose: boolean;
  /** This machine's time; null where bars have no relation to it, as those of a simulated market. */
  readonly nowMs: number | null;
  readonly dropFlatWeekends: boolean;
}

/**
 * A line of a file with its bar, or the reason why it is none. `FORMING` and `WEEKEND` are left out without a fault.
 */
export interface FileRow {
  readonly line: number;
  readonly text: string;
  readonly row: ForeignRow | null;
  /** Open of the bar, epoch seconds UTC. */
  readonly time: number;
  readonly fault: BarFault | 'FORMING' | 'WEEKEND' | null;
}

/**
 * The rows of a file, many at a time: read by its layout, put on the clock, and judged by the rules that every entrance
 * shares (shared/bar_rules.ts).
 * @throws MinutehandError DATA_FORMAT where longer bars do not begin at whole ones in UTC
 */
export async function* fileRows(
  path: string,
  layout: BarLayout,
  rules: RowRules,
  onBytes: (bytes: number) => void,
): AsyncGenerator<FileRow[], void> {
  const reader = createClockReader(rules.zone);
  const due = openingOf(rules.symbol);
  const { barSeconds, nowMs } = rules;
  const shift = shiftOf(layout, rules);
  const latestS = nowMs === null ? Infinity : latestClosedOpenMs(nowMs, 0, barSeconds) / 1000;
  const nowS = nowMs === null ? Infinity : nowMs / 1000;
  let line = 0;

  const faultOf = (row: ForeignRow | null, time: number): FileRow['fault'] => {
    if (row === null || !Number.isFinite(row.time)) return 'BAR_MALFORMED';
    if (Number.isNaN(time)) return 'BAR_DST_GAP';
    const outOfRange = stampFault(time);
    if (outOfRange === 'BAR_TIME_RANGE') return outOfRange;
    const fault = numbersFault(row) ?? outOfRange;
    if (fault !== null) return fault;
    if (time > latestS) return time <= nowS ? 'FORMING' : 'BAR_FUTURE';
    if (rules.dropFlatWeekends && isFilling(row, due) && isClosedHour(time, due)) return 'WEEKEND';
    return null;
  };

  for await (const lines of sourceLines(path, { onBytes })) {
    const rows: FileRow[] = [];
    for (const text of lines) {
      line++;
      if (line < layout.firstRow || text.trim() === '') continue;
      const row = layout.parse(text);
      const time = row === null ? NaN : reader.toUtc(row.time) + shift;
      const fault = faultOf(row, time);
      if (fault === null && time % barSeconds !== 0) throw offTimeframe(path, line, time, rules);
      rows.push({ line, text, row, time, fault });
    }
    yield rows;
  }
}

function shiftOf(layout: BarLayout, { barSeconds, isOfClose }: RowRules): number {
  if (layout.isOfLastMinute === true) return SECONDS_PER_BAR - barSeconds;
  return isOfClose ? -barSeconds : 0;
}

/** Of a file whose longer bars do not begin at whole ones in UTC: its first row shows it. */
function offTimeframe(path: string, line: number, time: number, { barSeconds, zone }: RowRules): MinutehandError {
  const timeframe = timeframeName(barSeconds);
  return new MinutehandError('DATA_FORMAT', {
    seen: `${path}:${line}: a bar of ${timeframe} that opens at ${isoMinute(time)}, on the clock ${zone.name}`,
    expected: `opens at whole ${timeframe} in UTC`,
    next: 'Import shorter bars, such as H1 (one-hour) or M1 (one-minute).',
  });
}
