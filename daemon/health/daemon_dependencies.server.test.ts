import { existsSync, lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { homePaths } from '../../shared/home.ts';
import { exchangeOwner } from '../../shared/owner/exchange_owner.ts';
import { ownerOf } from '../../shared/owner/owner.ts';
import { tinySettings } from '../../test/tiny_settings.ts';
import { daemonChecks } from './daemon_dependencies.ts';

const NOBODY = 65_534;

it('a link of another user in the folder of signals is removed, a fault once, and the folder stays claimed', async ({
  skip,
}) => {
  if (process.geteuid?.() !== 0) return skip('links of another user are made as root');
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-exchange-'));
  try {
    const paths = homePaths({ MINUTEHAND_HOME: folder });
    const settings = tinySettings({});
    const exchange = exchangeOwner(paths.signals, ownerOf(settings, paths));
    exchange.claim();
    const { exchange_folder: check } = daemonChecks({
      settings,
      paths,
      exchange,
      journalPath: paths.journal('live', 'main'),
      modelsInUse: () => [],
      redisStates: () => [],
      redisTakenBy: () => null,
      wallMs: () => 0,
      uptimeMs: () => 0,
      leaseClock: () => undefined,
    });
    await check!();
    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, join(paths.signals, 'A_B'));
    lchownSync(join(paths.signals, 'A_B'), NOBODY, NOBODY);
    await expect(check!()).rejects.toMatchObject({ code: 'EXCHANGE_LINK', seen: join(paths.signals, 'A_B') });
    expect([existsSync(elsewhere), existsSync(join(paths.signals, 'A_B')), exchange.isOwn()]).toEqual([
      true,
      false,
      true,
    ]);
    await check!();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
