import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal, type JournalFile } from '../shared/store/journal.ts';
import type { Bench } from './pipeline.fixture.ts';

/** Work on a journal on disk that has the inputs and signals of a bench. */
export async function withJournal<Result>(
  bench: Bench,
  work: (journal: JournalFile) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-bench-'));
  const journal = openJournal(join(folder, 'journal.db'));
  try {
    journal.append(bench.inputs, bench.rows);
    return await work(journal);
  } finally {
    journal.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
