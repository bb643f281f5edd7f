import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { homePaths } from '../../shared/home.ts';
import { BacktestQueue } from '../../trainer/control/schedule/backtest_queue.ts';
import { storeQueue } from '../../trainer/control/schedule/run_queue.ts';
import { openStore, storeUrl } from '../../trainer/store/store.ts';
import { createWorkplace, type Workplace } from '../../test/cli_process.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let place: Workplace;
beforeAll(() => {
  place = createWorkplace();
});
afterAll(() => place.remove());

it('jobs list shows what waits in the queues of the trainer, and jobs cancel takes it out by name, once', async () => {
  const unknown = await place.run(['jobs', 'cancel', 'run:1']);
  expect(unknown.code).not.toBe(0);
  expect(unknown.stderr).toContain('JOB_UNKNOWN');

  mkdirSync(place.home, { recursive: true });
  const store = await openStore(storeUrl({}, homePaths({ MINUTEHAND_HOME: place.home })));
  const { market } = place.settings.minutehand;
  const runs = storeQueue(store, { market, owner: 'here', clock: MACHINE_CLOCK });
  const run = await runs.add({ kind: 'full', trigger: { code: 'command', values: { command: 'train' } } });
  const backtest = await new BacktestQueue(store, market, 'here').add(
    {
      request: { models: ['v'], from: null, to: null, pairs: null, theta1: null, theta2: null, costs: 'profile' },
      reason: 'a look',
      by: 'ann',
      policyHash: 'hash',
    },
    MACHINE_CLOCK.nowMs(),
  );
  const names = [`run:${run!.run_id}`, `backtest:${backtest.backtest_id}`];

  const listed = await place.run(['jobs', 'list', '--json']);
  expect(listed.code).toBe(0);
  const { waiting } = JSON.parse(listed.stdout) as { waiting: { name: string; kind: string }[] };
  expect(waiting.map(({ name, kind }) => `${name} ${kind}`)).toEqual([`${names[0]} full`, `${names[1]} backtest`]);
  const shown = await place.run(['jobs', 'list']);
  for (const name of names) expect(shown.stdout).toContain(name);

  for (const name of names) {
    expect(await place.run(['jobs', 'cancel', name])).toMatchObject({ code: 0 });
    const again = await place.run(['jobs', 'cancel', name]);
    expect(again.code).not.toBe(0);
    expect(again.stderr).toContain('JOB_UNKNOWN');
  }
  expect(await runs.waiting()).toEqual([]);
  const after = await place.run(['jobs', 'list']);
  for (const name of names) expect(after.stdout).not.toContain(name);
  await store.close();
});
