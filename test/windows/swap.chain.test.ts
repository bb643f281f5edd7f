import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifySignalOf } from '../../shared/signal/verify_instrument.ts';
import { Database } from '../../shared/store/sqlite.ts';
import type { RetrainRun } from '../../trainer/control/schedule/run.ts';
import { eventually } from '../cli_process.ts';
import { storeBars } from '../adoptable_settings.ts';
import { SMALL_SETTINGS } from './small_settings.ts';
import { createWindowsWorkplace, IS_WINDOWS, windowsPath, WINDOWS_NOTE, type WindowsWorkplace } from './windows.ts';

const MINUTE_S = 60;

describe.runIf(IS_WINDOWS)(`a training beside a daemon on Windows${WINDOWS_NOTE}`, () => {
  let place: WindowsWorkplace;
  beforeAll(async () => {
    place = createWindowsWorkplace(SMALL_SETTINGS);
    await storeBars(join(place.home, 'trainer.db'), SMALL_SETTINGS);
  });
  afterAll(() => place.remove(), 60_000);

  it('adopts models, which the daemon swaps in between two bars, and back', { timeout: 1_800_000 }, async () => {
    const daemon = place.start(['dist/cli/minutehand.js', 'daemon']);
    const trainer = place.start(['dist/cli/minutehand.js', 'trainer']);
    const output = (): string => `${daemon.stdout()}${daemon.stderr()}${trainer.stdout()}${trainer.stderr()}`;
    const port = await eventually(
      () => `a trainer that listens\n${output()}`,
      () => /Trainer listens on 127.0.0.1:(\d+)/.exec(trainer.stdout())?.[1],
      5,
    );
    const url = `http://127.0.0.1:${port}`;
    const ended = (id: number): Promise<RetrainRun> =>
      eventually(
        () => `the end of training ${id}\n${output()}`,
        async () => {
          const { runs } = (await (await fetch(`${url}/runs`)).json()) as { runs: RetrainRun[] };
          return runs.find(({ run_id, finished_at }) => run_id === id && finished_at !== null);
        },
        10,
      );
    const namedBySignals = (version: string): Promise<true> =>
      eventually(
        () => `signal.json of every pair by ${version}\n${output()}`,
        () =>
          SMALL_SETTINGS.minutehand.pairs.every((pair) => {
            const path = join(place.home, 'signals', pair, 'signal.json');
            const { model_version, mode } = verifySignalOf(pair, readFileSync(path, 'utf8').trim());
            return model_version === version && mode === 'OK';
          }),
        3,
      );

    const first = await ended(1);
    expect(first).toMatchObject({ status: 'adopted', error: null });
    await namedBySignals(first.model_version!);
    const requested = await fetch(`${url}/retrain?kind=full`, { method: 'POST' });
    expect(requested.status).toBe(202);
    const second = await ended(((await requested.json()) as RetrainRun).run_id);
    expect(second).toMatchObject({ status: 'adopted', previous_version: first.model_version, reasons: [] });
    await namedBySignals(second.model_version!);
    const back = await place.run('models', 'rollback');
    expect(back.code, back.stdout + back.stderr).toBe(0);
    await namedBySignals(first.model_version!);
    expect(await place.run('stop')).toMatchObject({ code: 0 });
    expect([await daemon.ended, await trainer.ended]).toEqual([0, 0]);

    const journal = join(place.home, 'simulated_main.db');
    const db = new Database(journal, { readonly: true });
    const rows = db.prepare('SELECT pair_id, boot_id, seq, time, body FROM signals ORDER BY signal_row').all() as {
      pair_id: string;
      boot_id: string;
      seq: number;
      time: number;
      body: string;
    }[];
    db.close();
    expect(new Set(rows.map(({ boot_id }) => boot_id)).size).toBe(1);
    for (const pair of SMALL_SETTINGS.minutehand.pairs) {
      const own = rows.filter(({ pair_id, body }) => pair_id === pair && !body.includes('"reason":"SHUTDOWN"'));
      // No minute is missed, none is answered twice.
      for (const [index, { seq, time }] of own.entries()) {
        expect(seq).toBe(own[0]!.seq + index);
        expect(time).toBe(own[0]!.time + index * MINUTE_S);
      }
      const versions = own.map(({ body }) => /"model_version":"([^"]*)"/.exec(body)![1]!).filter((one) => one !== '');
      const served = versions.filter((version, index) => version !== versions[index - 1]);
      expect(served).toEqual([first.model_version, second.model_version, first.model_version]);
    }
    const replayed = await place.run('replay', '--journal', windowsPath(journal));
    expect(replayed.code, replayed.stdout + replayed.stderr).toBe(0);
    process.stderr.write(`3 sets of models, ${rows.length} signals, none missed\n`);
  });
});
