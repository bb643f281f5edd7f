import { existsSync, lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { homePaths } from '../../shared/home.ts';
import { tinySettings } from '../../test/tiny_settings.ts';
import { FillsLink } from './fills/fills_link.ts';
import { FleetLook } from './fleet/fleet_look.ts';
import { trainerChecks } from './trainer_dependencies.ts';

const NOBODY = 65_534;

it('a folder that another user linked among those of fills is removed, and a fault once', async ({ skip }) => {
  if (process.geteuid?.() !== 0) return skip('links of another user are made as root');
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-fills-folder-'));
  const paths = homePaths({ MINUTEHAND_HOME: folder });
  const fleet = new FleetLook({ settings: tinySettings({}), paths, env: {} });
  const { checks, close } = trainerChecks({
    settings: tinySettings({}),
    paths,
    env: {},
    fillsLink: new FillsLink(),
    fleet,
  });
  try {
    const { exchange_folder: check } = checks;
    const elsewhere = join(folder, 'elsewhere');
    for (const path of [elsewhere, paths.ea]) mkdirSync(path, { recursive: true });
    await check!();
    const link = join(paths.ea, '1_paper');
    symlinkSync(elsewhere, link);
    lchownSync(link, NOBODY, NOBODY);
    await expect(check!()).rejects.toMatchObject({ code: 'EXCHANGE_LINK', seen: link });
    expect([existsSync(elsewhere), existsSync(link)]).toEqual([true, false]);
    await check!();
  } finally {
    await close();
    rmSync(folder, { recursive: true, force: true });
  }
});
