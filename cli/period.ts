import { availableParallelism } from 'node:os';
import type { OpenTime } from '../shared/bar.ts';
import { epochSeconds } from '../shared/csv/stamps.ts';
import { MinutehandError } from '../shared/errors.ts';
import type { TrainingJob } from '../trainer/jobs/kinds/pair_reversion_job.ts';

export interface PeriodFlags {
  readonly from?: string;
  readonly to?: string;
}

/** From `from` on, up to but not including `to`; a side that was not given is open. */
export interface Period {
  readonly from?: OpenTime;
  readonly to?: OpenTime;
}

/** `--from` and `--to` of a command. @throws MinutehandError USAGE, also when they are empty */
export function parsePeriod({ from, to }: PeriodFlags): Period {
  const period = {
    ...(from === undefined ? {} : { from: parseDay(from, '--from') }),
    ...(to === undefined ? {} : { to: parseDay(to, '--to') }),
  };
  if (period.from !== undefined && period.to !== undefined && period.from >= period.to)
    throw new MinutehandError('USAGE', { seen: `--from ${from} --to ${to}`, expected: '--to after --from' });
  return period;
}

/** `2019-03-01` or `2019-03-01T12:00[Z]`, always UTC, as a bar open. @throws MinutehandError USAGE */
export function parseDay(text: string, option: string): OpenTime {
  const match = /^(\d{4}-\d{2}-\d{2})(?:T([01]\d:[0-5]\d|2[0-3]:[0-5]\d)(?::00)?Z?)?$/.exec(text);
  const ms = match === null ? NaN : Date.parse(`${match[1]}T${match[2] ?? '00:00'}:00Z`);
  // The 30th of February would otherwise be the 2nd of March.
  const isThere = !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(match![1]!);
  if (!isThere)
    throw new MinutehandError('USAGE', {
      seen: `${option} ${text}`,
      expected: 'a UTC day or minute such as 2019-03-01 or 2019-03-01T12:00Z',
    });
  return (ms / 1000) as OpenTime;
}

/**
 * Shown times of bars, in UTC: `2026-11-21 08:27`, `2026-11-21T08:27:00.000Z`, with or without seconds and zone, and
 * the word that stands before them.
 */
const SHOWN_TIME = /^(?:closed )?(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(?::(\d{2})(?:\.\d+)?)?(?:Z| ?UTC|\+00:00)?$/;
/** Seconds, milliseconds or microseconds from 1973 on. */
const EPOCH = /^\d{9,16}$/;

/**
 * The close of a bar as any output shows it: `status`, the dashboard, signals, logs (`2026-11-21 08:27`,
 * `2026-11-21T08:27:00Z`, epoch seconds, milliseconds). Times within a minute after it, such as `generated_at_ms` and
 * those of log lines, are of this close as well.
 * @throws MinutehandError USAGE
 */
export function parseBarClose(text: string): number {
  const [, day, minute] = SHOWN_TIME.exec(text.trim()) ?? [];
  const ms = day === undefined ? NaN : Date.parse(`${day}T${minute}:00Z`);
  if (!Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day!)) return ms / 1000;
  if (EPOCH.test(text.trim())) return Math.floor(epochSeconds(Number(text)) / 60) * 60;
  throw new MinutehandError('USAGE', {
    seen: `time ${text}`,
    expected: 'the close of a bar in UTC, such as 2026-11-21 08:27, 2026-11-21T08:27:00Z or epoch seconds',
  });
}

/** A time that `parseBarClose` takes, with its seconds. @returns epoch ms */
export function parseShownMs(text: string): number {
  const shown = text.trim();
  if (EPOCH.test(shown)) return Math.round(1000 * epochSeconds(Number(shown)));
  const plain = shown.replace(/^closed /, '').replace(/(?:Z| ?UTC|\+00:00)$/, '');
  return Date.parse(`${plain.replace(' ', 'T')}Z`);
}

/** `--workers`: one for each core when it is not given. @throws MinutehandError USAGE */
export function parseWorkers(text: string | undefined, least = 1): number {
  return text === undefined ? availableParallelism() : parseInteger(text, '--workers', least);
}

/** @throws MinutehandError USAGE */
export function parseInteger(text: string, option: string, least = 0): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
    throw new MinutehandError('USAGE', { seen: `${option} ${text}`, expected: `a whole number from ${least} on` });
  }
  return value;
}

/** `--from`, `--to` and `--days` as the window of a job. @throws MinutehandError USAGE */
export function parseWindow(flags: PeriodFlags & { readonly days?: string }): TrainingJob['window'] {
  const { from, to } = parsePeriod(flags);
  return {
    from: from === undefined ? null : instantOf(from),
    to: to === undefined ? null : instantOf(to),
    days: flags.days === undefined ? null : parseInteger(flags.days, '--days', 1),
  };
}

/** `2019-03-01T12:00:00Z`. */
export function instantOf(time: OpenTime): string {
  return `${new Date(time * 1000).toISOString().slice(0, 19)}Z`;
}

/** `--holdout-from` as a job has it; null: not given. @throws MinutehandError USAGE */
export function parseHoldoutFrom(text: string | undefined): string | null {
  return text === undefined ? null : instantOf(parseDay(text, '--holdout-from'));
}
