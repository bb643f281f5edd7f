import { MACHINE_FILES } from '../../../shared/files.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Clock } from '../../../shared/ports.ts';
import { noteArchivedSignals } from '../../../shared/store/archived_signals.ts';
import { lastWholeDay } from './archive_round.ts';
import type { SignalArchive } from './archive.ts';
import type { CopiedSignals } from './copy.ts';
import { DAY_MS, dayStartMs } from './day.ts';

export interface NoteOptions {
  readonly archive: SignalArchive;
  readonly paths: HomePaths;
  readonly clock: Clock;
  /** Copied part of the live journals at the start of the round. */
  readonly copied: ReadonlyMap<string, CopiedSignals>;
}

/** Records for the live daemons which part of their journals is archived, provided no finished day is missing. */
export async function noteArchived({ archive, paths, clock, copied }: NoteOptions): Promise<void> {
  const lastDay = lastWholeDay(clock.nowMs());
  if (copied.size === 0 || (await archive.due('live', lastDay)).length > 0) return;
  const published_before_ms = dayStartMs(lastDay) + DAY_MS;
  noteArchivedSignals(
    MACHINE_FILES,
    paths.archivedSignals,
    new Map(
      [...copied].map(([path, { signalRow, fingerprint }]) => [
        path,
        { signal_row: signalRow, fingerprint, published_before_ms },
      ]),
    ),
  );
}
