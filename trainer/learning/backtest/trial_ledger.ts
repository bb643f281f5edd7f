import * as z from 'zod';
import { changeCounts, covers, holdoutOfKey, keyOf, readCounts, type CountsFile, type Holdout } from './counts_file.ts';

/** What tries configurations on the bars before a holdout. */
export const TRIAL_KINDS = ['training', 'thresholds', 'league', 'automl', 'evolution', 'rule', 'direction'] as const;
export type TrialKind = (typeof TRIAL_KINDS)[number];

const ledgerSchema = z.record(
  z.string(),
  z.array(
    z.strictObject({
      /** Identity of the work, 64 hex digits. */
      work: z.string(),
      kind: z.enum(TRIAL_KINDS),
      trials: z.int().positive(),
      /** Trials of other works when this one was first counted. */
      before: z.int().min(0),
    }),
  ),
);
type Ledger = z.infer<typeof ledgerSchema>;

const FILE: CountsFile<Ledger> = { name: 'trials.json', schema: ledgerSchema };

/** Configurations that were tried on the bars before a holdout. */
export interface TriedWork {
  readonly kind: TrialKind;
  /** Identity of the work: doing the same once more is no further trial. 64 hex digits. */
  readonly work: string;
  readonly trials: number;
}

/**
 * Trials of all other works on the bars before this holdout, of whatever kind, since this models folder exists.
 * Holdouts that have nine tenths of this one's time count as it, as for looks. For a work that was counted already, the
 * number of that time: making a bundle again gives the same figures.
 * @throws MinutehandError LOOKS_FORMAT
 */
export function trialsBefore(modelsFolder: string, holdout: Holdout, work: string): number {
  return beforeIn(readCounts(modelsFolder, FILE) ?? {}, holdout, work);
}

/**
 * Counts the trials of a work for ever: a choice among configurations that were tried on the same bars is better by
 * chance the more of them there were, whether one search or several tried them.
 * @returns all trials on the bars before this holdout, these included
 * @throws MinutehandError LOOKS_FORMAT, HOME_LOCKED, HOME_UNUSABLE
 */
export function countTrials(modelsFolder: string, holdout: Holdout, tried: TriedWork): number {
  return changeCounts(modelsFolder, FILE, (counts) => {
    const ledger = counts ?? {};
    const { work, kind, trials } = tried;
    const before = beforeIn(ledger, holdout, work);
    const key = keyOf(holdout);
    const known = ledger[key] ?? [];
    const own = Math.max(trials, known.find((entry) => entry.work === work)?.trials ?? 0);
    const others = known.filter((entry) => entry.work !== work);
    return { counts: { ...ledger, [key]: [...others, { work, kind, trials: own, before }] }, result: before + own };
  });
}

function beforeIn(ledger: Ledger, holdout: Holdout, work: string): number {
  const own = ledger[keyOf(holdout)]?.find((entry) => entry.work === work);
  if (own !== undefined) return own.before;
  return Object.keys(ledger)
    .filter((key) => covers(holdoutOfKey(key), holdout))
    .reduce((sum, key) => sum + ledger[key]!.reduce((total, entry) => total + entry.trials, 0), 0);
}
