import { isSure } from '../../learning/automl/search_formulas.ts';
import type { FoundFormulas } from './training_process.ts';

/** Candidates of a run that are kept, the surest first: all of them are thousands. */
const KEPT = 20;

/** What a run keeps of a search of formulas. */
export function aboutFormulas(found: FoundFormulas) {
  const { judged, rows, tested, confirmation, entries } = found;
  const counts: Record<string, number> = {};
  for (const { refusal } of judged) if (refusal !== null) counts[refusal] = (counts[refusal] ?? 0) + 1;
  const chosen = judged.filter(({ refusal }) => refusal === null);
  const isHelpful = isSure({ confirmation });
  return {
    metrics: {
      rows,
      tested,
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
    },
    isFound: chosen.length > 0,
    text:
      chosen.length === 0
        ? `no formula of ${judged.length} helps beyond chance`
        : `${chosen.map(({ candidate }) => candidate.name).join(', ')} chosen of ${judged.length}, ${isHelpful ? 'confirmed on later rows' : 'but the gain on later rows may be chance'}`,
  };
}
