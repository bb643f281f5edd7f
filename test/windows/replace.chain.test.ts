import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../shared/store/sqlite.ts';
import { eventually } from '../cli_process.ts';
import { storeBars } from '../adoptable_settings.ts';
import { SMALL_SETTINGS } from './small_settings.ts';
import {
  createWindowsWorkplace,
  installTask,
  IS_WINDOWS,
  signalsOf,
  WINDOWS_NOTE,
  type WindowsProcess,
  type WindowsWorkplace,
} from './windows.ts';

const PAIRS = SMALL_SETTINGS.minutehand.pairs.length;
const HANDOVERS = 2;
const MINUTE_S = 60;

interface Row {
  readonly pair_id: string;
  readonly boot_id: string;
  readonly time: number;
  readonly body: string;
}

describe.runIf(IS_WINDOWS)(`an upgrade on Windows${WINDOWS_NOTE}`, () => {
  let place: WindowsWorkplace;
  beforeAll(async () => {
    place = createWindowsWorkplace(SMALL_SETTINGS);
    await storeBars(join(place.home, 'trainer.db'), SMALL_SETTINGS);
  });
  afterAll(() => place.remove(), 60_000);

  /** Good signals of every pair by a daemon whose boot is none of these. */
  const served = (by: WindowsProcess, known: ReadonlySet<string>): Promise<string> =>
    eventually(
      () => `good signals of another boot\n${by.stdout()}${by.stderr()}`,
      () => {
        const good = signalsOf(place.home).filter(({ mode, boot_id }) => mode === 'OK' && !known.has(boot_id));
        return good.length === PAIRS && good[0]!.boot_id;
      },
      8,
    );

  it(
    'by starting the task beside the one that runs misses no minute, and tells no consumer to halt',
    { timeout: 1_200_000 },
    async () => {
      const task = await installTask(place);
      const start = (): WindowsProcess => place.start(task);
      const boots = new Set<string>();
      let up = start();
      boots.add(await served(up, boots));
      for (let times = 0; times < HANDOVERS; times++) {
        const next = start();
        boots.add(await served(next, boots));
        expect(await up.ended).toBe(0);
        expect(up.stdout()).toContain('All processes have ended.');
        up = next;
        await eventually(
          () => `a trainer\n${up.stdout()}`,
          () => up.stdout().includes('minutehand is up on a SIMULATED market'),
          3,
        );
      }
      const stopped = await place.run('stop');
      expect(stopped.code, stopped.stdout + stopped.stderr).toBe(0);
      expect(await up.ended).toBe(0);

      const db = new Database(join(place.home, 'simulated_main.db'), { readonly: true });
      const rows = db.prepare('SELECT pair_id, boot_id, time, body FROM signals ORDER BY signal_row').all() as Row[];
      db.close();
      expect([...new Set(rows.map(({ boot_id }) => boot_id))]).toEqual([...boots]);
      const halts = rows.filter(({ body }) => body.includes('"reason":"SHUTDOWN"'));
      // Of the last one alone, which nobody followed.
      expect(new Set(halts.map(({ boot_id }) => boot_id))).toEqual(new Set([[...boots].at(-1)]));
      for (const pair of new Set(rows.map(({ pair_id }) => pair_id))) {
        const times = rows.filter((row) => row.pair_id === pair && !halts.includes(row)).map(({ time }) => time);
        for (const [index, time] of times.entries()) expect(time).toBe(times[0]! + index * MINUTE_S);
      }
      process.stderr.write(`${HANDOVERS} hand-overs, ${rows.length} signals, none missed\n`);
    },
  );
});
