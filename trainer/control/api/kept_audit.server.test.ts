import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { homePaths } from '../../../shared/home.ts';
import { openStore } from '../../store/store.ts';
import { verifyAudit, type AuditEntry } from './audit.ts';
import { appendOrKeep, MAX_KEPT_BYTES } from './kept_audit.ts';

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
