/**
 * What the bars of one symbol show about themselves, the worst first. `SUSPECT` stands for evidence that something is
 * wrong which names no single cause.
 */
export const VERDICTS = [
  'EMPTY',
  'REJECTED',
  'FUTURE',
  'SWAPPED',
  'SCALED',
  'SHIFTED',
  'LAGS',
  'CLOSE_STAMPED',
  'DERIVED',
  'FROZEN',
  'FLAT_WEEKENDS',
  'GAP',
  'SUSPECT',
  'INCOMPLETE',
  'STALE',
  'OK',
] as const;
export type VerdictCode = (typeof VERDICTS)[number];

const REMARKS: readonly VerdictCode[] = ['OK', 'INCOMPLETE', 'STALE', 'EMPTY'];
/** Verdicts that keep bars out of the store unless they are accepted. INCOMPLETE and STALE are remarks. */
export const REFUSING: ReadonlySet<VerdictCode> = new Set(VERDICTS.filter((code) => !REMARKS.includes(code)));

/** One piece of evidence, as data: the text is made where a person reads it. */
export interface Finding {
  readonly code: Exclude<VerdictCode, 'OK'>;
  /** Which test found it: `week_opens`, `known_closes`, `geometry` … */
  readonly by: string;
  readonly values: Readonly<Record<string, string | number>>;
}

export interface Verdict {
  /** The worst finding, or OK. */
  readonly verdict: VerdictCode;
  /** One for each kind and test, the worst first. */
  readonly findings: readonly Finding[];
}

export function verdictOf(findings: readonly Finding[]): Verdict {
  const ordered = [...findings].sort((a, b) => VERDICTS.indexOf(a.code) - VERDICTS.indexOf(b.code));
  return { verdict: ordered[0]?.code ?? 'OK', findings: ordered };
}

/** Findings that keep the bars out, those accepted aside. */
export function refusals({ findings }: Verdict, accepted: ReadonlySet<VerdictCode>): readonly Finding[] {
  return findings.filter(({ code }) => REFUSING.has(code) && !accepted.has(code));
}
