import { meanOf } from '../../../shared/statistics.ts';
import { figureByDays, type Figure } from '../statistics/standings.ts';

/** What an entrant is in the table of increments; one with models of groups of pairs is in none of its steps. */
export type EntrantKind = 'baseline' | 'single' | 'groups' | 'ensemble';

export interface Increment {
  readonly step: 'baseline' | 'advanced_features' | 'ensemble';
  /** The best one of its kind. */
  readonly entrant: string;
  readonly log_loss: number;
  /** Log loss below that of the step before, paired row by row; its error is over days. null of the first step. */
  readonly gain: Figure | null;
}

interface Stepped {
  readonly name: string;
  readonly kind: EntrantKind;
  /** Of each row of the folds. */
  readonly losses: Float64Array;
}

const STEPS = [
  ['baseline', 'baseline'],
  ['advanced_features', 'single'],
  ['ensemble', 'ensemble'],
] as const;

/**
 * Baseline → advanced features → ensemble: what each step gains over the one before, by its best entrant. Steps that
 * no entrant has are left out.
 * @param entrants the best first
 * @param time epoch seconds of each row
 */
export function incrementsOf(entrants: readonly Stepped[], time: Float64Array): Increment[] {
  const steps: Increment[] = [];
  let before: Float64Array | null = null;
  for (const [step, kind] of STEPS) {
    const best = entrants.find((own) => own.kind === kind);
    if (best === undefined) continue;
    const { name, losses } = best;
    const earlier: Float64Array | null = before;
    steps.push({
      step,
      entrant: name,
      log_loss: meanOf(losses),
      gain:
        earlier === null
          ? null
          : figureByDays(
              losses.map((loss, row) => earlier[row]! - loss),
              time,
            ),
    });
    before = losses;
  }
  return steps;
}
