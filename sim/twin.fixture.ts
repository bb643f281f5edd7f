import type { InputRow } from '../shared/store/journal.ts';
import type { MemoryJournal, StoredSignal } from './memory_journal.ts';
import { checkTwin } from './twin.ts';
import type { World } from './world.ts';

export interface JournalChanges {
  readonly signals?: readonly StoredSignal[];
  readonly inputs?: readonly InputRow[];
}

/** The rules that the world's journal violates with these rows replaced. */
export function rulesBroken(world: World, changes: JournalChanges = {}): string[] {
  const rules: string[] = [];
  const { inputs, signals, shadows } = world.journal;
  checkTwin({
    journal: { inputs, signals, shadows, ...changes } as MemoryJournal,
    settings: world.settings,
    models: (version) => world.trainer.trainedSet(version),
    directions: (version) => world.directions.trained(version),
    failedIn: (bootId) => world.machine.failedIn(bootId),
    shadowsGoOn: true,
    onViolation: (rule) => rules.push(rule),
  });
  return rules;
}
