import {
  closeSync,
  existsSync,
  fstatSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { homePaths } from '../../shared/home.ts';
import { tinySettings } from '../../test/tiny_settings.ts';
import { openStore } from '../store/store.ts';
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

/** Overwrites part of a file in place: its identity stays. @param from share of its length, below 1 */
function overwrite(path: string, from: number): void {
  const file = openSync(path, 'r+');
  const { size } = fstatSync(file);
  const at = Math.floor(size * from);
  writeSync(file, Buffer.alloc(size - at, 0xa5), 0, size - at, at);
  closeSync(file);
}

describe('a store that is overwritten in place', () => {
  const place = async (): Promise<{ folder: string; store: () => unknown; path: string; close(): Promise<void> }> => {
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-store-check-'));
    const paths = homePaths({ MINUTEHAND_HOME: folder });
    await (await openStore(paths.trainer)).close();
    const settings = tinySettings({});
    const fleet = new FleetLook({ settings, paths, env: {} });
    const { checks, close } = trainerChecks({ settings, paths, env: {}, fillsLink: new FillsLink(), fleet });
    return {
      folder,
      store: checks.store!,
      path: paths.trainer,
      async close() {
        await close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  };

  it('before the start is a fault, although the trainer stays up', async () => {
    const { store, path, close } = await place();
    overwrite(path, 0.02);
    await expect(store()).rejects.toMatchObject({ code: 'DATABASE_DAMAGED' });
    await close();
  });

  it('while it is used is one from the first query that meets it', async () => {
    const { store, path, close } = await place();
    await store();
    const other = await openStore(path);
    overwrite(path, 0.1);
    const reads = ['core.alerts', 'core.training_runs', 'core.api_tokens'].map((table) =>
      other.db
        .selectFrom(table as 'core.alerts')
        .selectAll()
        .execute(),
    );
    const codes = (await Promise.allSettled(reads)).map((one) => one.status);
    expect(codes).toContain('rejected');
    await expect(store()).rejects.toMatchObject({ code: 'DATABASE_DAMAGED' });
    await other.close();
    await close();
  });
});
