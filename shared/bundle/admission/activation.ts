import { dirname, join } from 'node:path';
import { MACHINE_FILES } from '../../files.ts';
import type { HomePaths } from '../../home.ts';
import { MinutehandError } from '../../errors.ts';
import type { FileSystem } from '../../ports.ts';
import { pointerKind, type ActiveFile } from '../active_file.ts';
import type { ActivePointer, PointerPlace } from '../pointer.ts';
import { readPointerOrNull, whilePointerLocked, writeSealed } from '../pointer_file.ts';
import { trainerMarks, trainerMarksOf, type PointerMarks } from '../pointer_marks.ts';
import type { DespiteGates } from '../recorded_gates.ts';
import { expiryOf, type PointerKind, type WritableKind } from '../sealed_pointer.ts';
import { shadowPointer, type ShadowFile } from '../shadow_pointer.ts';
import { checkSame, type Admitted } from './admission.ts';
import { pointerFence } from './pointer_fence.ts';
import { isRuleSlot, type ModelSlotId, ruleSlot } from '../../subject/slot.ts';
import { folderOf, filesOf } from '../slot_files.ts';

/** Doors behind which a bundle is active at once. */
export type ActivatingDoor = 'adoption' | 'promotion' | 'rollback' | 'rollout_end';

/**
 * Makes an admitted bundle of the models folder the active one: of the pairs, of its timeframe, or of its instrument. A
 * reader sees the old or the new pointer, never a part. A damaged or refused pointer is replaced by one without a
 * predecessor. The serial rises, also when an older bundle becomes active again.
 * @throws MinutehandError MODEL_MISSING, MODEL_EXISTS, KEY_UNUSABLE, POINTER_MARK, HOME_LOCKED; PROMOTION_STALE when a
 * later owner of promotions has written the pointer since the admission
 */
export function activateAdmitted(
  admitted: Admitted<ActivatingDoor>,
  paths: Pick<HomePaths, 'models' | 'home'>,
): ActivePointer {
  checkSame(admitted, paths.models);
  const place = filesOf(paths.models, admitted.slot).active;
  return activateAt(place, admitted, MACHINE_FILES, trainerMarks(paths, place.name));
}

/**
 * Ends serving a rule: its pointer is removed, and refused should it come back.
 * @returns the version that was served, or `(damaged)`; null when none was
 * @throws MinutehandError HOME_LOCKED, NAME_UNSAFE, POINTER_MARK
 */
export function endRule(instrument: string, paths: Pick<HomePaths, 'models' | 'home'>): string | null {
  return endPointer(filesOf(paths.models, ruleSlot(instrument)).active, paths);
}

/**
 * Ends the shadow of an instrument that is a rule.
 * @returns as endRule
 * @throws MinutehandError as endRule
 */
export function endRuleShadow(instrument: string, paths: Pick<HomePaths, 'models' | 'home'>): string | null {
  return endPointer(filesOf(paths.models, ruleSlot(instrument)).shadow, paths);
}

/** @throws MinutehandError HOME_LOCKED, POINTER_MARK */
function endPointer(place: PointerPlace, paths: Pick<HomePaths, 'home'>): string | null {
  const files = MACHINE_FILES;
  if (files.stat(place.path) === null) return null;
  return whilePointerLocked(place.path, files, () => {
    const before = readPointerOrNull(pointerKind(place.name), place.path, files, null);
    // Before the file: should this process end here, the pointer is refused at the next start.
    trainerMarks(paths, place.name).end(before);
    files.remove(place.path);
    files.sync(dirname(place.path));
    return before?.version ?? '(damaged)';
  });
}

/**
 * The same in a folder of bundles that is no installation's.
 * @param marks by default none: the serial follows that of the file
 * @throws MinutehandError as activateAdmitted
 */
export function activateInFolder(
  admitted: Admitted<'folder'>,
  folder: string,
  files: FileSystem = MACHINE_FILES,
  marks: PointerMarks | null = null,
): ActivePointer {
  checkSame(admitted, folder, files);
  return activateAt(filesOf(folder, 'pairs').active, admitted, files, marks);
}

/**
 * Writes a lost pointer again, with the predecessor of the registry; with none when its bundle is not there. A pointer
 * that is valid by now stays: another process has written it since the loss was found. So does the end of a rule.
 * @throws MinutehandError as activateAdmitted; POINTER_ROLLBACK for a rule that is not the last one accepted here
 */
