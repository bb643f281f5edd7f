import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { restoreActive, restoreShadow } from '../../../shared/bundle/admission/activation.ts';
import { admit, type AdmissionPlace } from '../../../shared/bundle/admission/admission.ts';
import { pointerKind, type ActiveFile } from '../../../shared/bundle/active_file.ts';
import type { PointerPlace } from '../../../shared/bundle/pointer.ts';
import { readPointer, readPointerOrNull } from '../../../shared/bundle/pointer_file.ts';
import { trainerMarks, trainerMarksOf } from '../../../shared/bundle/pointer_marks.ts';
import {
  ROLLOUT_POINTER,
  rolloutPath,
  rolloutSchema,
  whileRolloutLocked,
  writeRollout,
  type RolloutFile,
} from '../../../shared/bundle/rollout.ts';
import type { PointerKind } from '../../../shared/bundle/sealed_pointer.ts';
import { shadowPointer } from '../../../shared/bundle/shadow_pointer.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { refuseOwnOverride } from './own_override.ts';
import { whenUnlocked } from '../../../shared/process/home_lock.ts';
import type { ModelSlotId } from '../../../shared/subject/slot.ts';
import { nameBeside, slotOfRollout } from '../../../shared/subject/written_names.ts';
import { ruleSlot, type SlotId } from '../../../shared/subject/slot.ts';
import { folderOf, filesOf } from '../../../shared/bundle/slot_files.ts';

type Home = Pick<HomePaths, 'models' | 'home'>;

/** A bundle that a pointer names. */
export interface NamedBundle {
  readonly version: string;
  readonly slot: SlotId;
}

/** A pointer beside those of the active models. */
export interface SidePointer {
  /** `shadow`, `shadow 1h`, `rule BTCUSDT@1h`, `shadow of the rule BTCUSDT@1h`, `rollout`. */
  readonly name: string;
  readonly path: string;
  /** Begins the names of its marks in the home. */
  readonly marks: string;
  /**
   * Bundles that the file names, the needed one first; null: there is no file.
   * @throws MinutehandError as readPointer
   */
  named(): readonly NamedBundle[] | null;
  /**
   * The same of the pointer that this home accepted last; null: none, or it has ended.
   * @throws MinutehandError POINTER_MARK, KEY_UNUSABLE
   */
  accepted(): readonly NamedBundle[] | null;
  /**
   * Writes the pointer that was accepted last again, through the lock of all models, if it is still lost.
   * @returns whether it was
   * @throws MinutehandError as admit, restoreActive, restoreShadow
   */
  restore(place: AdmissionPlace): Promise<boolean>;
}

/** The folder of a bundle. @throws MinutehandError NAME_UNSAFE */
export function folderOfNamed(models: string, { version, slot }: NamedBundle): string {
  return folderOf(slot, version, models);
}

/** All that the configured subjects may have. */
export function sidePointers(
  paths: Home,
  subjects: {
    /** Of their models. */
    readonly slots: readonly ModelSlotId[];
    /** Those that rules may answer for. */
    readonly ruled: readonly string[];
  },
): readonly SidePointer[] {
  const { slots, ruled } = subjects;
  return [
    ...slots.map((slot) => shadowOf(paths, slot)),
    ...ruled.flatMap((subject) => [ruleOf(paths, subject), ruleShadowOf(paths, subject)]),
    rolloutOf(paths),
  ];
}

/** Names of marks in a home. A pointer that no process of the home has accepted has none. */
export function markFiles(home: string): readonly string[] {
  return readdirSync(home).filter((name) => name.includes('_mark_'));
}

function shadowOf(paths: Home, slot: ModelSlotId): SidePointer {
  const bundles = ({ version }: { readonly version: string | null }): NamedBundle[] | null =>
    version === null ? null : [{ version, slot }];
  const path = filesOf(paths.models, slot).shadow.path;
  return sidePointer(paths, {
    name: nameBeside('shadow', slot),
    path,
    kind: shadowPointer(slot),
    bundles,
    restore: restoreShadowOf,
  });
}

function ruleShadowOf(paths: Home, instrument: string): SidePointer {
  const place = filesOf(paths.models, ruleSlot(instrument)).shadow;
  return ofRule(paths, { name: `shadow of the rule ${instrument}`, instrument, place, restore: restoreShadowOf });
}

