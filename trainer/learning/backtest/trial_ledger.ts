import * as z from 'zod';
import { MinutehandError } from '../../../shared/errors.ts';
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
  /** Trials of other works, where they are counted by another rule than that of `trialsBefore`. */
  readonly before?: number;
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
 * As `trialsBefore`, over all holdouts of the market and the subject: the bars on which a rule is chosen are those on
 * which earlier searches chose, wherever their holdout began. Moving the holdout does not reset the count.
 *
 * A holdout on whose bars a search has chosen rules already, since its own holdout began later, is refused: a rule that
 * is chosen there shows its edge on them by the choice alone. A work that was counted at this holdout before stays what
 * it was.
 * @throws MinutehandError HOLDOUT_SEARCHED, LOOKS_FORMAT
 */
export function trialsOnSubject(modelsFolder: string, holdout: Holdout, work: string): number {
  const ledger = readCounts(modelsFolder, FILE) ?? {};
  const own = ledger[keyOf(holdout)]?.find((entry) => entry.work === work);
  if (own !== undefined) return own.before;
  refuseSearchedHoldout(ledger, holdout);
  return keysOfSubject(ledger, holdout)
    .flatMap((key) => ledger[key]!)
    .reduce((total, entry) => total + (entry.work === work ? 0 : entry.trials), 0);
}

function refuseSearchedHoldout(ledger: Ledger, holdout: Holdout): void {
  const searched = keysOfSubject(ledger, holdout).filter(
    (key) =>
      Date.parse(holdoutOfKey(key).from) > Date.parse(holdout.from) &&
      ledger[key]!.some(({ kind }) => kind === 'evolution'),
  );
  if (searched.length === 0) return;
  const end = searched
    .map((key) => holdoutOfKey(key).from)
    .sort()
    .at(-1)!;
  throw new MinutehandError('HOLDOUT_SEARCHED', {
    seen: `a holdout of ${holdout.subject ?? 'all pairs'} from ${holdout.from}, and a search of rules up to ${end}`,
    expected: `--holdout-from ${end} or later`,
  });
}

function keysOfSubject(ledger: Ledger, { market, subject }: Holdout): string[] {
  return Object.keys(ledger).filter((key) => {
    const other = holdoutOfKey(key);
    return other.market === market && other.subject === subject;
  });
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
    const before = tried.before ?? beforeIn(ledger, holdout, work);
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
