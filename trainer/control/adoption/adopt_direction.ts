import { activateAdmitted } from '../../../shared/bundle/admission/activation.ts';
import { admit } from '../../../shared/bundle/admission/admission.ts';
import type { RecordedGate } from '../../../shared/bundle/gates/gate_result.ts';
import type { DirectionJob } from '../../jobs/kinds/direction_job.ts';
import type { WrittenDirection } from '../../jobs/kinds/run_direction.ts';
import { beginRollout, rolloutGate, tellRegistry, type Adoption, type AdoptionPlace } from './adopt_trained.ts';

/**
 * Decides about a trained direction model, as `adoptTrained` does about models of pairs: behind the same lock, it
 * becomes the active one of its timeframe, begins its rollout by `adopt_by`, or stays a candidate.
 * @param trained results of its gates
 * @throws MinutehandError as admit, startRollout and activateAdmitted
 */
export async function adoptDirection(
  { version, path }: WrittenDirection,
  trained: readonly RecordedGate[],
  { adopt }: Pick<DirectionJob, 'adopt'>,
  place: AdoptionPlace,
): Promise<Adoption> {
  if (!adopt) return { adopted: false, rollout: null, gates: trained };
  const gates = [...trained, ...rolloutGate(place)];
  const tell = (outcome: { readonly adopted: boolean; readonly isCandidate: boolean }): Promise<void> =>
    tellRegistry({ version, ...outcome }, gates, place, 'direction');
  if (gates.some(({ passed }) => !passed)) {
    await tell({ adopted: false, isCandidate: false });
    return { adopted: false, rollout: null, gates };
  }
  const admitted = await admit(place, { door: 'adoption', folder: path, further: gates });
  const rollout = await beginRollout(admitted, place);
  if (rollout === null) activateAdmitted(admitted, place.paths);
  await tell({ adopted: rollout === null, isCandidate: rollout !== null });
  return { adopted: rollout === null, rollout, gates };
}
