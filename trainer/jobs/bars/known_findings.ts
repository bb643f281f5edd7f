import * as z from 'zod';
import type { Finding } from '../../../shared/bar_file/verdict/finding.ts';
import type { ImportRun } from '../../store/import_runs.ts';

/** Whether a finding of a symbol's stored bars was accepted by an import that stands. */
export type KnownFindings = (symbol: string, finding: Finding) => boolean;

export const NOTHING_KNOWN: KnownFindings = () => false;

/** As `summaryOf` in import.ts writes it. */
const recordedFinding = z.object({
  code: z.string(),
  by: z.string(),
  values: z.record(z.string(), z.union([z.string(), z.number()])),
});
type RecordedFinding = z.infer<typeof recordedFinding>;
const verdictsSchema = z.object({
  symbols: z.record(z.string(), z.object({ findings: z.array(recordedFinding) })),
  accepted: z.array(z.string()),
});

/**
 * What imports have accepted. Evidence that is new since then is not known: another test, another gap, or one more.
 * @param runs imports and deletions of one market
 */
export function knownFindings(
  runs: readonly Pick<ImportRun, 'verdicts' | 'undone_ms' | 'finished_ms'>[],
): KnownFindings {
  const known: { readonly symbol: string; readonly finding: RecordedFinding }[] = [];
  for (const { verdicts, undone_ms, finished_ms } of runs) {
    if (undone_ms !== null || finished_ms === null) continue;
    const read = verdictsSchema.safeParse(JSON.parse(verdicts));
    if (!read.success) continue;
    const { symbols, accepted } = read.data;
    for (const [symbol, { findings }] of Object.entries(symbols))
      for (const finding of findings) if (accepted.includes(finding.code)) known.push({ symbol, finding });
  }
  return (symbol, finding) => known.some((one) => one.symbol === symbol && isSame(one.finding, finding));
}

/** A finding of gaps names the longest and counts all; other evidence of one test is about the symbol as a whole. */
function isSame(recorded: RecordedFinding, { code, by, values }: Finding): boolean {
  if (recorded.code !== code || recorded.by !== by) return false;
  if (code !== 'GAP') return true;
  const { from, to, gaps } = recorded.values;
  return from === values['from'] && to === values['to'] && Number(values['gaps']) <= Number(gaps);
}
