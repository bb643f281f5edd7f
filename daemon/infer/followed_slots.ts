import type { Logger } from 'pino';
import { readPointerFile, type PointerPlace } from '../../shared/bundle/pointer.ts';
import type { PointerMarks } from '../../shared/bundle/pointer_marks.ts';
import { describeError } from '../../shared/errors.ts';
import type { FileSystem, Scheduler } from '../../shared/ports.ts';
import { fingerprint, isUnread, waitsForJournal } from './file_mark.ts';
import type { ModelRefusal } from './followed_models.ts';
import { provedVersions } from './proved_versions.ts';

/** High-water marks of a pointer. */
export type FollowedMarks = Pick<PointerMarks, 'accepted' | 'check' | 'forget' | 'raiseQuietly'>;

export interface FollowedSlotsOptions<Key extends string, Model> {
  /** A slot for each. */
  readonly keys: readonly Key[];
  /** High-water marks of each pointer; null = any is accepted. */
  marksOf(key: Key): FollowedMarks | null;
  readonly pollMs: number;
  readonly files: FileSystem;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  print(line: string): void;
  onRefused(code: string): void;
  placeOf(key: Key): PointerPlace;
  /** Paths of a bundle's files; a repaired one is tried again. */
  pathsOf(version: string): string[];
  /** Reads, verifies and loads a bundle for a slot. @throws MinutehandError */
  load(version: string, key: Key): Promise<Model>;
  /** null: the pointer is gone, and nothing is active any more. */
  apply(key: Key, model: Model | null): void;
  /** Whether the active model stays when its pointer is gone. */
  readonly withoutPointer: 'stays' | 'ends';
  /**
   * A model that was accepted before serves, because its pointer, or its bundle, is refused since the start. Absent: no
   * earlier model stands in for one that is refused.
   */
  onProved?(): void;
  /** No slot serves so any more. */
  onAccepted?(): void;
  /** For messages: `direction 1h`, `direction/1h.json`, `Direction model`. */
  readonly texts: {
    slot(key: Key): string;
    pointer(key: Key): string;
    readonly title: string;
  };
}

interface Slot<Key> {
  readonly key: Key;
  readonly marks: FollowedMarks | null;
  /** Fingerprint of the last delivered bundle. */
  current: string;
  /** Of the model that serves; null: none, or it was dropped. */
  version: string | null;
  /** Fingerprint of the last refused bytes, and of the last reported ones: what could not be read is tried again. */
  refusedMark: string;
  reportedMark: string;
  refused: ModelRefusal | null;
  /** The active model was accepted before; the pointer, or its bundle, is refused since the start. */
  isProved: boolean;
}

const NOT_REFUSED = { refusedMark: '', reportedMark: '', refused: null };

/** Follows the pointers of several slots of one kind; refused bytes are not tried again. */
export class FollowedSlots<Key extends string, Model> {
  readonly #options: FollowedSlotsOptions<Key, Model>;
  readonly #slots: readonly Slot<Key>[];
  readonly #stopTimer: () => void;
  #checking: Promise<void> | null = null;
  #isStopped = false;

