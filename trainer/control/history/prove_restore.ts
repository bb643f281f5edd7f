import { MinutehandError } from '../../../shared/errors.ts';
import type { SignalsPolicy } from '../../../shared/policy/schema.ts';
import type { Clock } from '../../../shared/ports.ts';
import { IN_MEMORY, openStore } from '../../store/store.ts';
import { createArchive, type SignalArchive } from './archive.ts';
import type { ArchivePlace } from './archive_place.ts';
import { openSignalTables } from './signal_tables.ts';

export interface ProvenDay {
  readonly day: string;
  /** Signals that were restored into an empty store and written out again, byte for byte as archived. */
  readonly rows: number;
}

/**
 * Proves a backup by restoring it: a day is read from the archive alone, as after the loss of the store, into an empty
 * store, and each signal there must be the archived line. Nothing of this installation is changed.
 * @param archive of the installation, which knows what it has written
 * @throws MinutehandError ARCHIVE_MISSING, ARCHIVE_DAMAGED, ARCHIVE_UNREACHABLE, ARCHIVE_REFUSED
 */
export async function proveRestore(
  { archive, place, policy, clock }: ProofPlace,
  market: string,
  day: string,
): Promise<ProvenDay> {
  const store = await openStore(IN_MEMORY, clock);
  try {
    const tables = await openSignalTables(store, policy);
    const empty = createArchive(store, tables, place, clock);
    const restored = await empty.restore(market, day);
    if (restored === null) throw new MinutehandError('ARCHIVE_MISSING', { seen: `${market} ${day} in ${place.id}` });
    let archived = 0;
    for await (const lines of archive.lines(market, day)) archived += lines.length;
    // As many rows as lines, none of which is lacking there: each line is one of the rows.
    const { state, stored, detail } = await empty.verify(market, day);
    if (state === 'ok' && stored === archived && restored.added === archived) return { day, rows: archived };
    const seen = `${market} ${day} of ${place.id}: ${restored.added} of ${archived} signals were restored${detail === '' ? '' : `, ${detail}`}`;
    throw new MinutehandError('ARCHIVE_DAMAGED', { seen });
  } finally {
    await store.close();
  }
}

export interface ProofPlace {
  readonly archive: Pick<SignalArchive, 'lines'>;
  readonly place: ArchivePlace;
  readonly policy: SignalsPolicy;
  readonly clock: Clock;
}
