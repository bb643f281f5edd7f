import { canLeaveOut, isSure } from '../../learning/automl/search_formulas.ts';
import type { FoundFormulas } from '../../jobs/records/job_answer.ts';

/** Candidates of a run that are kept, the surest first: all of them are thousands. */
const KEPT = 20;

/** What a run keeps of a search of formulas. */
export function aboutFormulas(found: FoundFormulas) {
  const { judged, rows, tested, untested, reused, confirmation, columns, without_idle, entries } = found;
  const idle = columns.filter(({ is_idle }) => is_idle).map(({ feature }) => feature);
  const counts: Record<string, number> = {};
  for (const { refusal } of judged) if (refusal !== null) counts[refusal] = (counts[refusal] ?? 0) + 1;
  const chosen = judged.filter(({ refusal }) => refusal === null);
  const isHelpful = isSure({ confirmation });
  return {
    metrics: {
      rows,
      tested,
      untested,
      reused,
      refused: counts,
      surest: judged.slice(0, KEPT).map(({ candidate, score, refusal }) => ({
        name: candidate.name,
        formula: candidate.text,
        p: score.p,
        refusal,
      })),
      chosen: chosen.map(({ candidate }) => candidate.name),
      confirmation,
      is_confirmed: isHelpful,
      /** As features.yaml has them. */
      entries,
      /** Present columns that AI1 is not shown to need, and the model without them. */
      idle_columns: { names: idle, without: without_idle, can_be_left_out: canLeaveOut({ without_idle }) },
    },
    isFound: chosen.length > 0,
    text:
      chosen.length === 0
        ? `no formula of ${judged.length} helps beyond chance`
        : `${chosen.map(({ candidate }) => candidate.name).join(', ')} chosen of ${judged.length}, ${isHelpful ? 'confirmed on later rows' : 'but the gain on later rows may be chance'}`,
  };
}
