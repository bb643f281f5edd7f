import { registeredShelf } from '../../../shared/bundle/shelf_name.ts';
import { activateAdmitted, activateInFolder } from '../../../shared/bundle/admission/activation.ts';
import { admit, type AdmissionPlace, type Admitted } from '../../../shared/bundle/admission/admission.ts';
import { failuresOf, servingFailures } from '../../../shared/bundle/recorded_gates.ts';
import { readPointerFile } from '../../../shared/bundle/pointer.ts';
import { readRollout, type Rollout } from '../../../shared/bundle/rollout.ts';
import { describeError, MinutehandError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { pathInside } from '../../../shared/path_name.ts';
import type { RecordedGate } from '../../../shared/bundle/gates/gate_result.ts';
import type { ShelfName } from '../../../shared/strategies/registry.ts';
import { shelfNamed } from '../../../shared/bundle/shelves/registry.ts';
import { followInMetadata } from '../registry/metadata_views.ts';
import { enterOutcome, retentionFailures, type Outcome } from '../registry/outcome.ts';
import type { Registry } from '../registry/registry.ts';
import { shadowPower } from '../rollout/shadow_power.ts';
import { rolloutRules, stagesMs } from '../rollout/rules.ts';
import { replaceUpdate, returnedUpdates, startRollout, takesUpdates } from '../rollout/steps.ts';
import { whenUnlocked } from '../../../shared/process/home_lock.ts';
import { slotOfRollout } from '../../../shared/subject/written_names.ts';
import { filesOf } from '../../../shared/bundle/slot_files.ts';

const MS_PER_DAY = 86_400_000;

export interface AdoptionPlace extends Omit<AdmissionPlace, 'paths'> {
  readonly paths: AdmissionPlace['paths'] & Parameters<typeof startRollout>[0]['paths'];
  /**
   * Runs `work` with a registry of this installation.
   * @param shelf by default that of pairs
   */
  withRegistry<Result>(work: (registry: Registry) => Promise<Result>, shelf?: ShelfName): Promise<Result>;
  /** A remark for the person or log. */
  note(text: string): void;
}

/** What a training has made, of any strategy. */
export interface TrainedBundle {
  readonly shelf: ShelfName;
  readonly version: string;
}

/** What its job says about its use. */
export interface AdoptedJob {
  readonly adopt: boolean;
  /** Of the job; a warm start is an update, of which `online_learning` decides. */
  readonly kind?: string;
  /** folder: of bundles; null: that of this installation. */
  readonly output: { readonly folder: string | null };
}

export interface Adoption {
  /** Whether it is the active version now. */
  readonly adopted: boolean;
  /** Id of the rollout that it began instead of being activated. */
  readonly rollout: string | null;
  /** The gates of the training, and those of the adoption. */
  readonly gates: readonly RecordedGate[];
}

/**
 * Decides about a trained bundle: activates it, starts its rollout by `adopt_by`, or leaves it as a candidate. The only
 * place where a training's result becomes active, whoever asked for it. The metadata views follow.
 * @param bundle shelf and version of the bundle
 * @param verdicts of its gates
 * @throws MinutehandError as admit, startRollout and activate
 */
export async function adoptTrained(
  bundle: TrainedBundle,
  verdicts: readonly RecordedGate[],
  job: AdoptedJob,
  place: AdoptionPlace,
): Promise<Adoption> {
  try {
    return await decide(bundle, verdicts, job, place);
  } finally {
    // Also of a bundle that is no more than written, and of a rejected one.
    followInMetadata(job.output.folder ?? place.paths.models, place.note);
  }
}

async function decide(
  bundle: TrainedBundle,
  verdicts: readonly RecordedGate[],
  job: AdoptedJob,
  place: AdoptionPlace,
): Promise<Adoption> {
  const { adopt, output } = job;
  if (!adopt) return { adopted: false, rollout: null, gates: verdicts };
  refuseReturnedUpdate(job, place);
  const isOwn = output.folder === null;
  const isUpdate = isOnlineUpdate(job, place.settings);
  const gates = isOwn ? [...verdicts, ...rolloutGate(place, isUpdate)] : verdicts;
  const passed = servingFailures(gates, place.settings.retrain.claims_veto).length === 0;
  const admitted = passed ? await admitNew(bundle, gates, output.folder, place) : null;
  const rollout = admitted?.door === 'adoption' ? await beginRollout(admitted, bundle.shelf, place, isUpdate) : null;
  const adopted = admitted !== null && rollout === null;
  if (adopted) {
    await whenUnlocked(() =>
      admitted.door === 'adoption'
        ? activateAdmitted(admitted, place.paths)
        : activateInFolder(admitted, output.folder!),
    );
  }
  const outcome = { version: bundle.version, adopted, isCandidate: rollout !== null };
  if (isOwn) await tellRegistry(outcome, gates, place, bundle.shelf);
  return { adopted, rollout, gates };
}

/** @throws MinutehandError as admit */
function admitNew(
  { shelf, version }: TrainedBundle,
  gates: readonly RecordedGate[],
  outFolder: string | null,
  place: AdoptionPlace,
): Promise<Admitted<'adoption'> | Admitted<'folder'>> {
  const folder = pathInside(outFolder ?? shelfNamed(shelf).folder(place.paths.models), version);
  const door = outFolder === null ? 'adoption' : 'folder';
  return admit<'adoption' | 'folder'>(place, { door, folder, further: gates });
}

/** Whether `online_learning` decides about what a job has made: a rollout, never a swap, whatever `adopt_by` says. */
function isOnlineUpdate({ adopt, kind, output }: AdoptedJob, { retrain }: AdoptionPlace['settings']): boolean {
  return adopt && output.folder === null && kind === 'warm_start' && retrain.online_learning !== 'off';
}

/**
 * Refuses an update of models whose updates were compared with them before, and had to return: asked again every day
 * until it passes, the same comparison would pass by chance.
 * @throws MinutehandError WARM_START_REFUSED
 */
export function refuseReturnedUpdate(
  job: AdoptedJob,
  { settings, paths }: Pick<AdoptionPlace, 'settings' | 'paths'>,
): void {
  if (!isOnlineUpdate(job, settings)) return;
  const before = returnedUpdates(paths);
  if (before === null) return;
  throw new MinutehandError('WARM_START_REFUSED', {
    seen: `rollout ${before.id} of the updates of ${before.champion} was ${before.status}: ${before.reason}`,
    expected: 'other active models: updates begin anew with the next full training that is adopted',
    next: 'Wait for the next full training. `minutehand train --warm-start` without --adopt makes an update to look at.',
  });
}

/** By `adopt_by: rollout`, and for an update, a candidate waits for the end of the active rollout of others. */
function rolloutGate({ settings: { retrain }, paths }: AdoptionPlace, isUpdate: boolean): RecordedGate[] {
  if (retrain.adopt_by !== 'rollout' && !isUpdate) return [];
  const rollout = readRollout(paths.models);
  const isOpen = rollout?.status !== 'active' || (isUpdate && takesUpdates(paths, rollout));
  const active = isOpen ? null : rollout.id;
  return [
    {
      code: 'rollout',
      role: null,
      passed: active === null,
      value: active === null ? 0 : 1,
      relation: '<=',
      limit: 0,
      unit: 'count',
      evidence: active === null ? {} : { active },
    },
  ];
}

/**
 * By `adopt_by: rollout` a bundle that passed all gates is the challenger of the active models, of pairs or of its
 * timeframe; and so is an update, which takes the place of the one before.
 * @returns the id of the rollout; null when it is to be activated: there are no active models yet, or by policy
 */
async function beginRollout(
  admitted: Admitted<'adoption'>,
  shelf: ShelfName,
  place: AdoptionPlace,
  isUpdate: boolean,
): Promise<string | null> {
  const { settings, paths, note } = place;
  const { version } = admitted;
  const isFirst = readPointerFile(filesOf(paths.models, admitted.slot).active, MACHINE_FILES) === null;
  if ((settings.retrain.adopt_by !== 'rollout' && !isUpdate) || isFirst) return null;
  await place.withRegistry((registry) => registry.register(version), shelf);
  const before = readRollout(paths.models);
  if (isUpdate && before !== null && takesUpdates(paths, before)) {
    const changed = await whenUnlocked(() => replaceUpdate({ settings, paths }, admitted));
    await tellStart(changed, place);
    note(`Rollout ${changed.id} goes on with update ${changed.updates!.length}: ${version}.`);
    return changed.id;
  }
  const known = await shadowPower({ settings, paths }, admitted);
  const rollout = await whenUnlocked(() => startRollout({ settings, paths }, admitted, known, isUpdate));
  await tellStart(rollout, place);
  const { id, power } = rollout;
  note(`Rollout ${id} begins; power ${power === null ? 'unknown' : power.toFixed(2)}.`);
  if (isUpdate) noteShortTime(place);
  return id;
}

/** A full training that is adopted ends a rollout of updates: by the weekly schedule perhaps before its last stage. */
function noteShortTime({ settings: { retrain }, note }: AdoptionPlace): void {
  const { adopt_by, retrain_weekly_cron } = retrain;
  const days = stagesMs(rolloutRules(retrain)) / MS_PER_DAY;
  if (adopt_by !== 'swap' || retrain_weekly_cron === null || days < 7) return;
  note(
    `Its stages take ${days.toFixed(1)} days, and a full training that is adopted ends it: retrain_weekly_cron is ${retrain_weekly_cron}; null leaves it the time.`,
  );
}

/** The rollout has begun: a registry that cannot be reached has no event of it. */
export async function tellStart(
  rollout: Rollout,
  { withRegistry, note }: Pick<AdoptionPlace, 'withRegistry' | 'note'>,
): Promise<void> {
  const shelf = registeredShelf(slotOfRollout(rollout));
  if (shelf === null) return;
  try {
    await withRegistry((registry) => registry.startRollout(rollout), shelf);
  } catch (error) {
    note(`The registry has no event of it: ${describeError(error).message}`);
  }
}

/**
 * A store that cannot be used does not undo what is done: the pointer is what counts, and the trainer's registry
 * follows it.
 */
async function tellRegistry(
  about: Omit<Outcome, 'reasons'>,
  gates: readonly RecordedGate[],
  { settings, withRegistry, note }: Pick<AdoptionPlace, 'settings' | 'withRegistry' | 'note'>,
  shelf: ShelfName,
): Promise<void> {
  const outcome = { ...about, reasons: about.adopted || about.isCandidate === true ? [] : failuresOf(gates) };
  const { model_version_retention } = settings.retrain;
  try {
    const old = await withRegistry((registry) => enterOutcome(registry, outcome, model_version_retention), shelf);
    for (const failure of retentionFailures(old)) note(failure);
  } catch (error) {
    note(`The registry was not updated: ${describeError(error).message}`);
  }
}
