import { open } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { renamePatiently, replaceDurably, writeSynced } from '../durable_file.ts';
import { describeError, MinutehandError } from '../errors.ts';
import { MACHINE_FILES } from '../files.ts';
import { ACTIVE_POINTER, pointerKind, type ActiveFile, type PointerName } from './active_file.ts';
import { pathInside } from '../path_name.ts';
import { sealRefusal, type PointerKind } from './sealed_pointer.ts';
import { trustedKeys } from './signature.ts';

const markSchema = z.object({
  /** The highest that this process has accepted. */
  serial: z.int().min(1),
  /** Label of its content: of `active.json`, the version. */
  version: z.string(),
  /** A signed pointer has been accepted: unsigned ones no longer are. */
  signed: z.boolean(),
  /** A person has ended what the pointers up to this serial name: none of them is accepted again. */
  ended: z.int().optional(),
  /**
   * The accepted pointer, with its signature; in the mark of an end, the last one before it, whose signature proves the
   * end elsewhere. Absent in a mark of an earlier version.
   */
  pointer: z.unknown().optional(),
});
/** High-water mark of a pointer file. */
export type PointerMark = Readonly<z.infer<typeof markSchema>>;

/**
 * High-water marks of a pointer file against rollback and freezing (TUF specification 5.4): a file per process in the
 * home, outside the folder of bundles, replaced in one step. A pointer with a lower serial than any of them is refused.
 */
export class PointerMarks<Pointer = ActiveFile> {
  readonly #home: string;
  readonly #path: string;
  readonly #kind: PointerKind<Pointer>;
  readonly #nowMs: () => number;
  #mark: PointerMark | null = null;
  /** The last accepted pointer; only its expiry can change. */
  #accepted = '';

  /** @param owner the process that writes `<kind>_mark_<owner>.json`: one at a time */
  constructor(home: string, owner: string, kind: PointerKind<Pointer>, nowMs: () => number = Date.now) {
    this.#home = home;
    this.#path = join(home, `${kind.name}_mark_${owner}.json`);
    this.#kind = kind;
    this.#nowMs = nowMs;
  }

