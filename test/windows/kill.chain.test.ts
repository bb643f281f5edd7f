import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRng } from '../../shared/rng.ts';
import { Database } from '../../shared/store/sqlite.ts';
import { eventually } from '../cli_process.ts';
import { IS_WEEKLY } from '../weekly.ts';
import {
  createWindowsWorkplace,
  IS_WINDOWS,
  signalsOf,
  windowsPath,
  WINDOWS_NOTE,
  type WindowsWorkplace,
} from './windows.ts';

const KILLS = IS_WEEKLY ? 50 : 8;
/** A kill comes within this time of the first signal of a start. */
const WITHIN_MS = 4000;
const MINUTE_S = 60;

describe.runIf(IS_WINDOWS)(`a daemon that Windows ends at once${WINDOWS_NOTE}`, () => {
  let place: WindowsWorkplace;
  beforeAll(() => void (place = createWindowsWorkplace()));
  afterAll(() => place.remove(), 60_000);

  it('answers each minute, and its journal replays to the byte', { timeout: 3_000_000 }, async () => {
    const rng = createRng(58);
    const trainer = place.start(['dist/cli/minutehand.js', 'trainer']);
    const boots = new Set<string>();
    for (let kill = 0; kill < KILLS; kill++) {
      const daemon = place.start(['dist/cli/minutehand.js', 'daemon']);
      await eventually(
        () => `a signal of start ${kill}\n${daemon.stdout()}${daemon.stderr()}${trainer.stdout()}`,
        () => signalsOf(place.home).some(({ mode, boot_id }) => mode === 'OK' && !boots.has(boot_id)),
        5,
      );
      await sleep(rng.uniform() * WITHIN_MS);
      for (const { boot_id } of signalsOf(place.home)) boots.add(boot_id);
      await daemon.terminate();
    }
    expect(boots.size).toBeGreaterThanOrEqual(KILLS);
    const seen = Math.max(...signalsOf(place.home).map(({ timestamp }) => Date.parse(timestamp) / 1000));
    const last = place.start(['dist/cli/minutehand.js', 'daemon']);
    await eventually('a signal after the last kill', () =>
      signalsOf(place.home).some(({ boot_id }) => !boots.has(boot_id)),
    );
    const stopped = await place.run('stop');
    expect(stopped.code, stopped.stdout + stopped.stderr).toBe(0);
    expect(await last.ended).toBe(0);
    expect(await trainer.ended).toBe(0);

    const journal = join(place.home, 'simulated_main.db');
    expect(existsSync(journal)).toBe(true);
    const db = new Database(journal, { readonly: true });
    const minutes = db
      .prepare('SELECT min(time) AS first, max(time) AS last, count(DISTINCT time) AS n FROM signals GROUP BY pair_id')
      .all() as { first: number; last: number; n: number }[];
    db.close();
    expect(minutes).toHaveLength(10);
    for (const { first, last: newest, n } of minutes) {
      expect(n).toBe((newest - first) / MINUTE_S + 1);
      expect(newest).toBeGreaterThanOrEqual(seen - MINUTE_S);
    }
    const replayed = await place.run('replay', '--journal', windowsPath(journal));
    expect(replayed.code, replayed.stdout + replayed.stderr).toBe(0);
    process.stderr.write(`${KILLS} kills, ${minutes[0]!.n} minutes of each pair\n`);
  });
});