function ruleOf(paths: Home, instrument: string): SidePointer {
  const place = filesOf(paths.models, ruleSlot(instrument)).active;
  const restore: Restore<ActiveFile> = async (admission, [bundle], { previous }) => {
    const folder = folderOfNamed(paths.models, bundle!);
    const admitted = refuseOwnOverride(await admit(admission, { door: 'recovery', folder }));
    const marks = trainerMarks(paths, place.name);
    await whenUnlocked(() => restoreActive(admitted, previous, paths.models, MACHINE_FILES, marks));
  };
  return ofRule(paths, { name: ruleSlot(instrument), instrument, place, restore });
}

interface RulePointer {
  readonly name: string;
  readonly instrument: string;
  readonly place: PointerPlace;
  readonly restore: Restore<ActiveFile>;
}

function ofRule(paths: Home, { name, instrument, place, restore }: RulePointer): SidePointer {
  const slot = ruleSlot(instrument);
  const bundles = ({ version, previous }: ActiveFile): NamedBundle[] =>
    [version, previous].flatMap((one) => (one === null ? [] : [{ version: one, slot }]));
  return sidePointer(paths, { name, path: place.path, kind: pointerKind(place.name), bundles, restore });
}

/** Also one that has ended: the next one's level follows from its history. */
function rolloutOf(paths: Home): SidePointer {
  const bundles = (rollout: RolloutFile): NamedBundle[] =>
    rollout.status === 'active' ? [{ version: rollout.challenger, slot: slotOfRollout(rollout) }] : [];
  return sidePointer(paths, {
    name: 'rollout',
    path: rolloutPath(paths.models),
    kind: ROLLOUT_POINTER,
    bundles,
    async restore(admission, named, file) {
      const { despite_gates: carried = null } = file;
      for (const bundle of named)
        await admit(admission, { door: 'rollout', folder: folderOfNamed(paths.models, bundle), carried });
      const write = (): void => {
        const marks = trainerMarksOf(ROLLOUT_POINTER, paths);
        if (readPointerOrNull(ROLLOUT_POINTER, rolloutPath(paths.models), MACHINE_FILES, marks) !== null) return;
        const last = marks.accepted()[0];
        if (last?.seal?.serial !== file.seal?.serial)
          throw new MinutehandError('POINTER_ROLLBACK', {
            seen: `rollout.json of ${file.id}`,
            expected: 'a newer one',
          });
        writeRollout(paths.models, rolloutSchema.parse(file), MACHINE_FILES, marks);
      };
      await whenUnlocked(() => whileRolloutLocked(paths.models, write));
    },
  });
}

/** Writes a pointer again. @param pointer the one that was accepted last */
type Restore<Pointer> = (admission: AdmissionPlace, named: readonly NamedBundle[], pointer: Pointer) => Promise<void>;

async function restoreShadowOf(admission: AdmissionPlace, [bundle]: readonly NamedBundle[]): Promise<void> {
  const { paths } = admission;
  const admitted = await admit(admission, { door: 'shadow', folder: folderOfNamed(paths.models, bundle!) });
  await whenUnlocked(() => restoreShadow(admitted, paths));
}

interface Side<Pointer> {
  readonly name: string;
  readonly path: string;
  readonly kind: PointerKind<Pointer>;
  readonly restore: Restore<Pointer>;
  /** null: it says that there is none any more. */
  bundles(pointer: Pointer): readonly NamedBundle[] | null;
}

function sidePointer<Pointer>(paths: Home, { name, path, kind, bundles, restore }: Side<Pointer>): SidePointer {
  const marks = trainerMarksOf(kind, paths);
  const last = (): Pointer | null => marks.accepted()[0] ?? null;
  return {
    name,
    path,
    marks: `${kind.name}_mark_`,
    named() {
      const pointer = readPointer(path, kind.schema, MACHINE_FILES);
      return pointer === null ? null : (bundles(pointer) ?? []);
    },
    accepted() {
      const pointer = last();
      return pointer === null ? null : bundles(pointer);
    },
    async restore(admission) {
      const isLost = (): boolean => {
        try {
          return readPointer(path, kind.schema, MACHINE_FILES) === null;
        } catch {
          return true;
        }
      };
      const pointer = last();
      const named = pointer === null ? null : bundles(pointer);
      if (pointer === null || named === null || !isLost()) return false;
      MACHINE_FILES.makeFolder(dirname(path));
      await restore(admission, named, pointer);
      return true;
    },
  };
}
