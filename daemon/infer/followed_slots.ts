import type { Logger } from 'pino';
import { readPointerFile, type PointerPlace } from '../../shared/bundle/pointer.ts';
import type { PointerMarks } from '../../shared/bundle/pointer_marks.ts';
import { describeError } from '../../shared/errors.ts';
import type { FileSystem, Scheduler } from '../../shared/ports.ts';
import type { Challenger } from '../queue/input.ts';
import { fingerprint } from './file_mark.ts';
import type { ModelRefusal } from './followed_models.ts';
import { FollowedPointer } from './followed_pointer.ts';

/** High-water marks of a pointer. */
export type FollowedMarks = Pick<PointerMarks, 'accepted' | 'check' | 'forget' | 'raiseQuietly'>;

export interface FollowedSlotsOptions<Key extends string, Model extends Challenger> {
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
  /** A model that served failed. */
  onFailed?(code: string): void;
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
  onProved?(key: Key): void;
  /**
   * The bundle that a pointer names is refused, and no other model of its slot serves. Absent for slots whose subjects
   * are in mode HALT without a model.
   */
  onUnserved?(key: Key): void;
  /** What `onProved` or `onUnserved` has told of a slot is over. @param isLast it is of every slot */
  onAccepted?(key: Key, isLast: boolean): void;
  /** For messages: `direction 1h`, `direction/1h.json`, `Direction model`. */
  readonly texts: {
    slot(key: Key): string;
    pointer(key: Key): string;
    readonly title: string;
  };
}

interface Slot<Key, Model extends Challenger> {
  readonly key: Key;
  readonly pointer: FollowedPointer<Model>;
  /** Of the model that serves; null: none, or it was dropped. */
  version: string | null;
  refused: ModelRefusal | null;
  /** What answers is not what the pointer names, and that was told by `onProved` or `onUnserved`. */
  isDegraded: boolean;
}

/** Follows the pointers of several slots of one kind. */
export class FollowedSlots<Key extends string, Model extends Challenger> {
  readonly #options: FollowedSlotsOptions<Key, Model>;
  readonly #slots: readonly Slot<Key, Model>[];
  readonly #stopTimer: () => void;
  #checking: Promise<void> | null = null;

  constructor(options: FollowedSlotsOptions<Key, Model>) {
    this.#options = options;
    this.#slots = options.keys.map((key) => {
      const slot: Slot<Key, Model> = {
        key,
        pointer: this.#follow(key, () => slot),
        version: null,
        refused: null,
        isDegraded: false,
      };
      return slot;
    });
    this.#stopTimer = options.scheduler.every(options.pollMs, () => void this.check());
  }

  /** Why a bundle that a pointer names is not active. */
  get refused(): ModelRefusal | null {
    return this.#slots.find(({ refused }) => refused !== null)?.refused ?? null;
  }

  /** The same of each slot that has such a bundle. */
  get refusals(): Readonly<Record<string, ModelRefusal>> {
    const refused = this.#slots.flatMap((slot) => (slot.refused === null ? [] : [[slot.key, slot.refused] as const]));
    return Object.fromEntries(refused);
  }

  /** Versions that serve, by slot. */
  get versions(): Readonly<Record<string, string>> {
    const named = this.#slots.flatMap(({ key, version }) => (version === null ? [] : [[key, version]]));
    return Object.fromEntries(named) as Record<string, string>;
  }

  /** A model of a slot failed and was dropped: its bytes are not loaded again. The next one may already wait. */
  dropFailed(key: Key, version: string, error: unknown): void {
    const { log, print, onFailed, texts } = this.#options;
    const slot = this.#slots.find((one) => one.key === key)!;
    const report = describeError(error);
    if (slot.version === version) {
      slot.version = null;
      slot.refused = { version, ...report };
    }
    onFailed?.(report.code);
    log.error({ slot: texts.slot(key), version, ...report }, 'models failed');
    print(`${texts.title} ${version} of ${key} failed and was dropped. ${report.code}: ${report.message}`);
  }

  /** Looks now; resolves when what was found is loaded or refused. */
  check(): Promise<void> {
    this.#checking ??= this.#lookAtAll().finally(() => {
      this.#checking = null;
    });
    return this.#checking;
  }

  async stop(): Promise<void> {
    for (const { pointer } of this.#slots) pointer.stop();
    this.#stopTimer();
    await this.#checking;
  }

  async #lookAtAll(): Promise<void> {
    for (const { pointer } of this.#slots) await pointer.look();
  }

  #follow(key: Key, slot: () => Slot<Key, Model>): FollowedPointer<Model> {
    const { files, placeOf, marksOf, pathsOf, load, onProved, withoutPointer, texts } = this.#options;
    const place = placeOf(key);
    const marks = marksOf(key);
    return new FollowedPointer({
      files,
      name: texts.pointer(key),
      path: place.path,
      async read() {
        const pointer = readPointerFile(place, files);
        if (pointer === null) {
          marks?.forget();
          return null;
        }
        marks?.check(pointer);
        await marks?.raiseQuietly(pointer);
        return pointer.version;
      },
      markOf: (version) => fingerprint(files, pathsOf(version)),
      load: (version) => load(version, key),
      proved: () => (onProved === undefined ? [] : (marks?.accepted() ?? [])),
      onReady: (model, version, isProved) => this.#begin(slot(), model, version, isProved),
      onNone: withoutPointer === 'stays' ? null : () => this.#end(slot()),
      onRefused: (version, error) => this.#refuse(slot(), version, error),
      onWithdrawn: () => this.#accept(slot()),
    });
  }

  #begin(slot: Slot<Key, Model>, model: Model, version: string, isProved: boolean): void {
    const { apply, print, onProved, texts } = this.#options;
    slot.version = version;
    if (!isProved) this.#accept(slot);
    else {
      // Before the model, so that no signal of it has mode OK.
      if (!slot.isDegraded) onProved?.(slot.key);
      slot.isDegraded = true;
      print(`${texts.pointer(slot.key)} or its bundle is refused: ${version}, accepted before, serves. Mode DEGRADED.`);
    }
    apply(slot.key, model);
  }

  #end(slot: Slot<Key, Model>): void {
    slot.version = null;
    slot.refused = null;
    this.#options.apply(slot.key, null);
  }

  /** The pointer names the active model, or none. */
  #accept(slot: Slot<Key, Model>): void {
    slot.refused = null;
    if (!slot.isDegraded) return;
    slot.isDegraded = false;
    this.#options.onAccepted?.(slot.key, !this.#slots.some(({ isDegraded }) => isDegraded));
  }

  #refuse(slot: Slot<Key, Model>, version: string, error: unknown): void {
    const { log, print, onRefused, onUnserved, texts } = this.#options;
    const refusal: ModelRefusal = { version, ...describeError(error) };
    slot.refused = refusal;
    onRefused(refusal.code);
    log.error({ slot: texts.slot(slot.key), ...refusal }, 'models refused');
    print(`${texts.title} ${version} refused. ${refusal.code}: ${refusal.message} ${refusal.next}`);
    if (slot.version !== null || slot.isDegraded || onUnserved === undefined) return;
    slot.isDegraded = true;
    onUnserved(slot.key);
  }
}
