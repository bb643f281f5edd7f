import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { renamePatiently, replaceDurably, writeSynced } from '../durable_file.ts';
import { describeError, MinutehandError } from '../errors.ts';
import { MACHINE_FILES } from '../files.ts';
import { pointerFile, pointerRefusal, type ActiveFile, type PointerName } from './active_file.ts';
import { trustedKeys } from './signature.ts';

const markSchema = z.object({
  /** The highest that this process has accepted. */
  serial: z.int().min(1),
  version: z.string(),
  /** A signed pointer has been accepted: unsigned ones no longer are. */
  signed: z.boolean(),
});
/** High-water mark of a pointer. */
export type PointerMark = Readonly<z.infer<typeof markSchema>>;

/**
 * High-water marks of a pointer against rollback and freezing (TUF specification 5.4): a file per process in the
 * home, outside the folder of bundles, replaced in one step. A pointer with a lower serial than any of them is refused.
 */
export class PointerMarks {
  readonly #home: string;
  readonly #name: PointerName;
  readonly #path: string;
  /** Of the marks of all processes. */
  readonly #file: RegExp;
  readonly #nowMs: () => number;
  #mark: PointerMark | null = null;
  /** The last accepted pointer; only its expiry can change. */
  #accepted = '';

  /** @param owner the process that writes `<name>_mark_<owner>.json`: one at a time */
  constructor(home: string, owner: string, nowMs: () => number = Date.now, name: PointerName = 'active') {
    this.#home = home;
    this.#name = name;
    this.#path = join(home, `${name}_mark_${owner}.json`);
    this.#file = new RegExp(`^${name}_mark_[A-Za-z0-9_-]+\\.json$`);
    this.#nowMs = nowMs;
  }

  /** The highest of all processes; null before the first. @throws MinutehandError POINTER_MARK */
  read(): PointerMark | null {
    const marks = MACHINE_FILES.list(this.#home)
      .filter(({ name }) => this.#file.test(name))
      .map(({ name }) => readMark(join(this.#home, name)));
    return marks.reduce<PointerMark | null>(higher, this.#mark);
  }

  /** @throws MinutehandError POINTER_ROLLBACK, POINTER_SIGNATURE, POINTER_EXPIRED, POINTER_MARK, KEY_UNUSABLE */
  check(pointer: ActiveFile): void {
    const text = JSON.stringify(pointer);
    if (text !== this.#accepted) this.#checkAnew(pointer);
    const { expires } = pointer;
    if (expires !== undefined && Date.parse(expires) <= this.#nowMs())
      throw new MinutehandError('POINTER_EXPIRED', {
        seen: `${pointerFile(this.#name)}: serial ${pointer.serial ?? 'none'} expired ${expires}`,
      });
    this.#accepted = text;
  }

  #checkAnew(pointer: ActiveFile): void {
    const { serial, version } = pointer;
    const mark = this.read();
    const trusted = trustedKeys();
    const refusal = trusted === null ? null : pointerRefusal(pointer, trusted, this.#name);
    if (refusal !== null && (pointer.signature !== undefined || mark?.signed === true))
      throw new MinutehandError('POINTER_SIGNATURE', { seen: `${pointerFile(this.#name)} ${refusal}` });
    if (mark === null || (serial === undefined && !mark.signed)) return;
    const seen = `${pointerFile(this.#name)}: serial ${serial ?? 'none'} of ${version}`;
    const expected = `above ${mark.serial}, or ${mark.serial} of ${mark.version}`;
    if (serial === undefined || serial < mark.serial || (serial === mark.serial && version !== mark.version))
      throw new MinutehandError('POINTER_ROLLBACK', { seen, expected });
  }

  /** Records an accepted pointer. @throws MinutehandError POINTER_MARK when it cannot be written */
  raise(pointer: ActiveFile): void {
    const mark = this.#higherMark(pointer);
    if (mark === null) return;
    try {
      replaceDurably(MACHINE_FILES, this.#path, textOf(mark));
    } catch (cause) {
      throw unwritable(this.#path, cause);
    }
    this.#mark = mark;
  }

  /** As `raise`, without holding this thread. */
  async raiseQuietly(pointer: ActiveFile): Promise<void> {
    const mark = this.#higherMark(pointer);
    if (mark === null) return;
    const temporary = `${this.#path}.${process.pid}.tmp`;
    try {
      await writeSynced(temporary, Buffer.from(textOf(mark)), 'w');
      renamePatiently(MACHINE_FILES, temporary, this.#path);
      await syncFolder(this.#home);
    } catch (cause) {
      throw unwritable(this.#path, cause);
    }
    this.#mark = mark;
  }

  /** null when the mark of this process is as high already, and for a pointer without a serial. */
  #higherMark({ serial, version, signature }: ActiveFile): PointerMark | null {
    if (serial === undefined) return null;
    const own = (this.#mark ??= MACHINE_FILES.stat(this.#path) === null ? null : readMark(this.#path));
    const signed = own?.signed === true || (signature !== undefined && trustedKeys() !== null);
    if (own !== null && own.serial >= serial && own.signed === signed) return null;
    return { serial: Math.max(serial, own?.serial ?? 0), version, signed };
  }
}

function higher(a: PointerMark | null, b: PointerMark): PointerMark {
  if (a === null) return b;
  return { ...(b.serial > a.serial ? b : a), signed: a.signed || b.signed };
}

function readMark(path: string): PointerMark {
  try {
    return markSchema.parse(JSON.parse(MACHINE_FILES.read(path).toString('utf8')));
  } catch (cause) {
    throw new MinutehandError('POINTER_MARK', {
      seen: `${path} cannot be read: ${describeError(cause).message}`,
      cause,
    });
  }
}

const textOf = (mark: PointerMark): string => `${JSON.stringify(mark)}\n`;

function unwritable(path: string, cause: unknown): MinutehandError {
  return new MinutehandError('POINTER_MARK', { seen: `${path} cannot be written: ${(cause as Error).message}`, cause });
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const opened = await open(folder, 'r');
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

/** Of the trainer and of the commands that write a pointer, which hold its lock meanwhile. */
export function trainerMarks({ home }: { readonly home: string }, name: PointerName = 'active'): PointerMarks {
  return new PointerMarks(home, 'trainer', Date.now, name);
}
