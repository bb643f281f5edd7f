import { MinutehandError } from '../shared/errors.ts';

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = /^(\d{1,4})([smhd])$/;

/** What an option takes, such as `--for`: a number and one of these units; `example` shows it. */
export interface DurationOption {
  readonly option: string;
  readonly units: readonly (keyof typeof UNIT_MS)[];
  readonly example: string;
}

/**
 * Milliseconds of `30m`, `2h` or `7d`.
 * @throws MinutehandError USAGE
 */
export function durationMs(text: string, { option, units, example }: DurationOption): number {
  const [, number, unit] = DURATION.exec(text) ?? [];
  const known = units.find((own) => own === unit);
  if (known === undefined) throw new MinutehandError('USAGE', { seen: `${option} ${text}`, expected: example });
  return Number(number) * UNIT_MS[known];
}
