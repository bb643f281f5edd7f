import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fillDisk, mayMount, MOUNT_NOTE, mountSmallDisk } from '../../../test/mounts.ts';
import { skipNote } from '../../../test/skip_note.ts';
import { keepReserve } from '../../../shared/disk_reserve.ts';
import { homePaths } from '../../../shared/home.ts';
import { openStore } from '../../store/store.ts';
import { appendAudit, verifyAudit, type AuditEntry } from './audit.ts';
import { appendOrKeep, MAX_KEPT_BYTES, takeOverKept } from './kept_audit.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'minutehand-kept-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const entryOf = (target: string): AuditEntry => ({
  actor: 'ann',
  role: '',
  via: 'cli',
  action: 'halt',
  target,
  before: null,
  after: null,
  outcome: 'done',
});

it('keeps entries while the store is down, up to a bound that is reported, and the next one takes all over', async () => {
  const paths = homePaths({ MINUTEHAND_HOME: home });
  // Nothing listens there.
  const down = { MINUTEHAND_DATABASE_URL: 'postgres://127.0.0.1:1/none' };
  expect(await appendOrKeep(down, paths, entryOf('first'), 1)).toMatchObject({ code: 'STORE_UNUSABLE' });
  const [line] = readFileSync(paths.keptAudit, 'utf8').split('\n');
  const filler = `${line!}${' '.repeat((1 << 20) - line!.length)}`;
  // Blanks at the ends of lines, so that the file is long with few entries.
  const lines = Array.from({ length: 15 }, () => filler);
  writeFileSync(paths.keptAudit, `${lines.join('\n')}\n${' '.repeat((1 << 20) - 50)}\n`);
  await expect(appendOrKeep(down, paths, entryOf('one too many'), 2)).rejects.toMatchObject({ code: 'AUDIT_FULL' });
  expect(statSync(paths.keptAudit).size).toBeLessThanOrEqual(MAX_KEPT_BYTES);
  expect(readFileSync(paths.keptAudit, 'utf8')).not.toContain('one too many');
  expect(await appendOrKeep({}, paths, entryOf('last'), 3)).toBeNull();
  const store = await openStore(paths.trainer);
  try {
    expect(await verifyAudit(store)).toMatchObject({ entries: 16, broken: null, missing: null });
  } finally {
    await store.close();
  }
});

it('takes each over once, also those that a process appended before it was killed', async () => {
  const paths = homePaths({ MINUTEHAND_HOME: home });
  const down = { MINUTEHAND_DATABASE_URL: 'postgres://127.0.0.1:1/none' };
  const secret = { ...entryOf('second'), after: { url: 'postgres://ann:geheim@127.0.0.1/d' } };
  const entries = [entryOf('first'), secret, entryOf('third'), entryOf('third')];
  for (const entry of entries) await appendOrKeep(down, paths, entry, 5);
  const store = await openStore(paths.trainer);
  try {
    for (const entry of [entries[0]!, secret, entries[2]!]) await appendAudit(store, entry, 5);
    await takeOverKept(store, paths);
    const rows = await store.db.selectFrom('audit.api_writes').select('target').orderBy('entry_id').execute();
    expect(rows.map(({ target }) => target)).toEqual(['first', 'second', 'third', 'third']);
  } finally {
    await store.close();
  }
});

const NO_MOUNTS = !mayMount();
it.skipIf(NO_MOUNTS)(
  `keeps entries on a full disk in the reserve of the home${skipNote(NO_MOUNTS, MOUNT_NOTE)}`,
  async () => {
    const disk = mountSmallDisk(join(home, 'full'), 32);
    try {
      const paths = homePaths({ MINUTEHAND_HOME: disk.path });
      await (await openStore(paths.trainer)).close();
      expect(keepReserve(paths.home)).toBe(true);
      const filler = fillDisk(disk.path);
      const targets = ['first', 'second', 'third'];
      // As a store that cannot be opened; the one of the home may have some room left in its log.
      const down = { MINUTEHAND_DATABASE_URL: 'postgres://127.0.0.1:1/none' };
      for (const target of targets)
        expect(await appendOrKeep(down, paths, entryOf(target), 1)).toMatchObject({ code: 'STORE_UNUSABLE' });
      rmSync(filler);
      expect(await appendOrKeep({}, paths, entryOf('last'), 2)).toBeNull();
      const store = await openStore(paths.trainer);
      try {
        const rows = await store.db.selectFrom('audit.api_writes').select('target').orderBy('entry_id').execute();
        expect(rows.map((row) => row.target)).toEqual([...targets, 'last']);
      } finally {
        await store.close();
      }
    } finally {
      disk.remove();
    }
  },
);
