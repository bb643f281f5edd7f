import type { InputRow } from '../shared/store/journal.ts';
import type { MemoryJournal, StoredSignal } from './memory_journal.ts';
import { checkTwin } from './twin.ts';
import type { World } from './world.ts';

export interface JournalChanges {
  readonly signals?: readonly StoredSignal[];
  readonly inputs?: readonly InputRow[];
}

/** The rules that the world's journal breaks when these rows replace its own. */
export async function rulesBroken(world: World, changes: JournalChanges = {}): Promise<string[]> {
  const rules: string[] = [];
  const { inputs, signals, shadows } = world.journal;
  checkTwin({
    journal: { inputs, signals, shadows, ...changes } as MemoryJournal,
    settings: world.settings,
    models: await world.trainer.references(),
    directions: (version) => world.directions.trained(version),
    rules: world.rules,
    failedIn: (bootId) => world.machine.failedIn(bootId),
    shadowsGoOn: true,
    onViolation: (rule) => rules.push(rule),
  });
  return rules;
}