  constructor(options: FollowedSlotsOptions<Key, Model>) {
    this.#options = options;
    this.#slots = options.keys.map((key) => ({
      key,
      marks: options.marksOf(key),
      current: '',
      version: null,
      ...NOT_REFUSED,
      isProved: false,
    }));
    this.#stopTimer = options.scheduler.every(options.pollMs, () => void this.check());
  }

  /** Why a bundle that a pointer names is not active. */
  get refused(): ModelRefusal | null {
    return this.#slots.find(({ refused }) => refused !== null)?.refused ?? null;
  }

  /** Versions that serve, by slot. */
  get versions(): Readonly<Record<string, string>> {
    const named = this.#slots.flatMap(({ key, version }) => (version === null ? [] : [[key, version]]));
    return Object.fromEntries(named) as Record<string, string>;
  }

  /** A model of a slot failed and was dropped: its bytes are not loaded again. The next one may already wait. */
  dropFailed(key: Key, version: string, error: unknown): void {
    const { log, print, onRefused, texts } = this.#options;
    const slot = this.#slots.find((one) => one.key === key)!;
    if (slot.version === version) slot.version = null;
    const report = describeError(error);
    onRefused(report.code);
    log.error({ slot: texts.slot(key), version, ...report }, 'models failed');
    print(`${texts.title} ${version} failed and was dropped: ${report.message}`);
  }

  /** Looks now; resolves when what was found is loaded or refused. */
  check(): Promise<void> {
    this.#checking ??= this.#lookAtAll().finally(() => {
      this.#checking = null;
    });
    return this.#checking;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stopTimer();
    await this.#checking;
  }

  async #lookAtAll(): Promise<void> {
    for (const slot of this.#slots) if (!this.#isStopped) await this.#look(slot);
  }

  async #look(slot: Slot<Key>): Promise<void> {
    const { files, placeOf, texts } = this.#options;
    const place = placeOf(slot.key);
    let version = `(${texts.pointer(slot.key)})`;
    let mark = fingerprint(files, [place.path]);
    let named: string | null = null;
    try {
      const pointer = readPointerFile(place, files);
      if (pointer === null) return this.#end(slot);
      slot.marks?.check(pointer);
      await slot.marks?.raiseQuietly(pointer);
      named = version = pointer.version;
      mark = fingerprint(files, this.#options.pathsOf(version));
      if (mark === slot.current) this.#accept(slot);
      if (mark === slot.current || mark === slot.refusedMark) return;
      await this.#load(slot, version, mark);
    } catch (error) {
      const isNews = `${mark} ${describeError(error).code}` !== slot.reportedMark;
      const mayServeEarlier = this.#options.onProved !== undefined && slot.current === '';
      if (mayServeEarlier && isNews && !waitsForJournal(error)) await this.#loadProved(slot, named);
      this.#refuse(slot, mark, version, error);
    }
  }

  async #load(slot: Slot<Key>, version: string, mark: string, isProved = false): Promise<void> {
    const { load, apply, print, onProved, texts } = this.#options;
    const { key } = slot;
    const model = await load(version, key);
    if (this.#isStopped) return;
    Object.assign(slot, { current: mark, version });
    if (!isProved) this.#accept(slot);
    else {
      slot.isProved = true;
      // Before the model, so that no signal of it has mode OK.
      onProved?.();
      print(`${texts.pointer(key)} or its bundle is refused: ${version}, accepted before, serves. Mode DEGRADED.`);
    }
    apply(key, model);
  }

  /** The first model that loads. @param failed as for provedVersions */
  async #loadProved(slot: Slot<Key>, failed: string | null): Promise<void> {
    for (const version of provedVersions(() => slot.marks?.accepted() ?? [], failed)) {
      const mark = fingerprint(this.#options.files, this.#options.pathsOf(version));
      try {
        return await this.#load(slot, version, mark, true);
      } catch (error) {
        this.#report(slot, mark, { version, ...describeError(error) });
      }
    }
  }

  /** The pointer is not there. */
  #end(slot: Slot<Key>): void {
    const { withoutPointer, apply } = this.#options;
    slot.marks?.forget();
    if (withoutPointer === 'stays') return;
    this.#accept(slot);
    if (slot.current === '') return;
    Object.assign(slot, { current: '', version: null });
    apply(slot.key, null);
  }

  /** The pointer names the active model. */
  #accept(slot: Slot<Key>): void {
    Object.assign(slot, NOT_REFUSED);
    if (!slot.isProved) return;
    slot.isProved = false;
    if (this.#slots.some(({ isProved }) => isProved)) return;
    this.#options.onAccepted?.();
  }

  #refuse(slot: Slot<Key>, mark: string, version: string, error: unknown): void {
    if (!isUnread(error, mark)) slot.refusedMark = mark;
    slot.refused = { version, ...describeError(error) };
    this.#report(slot, mark, slot.refused);
  }

  #report(slot: Slot<Key>, mark: string, refusal: ModelRefusal): void {
    const { log, print, onRefused, texts } = this.#options;
    const report = `${mark} ${refusal.code}`;
    if (report === slot.reportedMark) return;
    slot.reportedMark = report;
    onRefused(refusal.code);
    log.error({ slot: texts.slot(slot.key), ...refusal }, 'models refused');
    print(`${texts.title} ${refusal.version} refused. ${refusal.code}: ${refusal.message} ${refusal.next}`);
  }
}
