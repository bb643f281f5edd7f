import type { z } from 'zod';
import { replaceDurably } from '../durable_file.ts';
import { MinutehandError } from '../errors.ts';
import { MACHINE_FILES } from '../files.ts';
import type { FileSystem } from '../ports.ts';
import { lockHome } from '../store/home_lock.ts';
import {
  activeFileSchema,
  expiryOf,
  pointerFile,
  pointerRefusal,
  signPointer,
  type ActiveFile,
  type PointerName,
} from './active_file.ts';
import { readModelsFile } from './models_file.ts';
import type { PointerMarks } from './pointer_marks.ts';
import { keyName, signingKey, trustedKeys } from './signature.ts';

export type ActivePointer = Pick<ActiveFile, 'version' | 'previous'>;

/** A pointer to active models. */
export interface PointerPlace {
  readonly path: string;
  readonly name: PointerName;
}

/** An activation takes some milliseconds: a disk that flushes slowly. */
const LOCK_WAIT_MS = 5000;

const POINTER_HINT = {
  expected: '{"version": "20261120_0830", "previous": null}',
  next: '`minutehand models promote <version>` rewrites it.',
};

/** @throws MinutehandError MODEL_MANIFEST with `hint`, MODEL_FILE */
export function readPointer<Pointer>(
  path: string,
  schema: z.ZodType<Pointer>,
  files: FileSystem,
  hint = POINTER_HINT,
): Pointer | null {
  if (files.stat(path) === null) return null;
  let json: unknown;
  try {
    json = JSON.parse(readModelsFile(path, 'pointer', files).toString('utf8'));
  } catch (cause) {
    if (cause instanceof MinutehandError) throw cause;
    const reason = cause instanceof SyntaxError ? 'is not JSON' : `cannot be read: ${(cause as Error).message}`;
    throw new MinutehandError('MODEL_MANIFEST', { seen: `${path} ${reason}`, cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new MinutehandError('MODEL_MANIFEST', { seen: `${path}: ${issue.path.join('.')}: ${issue.message}`, ...hint });
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
  return whileLocked(place, files, () => {
    const before = readOrNull(place, files, marks);
    const previous = before === null ? null : before.version === version ? before.previous : before.version;
    return writePointer(place, { version, previous }, files, marks);
  });
}

/** Writes a pointer with the next serial, signed when there is a key. @throws MinutehandError as activateVersion */
export function writePointer(
  place: PointerPlace,
  { version, previous }: ActivePointer,
  files: FileSystem,
  marks: PointerMarks | null,
): ActivePointer {
  const mark = marks?.read() ?? null;
  const known = Math.max(readOrNull(place, files, marks)?.serial ?? 0, mark?.serial ?? 0);
  const next = { version, previous, serial: known + 1, ...expiryOf(Date.now()) };
  const pointer = signPointer(next, signingKey(), place.name);
  const trusted = trustedKeys();
  const refusal = trusted === null ? null : pointerRefusal(pointer, trusted, place.name);
  if (refusal !== null && (pointer.signature !== undefined || mark?.signed === true)) {
    const seen = `${pointerFile(place.name)} ${refusal}: MINUTEHAND_SIGNING_KEY`;
    throw new MinutehandError('KEY_UNUSABLE', { seen, expected: `${trusted!.map(keyName).join(' or ')}` });
  }
  replaceDurably(files, place.path, `${JSON.stringify(pointer)}\n`);
  marks?.raise(pointer);
  return { version, previous };
}

/** Trainer and people write from processes of their own. A simulated disk belongs to one process. */
function whileLocked<Result>({ path }: PointerPlace, files: FileSystem, change: () => Result): Result {
  if (files !== MACHINE_FILES) return change();
  const unlock = lockHome(`${path}.lock`, LOCK_WAIT_MS);
  try {
    return change();
  } finally {
    unlock();
  }
}

/** null when it is damaged or refused. An expired pointer was valid. */
function readOrNull(place: PointerPlace, files: FileSystem, marks: PointerMarks | null): ActiveFile | null {
  let pointer: ActiveFile | null = null;
  try {
    pointer = readPointerFile(place, files);
    if (pointer !== null) marks?.check(pointer);
    return pointer;
  } catch (error) {
    return error instanceof MinutehandError && error.code === 'POINTER_EXPIRED' ? pointer : null;
  }
}
