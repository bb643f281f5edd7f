import { ADOPTION_GATES, PAIR_GATES as PAIR_CODES, type GateRole } from '../../../shared/bundle/gates/gate_codes.ts';
import type { GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import { MODEL_NAMES } from '../../../shared/core/features/feature.ts';
import { auc } from './auc.ts';
import { aucPlausible } from './auc_plausible.ts';
import { brier } from './brier.ts';
import { champion, championAuc, championBrier, championNetSharpe } from './champion.ts';
import { edgeWithColumnsOneBarLater } from './edge_with_columns_one_bar_later.ts';
import { executableOneMinuteLater, executableOutsideWideMinutes } from './executable.ts';
import type { AdoptionEvidence, BundleEvidence, Gate, ModelEvidence } from './gate.ts';
import { goldenVectors } from './golden_vectors.ts';
import {
  featuresLookAhead,
  fittedOnTrainingRowsOnly,
  foldBorders,
  labelEnds,
  servedColumns,
  shuffledLabels,
  shuffledLabelsRefused,
} from './leakage.ts';
import { predictionDispersion } from './prediction_dispersion.ts';
import { aucAboveNoise, f1, f1AboveChance, samples } from './quality.ts';
import { riskPassRate } from './risk_pass_rate.ts';
import { skill } from './skill.ts';

/** Gates of the bundle as a whole, in the order of their results. */
export const BUNDLE_GATES: readonly Gate<BundleEvidence>[] = [
  auc,
  brier,
  riskPassRate,
  executableOutsideWideMinutes,
  executableOneMinuteLater,
  skill,
  edgeWithColumnsOneBarLater,
  aucPlausible,
  featuresLookAhead,
  servedColumns,
  labelEnds,
];

/** Gates of each model. */
export const MODEL_GATES: readonly Gate<ModelEvidence & Pick<BundleEvidence, 'limits'>>[] = [
  samples,
  f1,
  f1AboveChance,
  aucAboveNoise,
  predictionDispersion,
  foldBorders,
  fittedOnTrainingRowsOnly,
  shuffledLabels,
  shuffledLabelsRefused,
];

/**
 * Gates of a written bundle beside the active one, before it becomes active. `adoptTrained` adds `rollout`, which is no
 * property of the bundle; those of direction models and rules are in their rooms.
 */
export const COMPARISON_GATES: readonly Gate<AdoptionEvidence>[] = [
  goldenVectors,
  champion,
  championAuc,
  championBrier,
  championNetSharpe,
];

/** Those of models of pairs, in the order of their results. */
export const GATES: readonly Gate<never>[] = [...BUNDLE_GATES, ...MODEL_GATES, ...COMPARISON_GATES];

/** Results of the gates of a training run: of the bundle, then of each model. */
export function checkTraining(evidence: BundleEvidence): GateResult[] {
  const { models, limits } = evidence;
  const ofBundle = BUNDLE_GATES.flatMap((gate) => rolesOf(gate).flatMap((role) => gate.check(evidence, role) ?? []));
  const ofModels = MODEL_NAMES.flatMap((name) =>
    MODEL_GATES.filter((gate) => rolesOf(gate).includes(name)).flatMap((gate) => {
      const result = gate.check({ ...models[name], limits }, name);
      return result === null ? [] : [{ ...result, role: name }];
    }),
  );
  return [...ofBundle, ...ofModels];
}

/** Results of the gates of a written bundle. */
export function checkAdoption(evidence: AdoptionEvidence): GateResult[] {
  const { role } = evidence;
  return COMPARISON_GATES.flatMap((gate) => {
    const result = gate.check(evidence, role);
    return result === null ? [] : [{ ...result, role }];
  });
}

/** What a gate judges: each has a result of its own. */
export function rolesOf({ code }: Pick<Gate<never>, 'code'>): readonly (GateRole | null)[] {
  const known: Readonly<Record<string, { readonly roles: readonly (GateRole | null)[] }>> = {
    ...PAIR_CODES,
    ...ADOPTION_GATES,
  };
  return known[code]!.roles;
}
