import { haltsPath } from '../shared/bundle/halts.ts';
import type { FileSystem } from '../shared/ports.ts';
import type { JournalStore } from '../shared/store/journal.ts';
import { guardFiles } from './guarded_files.ts';
import type { MachineOptions } from './machine_options.ts';
import {
  withFlatInstruments,
  withOldHalts,
  withoutRefusedShadows,
  withoutSeries,
  withoutTaker,
  withoutInputs,
  withShortRecovery,
  type PlantedBug,
} from './planted.ts';
import type { SimulatedProcess } from './process.ts';

/** The file system of the daemon's process. Each signal is reported before it is written. */
export function openFiles(owner: SimulatedProcess, options: MachineOptions): FileSystem {
  const { disk, truth, planted, modelsFolder, onText } = options;
  const files = guardFiles(
    owner,
    disk,
    disk,
    (path, data) => {
      if (path.includes('/.signal.json')) onText(String(data).trimEnd());
    },
    (to) => truth.disks.fileReplaced(to),
  );
  return planted === 'deaf_to_halts' ? withOldHalts(files, haltsPath(modelsFolder)) : files;
}

/** The journal store of the daemon's process. */
export function openStore(
  owner: SimulatedProcess,
  { journal, planted, truth }: MachineOptions,
  onBoot: (bootId: string) => void,
): JournalStore {
  const store = withBug(journal.open(), planted);
  return {
    ...store,
    append: (inputs, signals, shadows, feedPosition) =>
      owner.call(() => {
        for (const { kind, subject, backfill } of inputs)
          if ((kind === 'bar' || kind === 'empty') && !backfill) truth.silence.received(subject);
        store.append(inputs, signals, shadows, feedPosition);
      }),
    addBoot: (boot) =>
      owner.call(() => {
        store.addBoot(boot);
        onBoot(boot.bootId);
      }),
    lastShadows: (version) => owner.call(() => store.lastShadows(version)),
  };
}

function withBug(store: JournalStore, planted: PlantedBug | null): JournalStore {
  if (planted === 'short_recovery') return withShortRecovery(store);
  if (planted === 'forgotten_series') return withoutSeries(store);
  if (planted === 'forgotten_taker') return withoutTaker(store);
  if (planted === 'forgotten_positions') return withFlatInstruments(store);
  if (planted === 'lost_shadows') return withoutRefusedShadows(store);
  if (planted === 'unjournaled_rules') return withoutInputs(store, 'rule');
  return planted === 'unjournaled_halts' ? withoutInputs(store, 'halts') : store;
}
