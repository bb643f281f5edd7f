import type { Verdict } from './finding.ts';

/** What the store keeps of the verdicts of an import. */
export interface StoredVerdicts {
  readonly symbols: Readonly<Record<string, Verdict>>;
  /** Verdicts that did not keep bars out. */
  readonly accepted: readonly string[];
}

/** @param text of an import, a deletion or a decision about received bars; what it has no word for is empty */
export function readStoredVerdicts(text: string): StoredVerdicts {
  const { symbols = {}, accepted = [] } = JSON.parse(text) as Partial<StoredVerdicts>;
  return { symbols, accepted };
}
