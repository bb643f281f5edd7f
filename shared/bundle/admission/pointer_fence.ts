import type { FileSystem } from '../../ports.ts';
import { pointerKind } from '../active_file.ts';
import type { PointerPlace } from '../pointer.ts';
import { readPointerOrNull } from '../pointer_file.ts';
import type { PointerMarks } from '../pointer_marks.ts';

/**
 * The highest fence of a pointer: of its file, and of the newest that this home has accepted, since the file may be
 * lost.
 * @param marks of this home; null: of the file alone
 * @returns 0: none
 */
export function pointerFence({ name, path }: PointerPlace, files: FileSystem, marks: PointerMarks | null): number {
  const written = readPointerOrNull(pointerKind(name), path, files, null)?.fence ?? 0;
  const accepted = marks?.accepted()[0]?.fence ?? 0;
  return Math.max(written, accepted);
}