  /** The highest of all processes; null before the first. @throws MinutehandError POINTER_MARK */
  read(): PointerMark | null {
    return readMarks(this.#home, this.#kind.name).reduce<PointerMark | null>(higher, this.#mark);
  }

  /**
   * Pointers that processes of this home have accepted and still may be, newest first; their expiry does not count.
   * @throws MinutehandError POINTER_MARK, KEY_UNUSABLE
   */
  accepted(): Pointer[] {
    const trusted = trustedKeys();
    const all = readMarks(this.#home, this.#kind.name).sort((a, b) => b.serial - a.serial);
    const end = endOf(all);
    const marks = all.filter(({ serial }) => serial > end);
    return marks.flatMap(({ pointer }) => {
      const parsed = this.#kind.schema.safeParse(pointer);
      if (!parsed.success) return [];
      const isTrusted = trusted === null || sealRefusal(this.#kind, parsed.data, trusted) === null;
      return isTrusted || !this.#mustBeSigned(all) ? [parsed.data] : [];
    });
  }

  /** @throws MinutehandError POINTER_ROLLBACK, POINTER_SIGNATURE, POINTER_EXPIRED, POINTER_MARK, KEY_UNUSABLE */
  check(pointer: Pointer): void {
    const text = JSON.stringify(pointer);
    if (text !== this.#accepted) this.#checkAnew(pointer);
    const { serial, expires } = this.#kind.sealOf(pointer);
    if (expires !== undefined && Date.parse(expires) <= this.#nowMs())
      throw this.#refusal('POINTER_EXPIRED', `serial ${serial ?? 'none'} expired ${expires}`);
    this.#accepted = text;
  }

  #checkAnew(pointer: Pointer): void {
    const { serial, signature } = this.#kind.sealOf(pointer);
    const label = this.#kind.label(pointer);
    const mark = this.read();
    const isSigned = this.#mustBeSigned(mark === null ? [] : [mark]);
    const trusted = trustedKeys();
    const refusal = trusted === null ? null : sealRefusal(this.#kind, pointer, trusted);
    if (refusal !== null && (signature !== undefined || isSigned)) throw this.#refusal('POINTER_SIGNATURE', refusal);
    if (mark === null || (serial === undefined && !mark.signed)) return;
    if (serial !== undefined && serial > mark.serial) return;
    const isEnded = mark.serial === mark.ended;
    if (serial === mark.serial && label === mark.version && !isEnded) return;
    const expected = isEnded ? `above ${mark.serial}` : `above ${mark.serial}, or ${mark.serial} of ${mark.version}`;
    throw this.#refusal('POINTER_ROLLBACK', `serial ${serial ?? 'none'} of ${label}`, expected);
  }

  /** The pointer is gone: one that comes back is compared with the marks again. */
  forget(): void {
    this.#accepted = '';
  }

  /**
   * What any pointer so far names has ended: one that is put back, from a backup for instance, is refused. The next one
   * has a higher serial.
   * @param pointer that ends; null: it cannot be read
   * @throws MinutehandError POINTER_MARK when it cannot be written
   */
  end(pointer: Pointer | null): void {
    const mark = this.read();
    const serial = pointer === null ? 0 : (this.#kind.sealOf(pointer).serial ?? 0);
    const last = Math.max(serial, mark?.serial ?? 0);
    const isEndedAlready = mark !== null && mark.ended === mark.serial && serial <= mark.serial;
    if (last === 0 || isEndedAlready) return;
    const signed = mark?.signed ?? false;
    const proof = pointer !== null && serial === last ? pointer : mark?.pointer;
    const version = pointer !== null && serial === last ? this.#kind.label(pointer) : (mark?.version ?? 'none');
    const ended: PointerMark = { serial: last + 1, version, signed, ended: last + 1, pointer: proof };
    try {
      replaceDurably(MACHINE_FILES, this.#path, textOf(ended));
    } catch (cause) {
      throw unwritable(this.#path, cause);
    }
    this.#mark = ended;
  }

  /** Whether readers refuse an unsigned pointer. @throws MinutehandError POINTER_MARK */
  mustSign(): boolean {
    const mark = this.read();
    return this.#mustBeSigned(mark === null ? [] : [mark]);
  }

  /** Where `active.json` was signed, the other pointers are, too. */
  #mustBeSigned(own: readonly PointerMark[]): boolean {
    return [...own, ...readMarks(this.#home, ACTIVE_POINTER.name)].some(({ signed }) => signed);
  }

  #refusal(code: 'POINTER_EXPIRED' | 'POINTER_SIGNATURE' | 'POINTER_ROLLBACK', words: string, expected?: string) {
    const { file, next } = this.#kind;
    const seen = `${file}${code === 'POINTER_SIGNATURE' ? '' : ':'} ${words}`;
    return new MinutehandError(code, { seen, ...(expected && { expected }), ...(next && { next }) });
  }

  /** Records an accepted pointer. @throws MinutehandError POINTER_MARK when it cannot be written */
  raise(pointer: Pointer): void {
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
  async raiseQuietly(pointer: Pointer): Promise<void> {
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
  #higherMark(pointer: Pointer): PointerMark | null {
    const { serial, signature } = this.#kind.sealOf(pointer);
    if (serial === undefined) return null;
    const own = (this.#mark ??= MACHINE_FILES.stat(this.#path) === null ? null : readMark(this.#path));
    const signed = own?.signed === true || (signature !== undefined && trustedKeys() !== null);
    if (own !== null && own.serial > serial) return own.signed === signed ? null : { ...own, signed };
    if (own?.serial === serial && own.signed === signed && own.pointer !== undefined) return null;
    const ended = own?.ended === undefined ? {} : { ended: own.ended };
    return { serial, version: this.#kind.label(pointer), signed, ...ended, pointer };
  }
}

/** The marks of a process, one for each kind of pointer. */
export type MarksOf = <Pointer>(kind: PointerKind<Pointer>) => PointerMarks<Pointer>;

function readMarks(home: string, name: string): PointerMark[] {
  const file = new RegExp(`^${name}_mark_[A-Za-z0-9_-]+\\.json$`);
  const found = MACHINE_FILES.list(home).filter((entry) => file.test(entry.name));
  return found.map((entry) => readMark(join(home, entry.name)));
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

/** Owner of marks that another machine left to a home; no process writes them again. */
const KEPT = 'kept';
const MARK_FILE = /^([A-Za-z0-9@._-]+?)_mark_([A-Za-z0-9_-]+)\.json$/;

/** Whether a process of this home has accepted a pointer. */
export function hasOwnMarks(home: string): boolean {
  return MACHINE_FILES.list(home).some(({ name }) => {
    const owner = MARK_FILE.exec(name)?.[2];
    return owner !== undefined && owner !== KEPT;
  });
}

/**
 * For each kind of pointer whose marks a home has, one mark that says what all of them say, as the text of a file.
 * @returns texts by the name of the kind
 * @throws MinutehandError POINTER_MARK
 */
export function marksToKeep(home: string): Map<string, string> {
  const names = MACHINE_FILES.list(home).flatMap(({ name }) => MARK_FILE.exec(name)?.[1] ?? []);
  return new Map([...new Set(names)].sort().map((name) => [name, textOf(joined(readMarks(home, name)))]));
}

/** The serial up to which an operator has ended what the pointers name; 0: nothing. */
const endOf = (marks: readonly PointerMark[]): number => Math.max(0, ...marks.map(({ ended = 0 }) => ended));

function joined(marks: readonly PointerMark[]): PointerMark {
  const highest = marks.reduce<PointerMark | null>(higher, null)!;
  const withPointer = marks.find(({ serial, pointer }) => serial === highest.serial && pointer !== undefined);
  const end = endOf(marks);
  return { ...highest, ...(end === 0 ? {} : { ended: end }), ...(withPointer && { pointer: withPointer.pointer }) };
}

/** What became of a kept mark: written here, known already, or refused because no trusted key has signed its proof. */
export type KeptMark = 'taken' | 'known' | 'unproven';

/**
 * Writes a mark that the store has kept into this home. With trusted keys, a mark is taken only with a pointer that one
 * of them has signed: that of its serial and version, or, of an end, the one right before it. Anybody who can write to
 * the store could otherwise name any bundle in it, or set a serial so high that no pointer is accepted again.
 * @param name of the kind of pointer
 * @param kind that its signature is of; by default that of active models
 * @throws MinutehandError POINTER_MARK, KEY_UNUSABLE
 */
export function takeKeptMark(
  home: string,
  name: string,
  text: string,
  kind: PointerKind<unknown> = pointerKind(name as PointerName),
): KeptMark {
  const mark = keptMark(name, text);
  const trusted = trustedKeys();
  if (trusted !== null && !isProven(mark, kind, trusted)) return 'unproven';
  const path = pathInside(home, keptFile(name));
  if (MACHINE_FILES.stat(path) !== null && MACHINE_FILES.read(path).toString('utf8') === textOf(mark)) return 'known';
  replaceDurably(MACHINE_FILES, path, textOf(mark));
  return 'taken';
}

/**
 * Whether a kept mark knows an end by an operator that no mark of this home knows, as after a restore of the home from
 * a backup made before it.
 * @throws MinutehandError POINTER_MARK
 */
export function knowsLaterEnd(home: string, name: string, text: string): boolean {
  return endOf([keptMark(name, text)]) > endOf(readMarks(home, name));
}

const keptFile = (name: string): string => `${name}_mark_${KEPT}.json`;

function keptMark(name: string, text: string): PointerMark {
  const mark = MARK_FILE.test(keptFile(name)) ? markSchema.safeParse(jsonOf(text)) : null;
  if (mark?.success !== true) throw new MinutehandError('POINTER_MARK', { seen: `the kept mark of ${name}` });
  return mark.data;
}

/** Whether a trusted key has signed the pointer that a mark is of, or that its end follows. */
function isProven(
  { serial, version, pointer, ended = 0 }: PointerMark,
  kind: PointerKind<unknown>,
  trusted: NonNullable<ReturnType<typeof trustedKeys>>,
): boolean {
  const parsed = kind.schema.safeParse(pointer);
  if (!parsed.success || ended > serial) return false;
  const signedSerial = ended === serial ? serial - 1 : serial;
  if (kind.sealOf(parsed.data).serial !== signedSerial || kind.label(parsed.data) !== version) return false;
  return sealRefusal(kind, parsed.data, trusted) === null;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
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

/** Of the trainer and of the commands that write pointers, which hold their locks meanwhile. */
export function trainerMarksOf<Pointer>(
  kind: PointerKind<Pointer>,
  { home }: { readonly home: string },
): PointerMarks<Pointer> {
  return new PointerMarks(home, 'trainer', kind);
}

export function trainerMarks(paths: { readonly home: string }, name: PointerName = 'active'): PointerMarks {
  return trainerMarksOf(pointerKind(name), paths);
}
