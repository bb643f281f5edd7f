import { activateAdmitted } from '../../../shared/bundle/admission/activation.ts';
import { admit } from '../../../shared/bundle/admission/admission.ts';
import { readActiveDirection } from '../../../shared/bundle/direction/active_direction.ts';
import type { RecordedGate } from '../../../shared/bundle/gates/gate_result.ts';
import type { DirectionJob } from '../../jobs/kinds/direction_job.ts';
import type { WrittenDirection } from '../../jobs/kinds/run_direction.ts';
import { tellRegistry, type Adoption, type AdoptionPlace } from './adopt_trained.ts';

export interface DirectionAdoption extends Adoption {
  /** Why a bundle that passed its gates was left as a candidate; null: it was not. */
  readonly withheld: string | null;
}

/**
 * Decides about a trained direction model, as `adoptTrained` does about models of pairs: behind the same lock, it
 * becomes the active one of its timeframe or stays a candidate.
 * @param trained results of its gates
 * @throws MinutehandError as admit and activateAdmitted
 */
export async function adoptDirection(
  { version, path }: WrittenDirection,
  trained: readonly RecordedGate[],
  { adopt, timeframe }: Pick<DirectionJob, 'adopt' | 'timeframe'>,
  place: AdoptionPlace,
): Promise<DirectionAdoption> {
  const candidate = { adopted: false, rollout: null, gates: trained, withheld: null };
  if (!adopt) return candidate;
  const tell = (outcome: { readonly adopted: boolean; readonly isCandidate: boolean }): Promise<void> =>
    tellRegistry({ version, ...outcome }, trained, place, 'direction');
  if (trained.some(({ passed }) => !passed)) {
    await tell({ adopted: false, isCandidate: false });
    return candidate;
  }
  // A rollout compares models of pairs: a person decides what takes the place of a direction model in use.
  if (place.settings.retrain.adopt_by === 'rollout' && readActiveDirection(place.paths.models, timeframe) !== null) {
    const withheld = `adopt_by is rollout, which direction models do not have: \`minutehand models promote ${version}\` replaces the active one`;
    place.note(`${withheld}.`);
    await tell({ adopted: false, isCandidate: true });
    return { ...candidate, withheld };
  }
  activateAdmitted(await admit(place, { door: 'adoption', folder: path, further: trained }), place.paths);
  await tell({ adopted: true, isCandidate: false });
  return { ...candidate, adopted: true };
}
