import type { FileSystem } from '../ports.ts';
import { activeFileSchema, pointerKind, type ActiveFile, type PointerName } from './active_file.ts';
import { readPointer, readPointerOrNull, whilePointerLocked, writeSealed } from './pointer_file.ts';
import type { PointerMarks } from './pointer_marks.ts';
import type { DespiteGates } from './recorded_gates.ts';
import { expiryOf } from './sealed_pointer.ts';

export type ActivePointer = Pick<ActiveFile, 'version' | 'previous'>;

/** A pointer to active models. */
export interface PointerPlace {
  readonly path: string;
  readonly name: PointerName;
}

/** The pointer as it is; null when there is none. @throws MinutehandError MODEL_MANIFEST, MODEL_FILE */
export function readPointerFile({ path }: PointerPlace, files: FileSystem): ActiveFile | null {
  return readPointer(path, activeFileSchema, files);
}

/**
 * The active version and its predecessor; null when none was ever activated.
 * @param marks without them, signature and serial are not checked
 * @throws MinutehandError MODEL_MANIFEST, MODEL_FILE; as PointerMarks.check
 */
export function readAccepted(
  place: PointerPlace,
  files: FileSystem,
  marks: Pick<PointerMarks, 'check'> | null,
): ActivePointer | null {
  const pointer = readPointerFile(place, files);
  if (pointer === null) return null;
  marks?.check(pointer);
  const { version, previous } = pointer;
  return { version, previous };
}

/**
 * Makes `version` the active one; a reader sees the old or the new pointer, never a part. A damaged or refused pointer
 * is replaced by one without a predecessor. The serial rises, also when an older bundle becomes active again.
 * @param marks of this home; without them, the serial follows that of the file
 * @param despite why it is active although gates failed
 * @throws MinutehandError KEY_UNUSABLE, POINTER_MARK, HOME_LOCKED
 */
export function activateVersion(
  place: PointerPlace,
  version: string,
  files: FileSystem,
  marks: PointerMarks | null,
  despite: DespiteGates | null = null,
): ActivePointer {
  return whilePointerLocked(place.path, files, () => {
    const before = readPointerOrNull(pointerKind(place.name), place.path, files, marks);
    const after = { version, ...(despite !== null && { despite_gates: despite }) };
    return writePointer(place, { ...after, ...predecessorOf(version, before) }, files, marks);
  });
}

type Predecessor = Pick<ActiveFile, 'previous' | 'previous_despite_gates'>;

/** @param before the pointer that is replaced */
function predecessorOf(version: string, before: ActiveFile | null): Predecessor {
  if (before === null) return { previous: null };
  if (before.version !== version) return { previous: before.version, previous_despite_gates: before.despite_gates };
  return { previous: before.previous, previous_despite_gates: before.previous_despite_gates };
}

/** Writes a pointer with the next serial, signed when there is a key. @throws MinutehandError as activateVersion */
export function writePointer(
  { name, path }: PointerPlace,
  pointer: Omit<ActiveFile, 'serial' | 'expires' | 'key' | 'signature'>,
  files: FileSystem,
  marks: PointerMarks | null,
): ActivePointer {
  writeSealed(pointerKind(name), path, pointer, { files, marks, ...expiryOf(Date.now()) });
  const { version, previous } = pointer;
  return { version, previous };
}