export function restoreActive(
  admitted: Admitted<'recovery'>,
  previous: string | null,
  modelsFolder: string,
  files: FileSystem,
  marks: PointerMarks | null,
): ActivePointer {
  checkSame(admitted, modelsFolder, files);
  const { version, slot, despite, fence } = admitted;
  const place = filesOf(modelsFolder, slot).active;
  return whilePointerLocked(place.path, files, () => {
    const newer = readPointerOrNull(pointerKind(place.name), place.path, files, marks);
    if (newer !== null) return newer;
    if (isRuleSlot(slot)) refuseNotLast(pointerKind(place.name), version, marks);
    const isThere =
      previous !== null && files.stat(join(folderOf(slot, previous, modelsFolder), 'manifest.json')) !== null;
    const pointer = { version, previous: isThere ? previous : null };
    const own = fenceAfter(place, fence, files, marks);
    return write(place, { ...pointer, ...recordOf(despite), ...own }, files, marks);
  });
}

/**
 * Names the models that score in shadow in their slot. A damaged pointer is replaced.
 * @param marks without them, the serial follows that of the file
 * @returns the version that was named, or `(damaged)`; null when none was
 * @throws MinutehandError as activateAdmitted
 */
export function setShadow(
  admitted: Admitted<'shadow'>,
  modelsFolder: string,
  files: FileSystem = MACHINE_FILES,
  marks: PointerMarks<ShadowFile> | null = null,
): string | null {
  checkSame(admitted, modelsFolder, files);
  const { slot } = admitted;
  if (isRuleSlot(slot)) throw new RangeError(`${slot} has no shadow models`);
  return writeShadow(slot, admitted.version, modelsFolder, files, marks);
}

/**
 * Names the rule that answers in shadow for its instrument. A damaged pointer is replaced.
 * @returns as setShadow
 * @throws MinutehandError as activateAdmitted
 */
export function setRuleShadow(admitted: Admitted<'shadow'>, paths: Pick<HomePaths, 'models' | 'home'>): string | null {
  checkSame(admitted, paths.models);
  const { slot } = admitted;
  if (!isRuleSlot(slot)) throw new RangeError(`${slot} has no rule in shadow`);
  const place = filesOf(paths.models, slot).shadow;
  return whilePointerLocked(place.path, MACHINE_FILES, () => {
    const before = namedBefore(pointerKind(place.name), place.path, MACHINE_FILES);
    write(place, { version: admitted.version, previous: null }, MACHINE_FILES, trainerMarks(paths, place.name));
    return before;
  });
}

/**
 * Writes the lost pointer of a shadow again. One that can be read by now stays.
 * @throws MinutehandError as activateAdmitted; POINTER_ROLLBACK when the shadow was ended or replaced meanwhile
 */
export function restoreShadow(admitted: Admitted<'shadow'>, paths: Pick<HomePaths, 'models' | 'home'>): void {
  checkSame(admitted, paths.models);
  const { version, slot } = admitted;
  if (isRuleSlot(slot)) {
    const place = filesOf(paths.models, slot).shadow;
    const marks = trainerMarks(paths, place.name);
    whileLost(pointerKind(place.name), place.path, marks, version, () =>
      write(place, { version, previous: null }, MACHINE_FILES, marks),
    );
    return;
  }
  const kind = shadowPointer(slot);
  const path = filesOf(paths.models, slot).shadow.path;
  const marks = trainerMarksOf(kind, paths);
  whileLost(kind, path, marks, version, () => writeSealed(kind, path, { version }, { files: MACHINE_FILES, marks }));
}

/** Writes a pointer, under its lock, if it is still lost. @throws MinutehandError HOME_LOCKED, POINTER_ROLLBACK */
function whileLost<Pointer extends { readonly version: string | null }>(
  kind: PointerKind<Pointer>,
  path: string,
  marks: PointerMarks<Pointer>,
  version: string,
  restore: () => void,
): void {
  whilePointerLocked(path, MACHINE_FILES, () => {
    if (readPointerOrNull(kind, path, MACHINE_FILES, marks) !== null) return;
    refuseNotLast(kind, version, marks);
    restore();
  });
}

/** @throws MinutehandError POINTER_ROLLBACK */
function refuseNotLast<Pointer extends { readonly version: string | null }>(
  kind: PointerKind<Pointer>,
  version: string,
  marks: PointerMarks<Pointer> | null,
): void {
  const last = marks?.accepted()[0]?.version ?? 'none';
  if (last === version) return;
  throw new MinutehandError('POINTER_ROLLBACK', { seen: `${kind.file} of ${version}`, expected: last });
}

