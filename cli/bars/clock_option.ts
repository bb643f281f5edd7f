import type { Finding } from '../../shared/bar_file/verdict/finding.ts';
import { parseTimeZone, shiftedZone } from '../../shared/bar_file/time_zone.ts';

/** `--epoch-timezone` states the clock of stamps that claim to be UTC, `--timezone` that of all others. */
export type ClockOption = '--timezone' | '--epoch-timezone';

export function clockOptionOf({ isUtc }: { readonly isUtc: boolean }): ClockOption {
  return isUtc ? '--epoch-timezone' : '--timezone';
}

/** How the stamps of a file were read. */
interface ReadClock {
  readonly clock_option: ClockOption;
  readonly timezone: string;
}

/** What to state where stamps are of another clock than they were read on. @param sources of one symbol */
export function clockHint({ by, values }: Finding, sources: readonly ReadClock[]): string {
  const options = [...new Set(sources.map(({ clock_option }) => clock_option))];
  const zones = [...new Set(sources.map(({ timezone }) => timezone))];
  const [option] = options;
  const [zone] = zones;
  if (option === undefined || options.length > 1 || zones.length > 1)
    return 'Import file by file, so that each can have a clock of its own: --timezone, or --epoch-timezone for stamps that claim to be UTC.';
  if (by === 'single_weeks' && Number(values['weeks']) < Number(values['of']))
    return `Import these weeks as a file of their own, with ${statement(option, zone!, values)}.`;
  const orClose = values['or_close_stamped'] === undefined ? '' : ', or --stamp close where the stamps are of closes';
  return `State the clock: ${statement(option, zone!, values)}${orClose}.`;
}

/** The option and the clock that is right, where the finding shows it. */
function statement(option: ClockOption, zone: string, values: Finding['values']): string {
  return `${option} ${rightClock(zone, values) ?? '<zone>'}`;
}

/** @param zone on which the stamps were read. @returns null where the finding does not show the clock */
function rightClock(zone: string, { hours, zone: found }: Finding['values']): string | null {
  if (hours !== undefined) return shiftedZone(parseTimeZone(zone), Number(hours) * 3600)?.name ?? null;
  const isOffset = /^[+-]\d/.test(String(found));
  return zone === 'UTC' && isOffset ? String(found) : null;
}
