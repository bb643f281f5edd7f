import type { FileSystem } from '../ports.ts';
import { activeFileSchema, type ActiveFile, type PointerName } from './active_file.ts';
import { readPointer } from './pointer_file.ts';
import type { PointerMarks } from './pointer_marks.ts';

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
