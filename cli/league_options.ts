import { MinutehandError } from '../shared/errors.ts';
import type { FailedEntrant } from '../trainer/learning/league/failed_entrants.ts';
import { MAX_SEEDS } from '../trainer/jobs/kinds/league_job.ts';
import { warningText, type TrainingWarning } from '../shared/bundle/training_warning.ts';
import type { ServingCost } from '../trainer/learning/league/serving_cost.ts';
import type { Figure } from '../trainer/learning/statistics/standings.ts';
import { placeboVerdict, type PlaceboEarner } from '../trainer/learning/league/placebo_verdict.ts';
import { endPartly, FAILED, type Output } from './output.ts';
import { parseInteger } from './period.ts';

/** `--seeds` of a league of any strategy. @throws MinutehandError USAGE */
export function parseSeeds(text: string): number {
  const seeds = parseInteger(text, '--seeds', 1);
  if (seeds <= MAX_SEEDS) return seeds;
  throw new MinutehandError('USAGE', { seen: `--seeds ${text}`, expected: `at most ${MAX_SEEDS}` });
}

/** Log losses by seed as one cell: the least and the greatest. */
export function rangeOf(values: readonly number[]): string {
  const least = Math.min(...values).toFixed(5);
  return values.length === 1 ? least : `${least} to ${Math.max(...values).toFixed(5)}`;
}

/** A value with its standard error as one cell; `–` without a value. */
export function figureText({ value, standard_error: error }: Figure, digits: number): string {
  return `${value === null ? '–' : value.toFixed(digits)}${error === null ? '' : ` ± ${error.toFixed(digits)}`}`;
}

const BYTES_PER_KB = 1000;

/** Size of a model as one cell, kB. */
export function sizeText({ bytes }: Pick<ServingCost, 'bytes'>): string {
  return (bytes / BYTES_PER_KB).toFixed(1);
}

/** Latency in the daemon as one cell, µs. */
export function latencyText({ latency_us: { p50, p99 } }: Pick<ServingCost, 'latency_us'>): string {
  return `${p50.toFixed(0)}, p99 ${p99.toFixed(0)}`;
}

/** What a league of any strategy says of itself. */
interface LeagueEnd {
  readonly failed: readonly FailedEntrant[];
  readonly warnings: readonly TrainingWarning[];
  readonly earners_on_placebo: readonly PlaceboEarner[];
}

/**
 * Ends a league that has shown its result: with FAILED where an entrant earns on a placebo, else with PARTLY_DONE where
 * entrants have no result, each with its error.
 */
export function endLeague(
  { failed, warnings, earners_on_placebo }: LeagueEnd,
  output: Pick<Output, 'missing' | 'note'>,
): void {
  for (const warning of warnings) output.note(`warning: ${warningText(warning)}`);
  endWithout(failed, output);
  const verdict = placeboVerdict(earners_on_placebo);
  if (verdict === null) return;
  output.note(verdict);
  process.exitCode = FAILED;
}

function endWithout(failed: readonly FailedEntrant[], output: Pick<Output, 'missing'>): void {
  const missing = failed.map(
    ({ name, code, message, next }) => `${name} has no result. ${code}: ${message}\n  → ${next}`,
  );
  endPartly(missing, true, output);
}

/** What an interrupted league leaves. @param kept entrants that have ended, in order */
export function keptText(kept: readonly string[]): string {
  if (kept.length === 0) return 'No figures were kept.';
  return `Kept for the same command: ${kept.join(', ')}.`;
}

/** @param names of entrants, at least one */
export function takenOverText(names: readonly string[]): string {
  return `Taken over from an unfinished league like this one, with the times and the memory of that time: ${names.join(', ')}.`;
}
