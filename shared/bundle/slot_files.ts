import { join } from 'node:path';
import { MinutehandError } from '../errors.ts';
import { pathInside } from '../path_name.ts';
import { parseSlot, type RuleSlotId, type Slot, type SlotId } from '../subject/slot.ts';
import type { PointerName } from './active_file.ts';

/** Where a slot keeps its bundles and its pointers, in a folder of bundles. Names are those of marks and signatures. */
export interface SlotFiles<ShadowName extends string = string> {
  /** Of its bundles, by their versions; slots of a strategy share it. */
  readonly folder: string;
  /** `active.json`, `direction/1h.json`, `rule/BTCUSDT@1h.json`. */
  readonly active: { readonly path: string; readonly name: PointerName };
  /** `shadow.json`, `direction/shadow_1h.json`, `rule/shadow_BTCUSDT@1h.json`. */
  readonly shadow: { readonly path: string; readonly name: ShadowName };
}

/** No id of a subject begins so: their names have no lower-case letters. */
export const SHADOW_FILE = 'shadow_';

/** @throws MinutehandError NAME_UNSAFE */
export function filesOf(modelsFolder: string, id: RuleSlotId): SlotFiles<PointerName>;
export function filesOf(modelsFolder: string, id: SlotId): SlotFiles;
export function filesOf(modelsFolder: string, id: SlotId): SlotFiles {
  const slot = namedSlot(id);
  if (slot.strategy === 'pair_reversion')
    return {
      folder: modelsFolder,
      active: { path: join(modelsFolder, 'active.json'), name: 'active' },
      shadow: { path: join(modelsFolder, 'shadow.json'), name: 'shadow' },
    };
  const { strategy } = slot;
  const folder = strategy === 'direction' ? join(modelsFolder, 'direction') : join(modelsFolder, 'rule');
  const of = strategy === 'direction' ? slot.timeframe : slot.subject;
  const name: PointerName = strategy === 'direction' ? `direction_${slot.timeframe}` : `rule_${slot.subject}`;
  return {
    folder,
    active: { path: pathInside(folder, `${of}.json`), name },
    shadow: { path: pathInside(folder, `${SHADOW_FILE}${of}.json`), name: `${strategy}_${SHADOW_FILE}${of}` },
  };
}

/** Subjects come from requests: what names no slot is theirs to correct. @throws MinutehandError NAME_UNSAFE */
function namedSlot(id: SlotId): Slot {
  try {
    return parseSlot(id);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new MinutehandError('NAME_UNSAFE', { seen: cause.message, cause });
  }
}

/** The folder of a bundle of a slot. @throws MinutehandError NAME_UNSAFE */
export function folderOf(slot: SlotId, version: string, modelsFolder: string): string {
  return pathInside(filesOf(modelsFolder, slot).folder, version);
}