/**
 * Nothing scores in shadow in a slot any more.
 * @param marks without them, the serial follows that of the file
 * @returns as setShadow
 * @throws MinutehandError as activateAdmitted
 */
export function endShadow(
  slot: ModelSlotId,
  modelsFolder: string,
  files: FileSystem = MACHINE_FILES,
  marks: PointerMarks<ShadowFile> | null = null,
): string | null {
  if (files.stat(filesOf(modelsFolder, slot).shadow.path) === null) return null;
  return writeShadow(slot, null, modelsFolder, files, marks);
}

function writeShadow(
  slot: ModelSlotId,
  version: string | null,
  modelsFolder: string,
  files: FileSystem,
  marks: PointerMarks<ShadowFile> | null,
): string | null {
  const path = filesOf(modelsFolder, slot).shadow.path;
  const kind = shadowPointer(slot);
  return whilePointerLocked(path, files, () => {
    const before = namedBefore(kind, path, files);
    writeSealed(kind, path, { version }, { files, marks });
    return before;
  });
}

/** The version that a pointer names before it is replaced; `(damaged)` where it cannot be read; null: none. */
function namedBefore<Pointer extends { readonly version: string | null }>(
  kind: PointerKind<Pointer>,
  path: string,
  files: FileSystem,
): string | null {
  if (files.stat(path) === null) return null;
  const before = readPointerOrNull(kind, path, files, null);
  return before === null ? '(damaged)' : before.version;
}

type Content = Omit<ActiveFile, 'serial' | 'expires' | 'key' | 'signature'>;

/**
 * The fence of a pointer that is to be written: that of its writer, or that of the pointer before it.
 * @param fence of the writer; null: nobody has had one yet, or the folder is no installation's
 * @throws MinutehandError PROMOTION_STALE
 */
function fenceAfter(
  place: PointerPlace,
  fence: number | null,
  files: FileSystem,
  marks: PointerMarks | null,
): Pick<ActiveFile, 'fence'> {
  const highest = pointerFence(place, files, marks);
  if (fence !== null && fence < highest)
    throw new MinutehandError('PROMOTION_STALE', { seen: `fence ${fence}`, expected: `at least ${highest}` });
  const own = fence ?? highest;
  return own === 0 ? {} : { fence: own };
}

function activateAt(
  place: PointerPlace,
  { version, despite, fence }: Pick<Admitted, 'version' | 'despite' | 'fence'>,
  files: FileSystem,
  marks: PointerMarks | null,
): ActivePointer {
  return whilePointerLocked(place.path, files, () => {
    const before = readPointerOrNull(pointerKind(place.name), place.path, files, marks);
    const own = fenceAfter(place, fence, files, marks);
    return write(place, { version, ...recordOf(despite), ...predecessorOf(version, before), ...own }, files, marks);
  });
}

function recordOf(despite: DespiteGates | null): Pick<ActiveFile, 'despite_gates'> {
  return despite === null ? {} : { despite_gates: despite };
}

/** @param before the pointer that is replaced */
function predecessorOf(
  version: string,
  before: ActiveFile | null,
): Pick<ActiveFile, 'previous' | 'previous_despite_gates'> {
  if (before === null) return { previous: null };
  if (before.version !== version) return { previous: before.version, previous_despite_gates: before.despite_gates };
  return { previous: before.previous, previous_despite_gates: before.previous_despite_gates };
}

/** Writes a pointer with the next serial, signed when there is a key. */
function write(
  { name, path }: PointerPlace,
  content: Content,
  files: FileSystem,
  marks: PointerMarks | null,
): ActivePointer {
  // No other module has a writable kind of these pointers: what is active was admitted.
  const kind: WritableKind<ActiveFile> = {
    ...pointerKind(name),
    withSeal: ({ version, previous, despite_gates, previous_despite_gates, fence }, seal) => ({
      version,
      previous,
      ...(despite_gates && { despite_gates }),
      ...(previous_despite_gates && { previous_despite_gates }),
      ...(fence !== undefined && { fence }),
      ...seal,
    }),
  };
  writeSealed(kind, path, content, { files, marks, ...expiryOf(Date.now()) });
  return { version: content.version, previous: content.previous };
}
