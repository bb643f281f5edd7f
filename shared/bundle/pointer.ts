import type { FileSystem } from '../ports.ts';
import { activeFileSchema, pointerKind, type ActiveFile, type PointerName } from './active_file.ts';
import { readPointer, readPointerOrNull, whilePointerLocked, writeSealed } from './pointer_file.ts';
import type { PointerMarks } from './pointer_marks.ts';
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
 * @throws MinutehandError KEY_UNUSABLE, POINTER_MARK, HOME_LOCKED
 */
export function activateVersion(
  place: PointerPlace,
  version: string,
  files: FileSystem,
  marks: PointerMarks | null,
): ActivePointer {
  return whilePointerLocked(place.path, files, () => {
    const before = readPointerOrNull(pointerKind(place.name), place.path, files, marks);
    const previous = before === null ? null : before.version === version ? before.previous : before.version;
    return writePointer(place, { version, previous }, files, marks);
  });
}

/** Writes a pointer with the next serial, signed when there is a key. @throws MinutehandError as activateVersion */
export function writePointer(
  { name, path }: PointerPlace,
  { version, previous }: ActivePointer,
  files: FileSystem,
  marks: PointerMarks | null,
): ActivePointer {
  writeSealed(pointerKind(name), path, { version, previous }, { files, marks, ...expiryOf(Date.now()) });
  return { version, previous };
}
