import { lchownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { homePaths } from '../../shared/home.ts';
import { tinySettings } from '../../test/tiny_settings.ts';
import { startEa } from './ea.ts';

const NOBODY = 65_534;

it('writes nothing through a folder that another user linked, and starts without the link', async ({ skip }) => {
  if (process.geteuid?.() !== 0) return skip('links of another user are made as root');
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-ea-folder-'));
  const paths = homePaths({ MINUTEHAND_HOME: folder });
  const elsewhere = join(folder, 'elsewhere');
  const start = () =>
    startEa({
      settings: tinySettings({}),
      paths,
      clock: MACHINE_CLOCK,
      way: 'file',
      pairIds: ['XAUUSD_XAGUSD'],
      name: 'own',
      url: '',
      equity: 1000,
      risk: 0.01,
      maxOpenPairs: 1,
      onFill: () => undefined,
      onFailure: () => undefined,
    });
  try {
    for (const path of [elsewhere, paths.ea]) mkdirSync(path, { recursive: true });
    const link = join(paths.ea, 'own_paper');
    symlinkSync(elsewhere, link);
    lchownSync(link, NOBODY, NOBODY);
    expect(start).toThrow(expect.objectContaining({ code: 'EXCHANGE_LINK', seen: link }));
    expect(readdirSync(elsewhere)).toEqual([]);
    await start().stop();
    expect(readdirSync(elsewhere)).toEqual([]);
    expect(readdirSync(link)).not.toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
