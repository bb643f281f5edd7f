import type * as z from 'zod';
import { replaceEvenWhenFull } from '../disk_reserve.ts';
import { deniedPath, knownError, MinutehandError } from '../errors.ts';
import { MACHINE_FILES, refuseDenied } from '../files.ts';
import type { FileSystem } from '../ports.ts';
import { lockHome } from '../process/home_lock.ts';
import { readModelsFile } from './models_file.ts';
import type { PointerMarks } from './pointer_marks.ts';
import { sealPointer, type PointerKind, type Seal, type WritableKind } from './sealed_pointer.ts';

const POINTER_HINT = {
  expected: '{"version": "20261120_0830", "previous": null}',
  next: '`minutehand models promote <version>` rewrites it.',
};

/** @throws MinutehandError MODEL_MANIFEST with `hint`, MODEL_FILE, FILE_DENIED */
export function readPointer<Pointer>(
  path: string,
  schema: z.ZodType<Pointer>,
  files: FileSystem,
  hint = POINTER_HINT,
): Pointer | null {
  if (files.stat(path) === null) {
    if (files === MACHINE_FILES) refuseDenied(path);
    return null;
  }
  let json: unknown;
  try {
    json = JSON.parse(readModelsFile(path, 'pointer', files).toString('utf8'));
  } catch (cause) {
    if (cause instanceof MinutehandError) throw cause;
    if (deniedPath(cause) !== null) throw knownError(cause)!;
    const reason = cause instanceof SyntaxError ? 'is not JSON' : `cannot be read: ${(cause as Error).message}`;
    throw new MinutehandError('MODEL_MANIFEST', { seen: `${path} ${reason}`, cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new MinutehandError('MODEL_MANIFEST', { seen: `${path}: ${issue.path.join('.')}: ${issue.message}`, ...hint });
}

/**
 * null when it is missing, damaged or refused. An expired pointer was valid.
 * @throws MinutehandError FILE_DENIED: what it names is unknown, so it must not be replaced as an absent one
 */
export function readPointerOrNull<Pointer>(
  kind: PointerKind<Pointer>,
  path: string,
  files: FileSystem,
  marks: PointerMarks<Pointer> | null,
): Pointer | null {
  let pointer: Pointer | null = null;
  try {
    pointer = readPointer(path, kind.schema, files);
    if (pointer !== null) marks?.check(pointer);
    return pointer;
  } catch (error) {
    if (error instanceof MinutehandError && error.code === 'FILE_DENIED') throw error;
    return error instanceof MinutehandError && error.code === 'POINTER_EXPIRED' ? pointer : null;
  }
}

/**
 * Writes a pointer with the next serial, signed when there is a key; a reader sees the old or the new one.
 * @param marks of this home; without them, the serial follows that of the file
 * @throws MinutehandError KEY_UNUSABLE, POINTER_MARK
 */
export function writeSealed<Pointer>(
  kind: WritableKind<Pointer>,
  path: string,
  pointer: Pointer,
  { files, marks, expires }: { files: FileSystem; marks: PointerMarks<Pointer> | null; expires?: Seal['expires'] },
): void {
  const mark = marks?.read() ?? null;
  const before = readPointerOrNull(kind, path, files, marks);
  const serial = 1 + Math.max(before === null ? 0 : (kind.sealOf(before).serial ?? 0), mark?.serial ?? 0);
  const sealed = sealPointer(kind, pointer, { serial, expires }, marks?.mustSign() === true);
  replaceEvenWhenFull(files, path, `${JSON.stringify(sealed)}\n`);
  marks?.raise(sealed);
}

/**
 * Trainer and people write from processes of their own. A simulated disk belongs to one process.
 * @throws MinutehandError HOME_LOCKED at once, before any change: see `whenUnlocked`
 */
export function whilePointerLocked<Result>(path: string, files: FileSystem, change: () => Result): Result {
  if (files !== MACHINE_FILES) return change();
  const unlock = lockHome(`${path}.lock`);
  try {
    return change();
  } finally {
    unlock();
  }
}
