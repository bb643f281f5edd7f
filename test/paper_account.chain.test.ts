import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exactSumOracle } from '../shared/exact_sum.oracle.ts';
import { activate } from './activate.ts';
import { parseFill, type Fill } from '../shared/fill/fill.ts';
import type { Performance } from '../trainer/control/performance/performance_schema.ts';
import { commandOf, createWorkplace, eventually, processTree, type Running, type Workplace } from './cli_process.ts';
import { skipNote } from './skip_note.ts';
import { tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const isLinux = process.platform === 'linux';

describe.runIf(isLinux)(`the paper account of up${skipNote(!isLinux, 'processes are found in /proc')}`, () => {
  let place: Workplace;
  const folder = (): string => join(place.home, 'ea', 'simulated_paper');
  const fills = (): Fill[] => {
    const path = join(folder(), 'result.json');
    if (!existsSync(path)) return [];
    return readFileSync(path, 'utf8').split('\n').slice(0, -1).map(parseFill);
  };
  const opened = (): number => fills().filter(({ kind }) => kind === 'open').length;
  const closed = (): number => fills().filter(({ kind }) => kind === 'close').length;
  const paperPid = (up: Running): number | undefined =>
    processTree(up.pid).find((pid) => commandOf(pid).includes(' ea --name simulated'));

  async function start(...flags: string[]): Promise<Running> {
    const up = place.start(['up', '--json', ...flags]);
    await eventually(up.stderr, () => up.stdout().includes('"daemons"'));
    return up;
  }

  async function stop(up: Running): Promise<void> {
    up.kill('SIGTERM');
    expect(await up.ended, up.stderr()).toBe(0);
  }

  let headers: Record<string, string>;
  beforeAll(async () => {
    place = createWorkplace({ minutehand: { simulated: { bar_interval_ms: 40 } } });
    const { version } = await tinyModels(place.models, { settings: place.settings });
    activate(place.models, version);
    const token = await place.run(['token', 'create', '--role', 'viewer', '--name', 'eve', '--json']);
    headers = { authorization: `Bearer ${(JSON.parse(token.stdout) as { token: string }).token}` };
  });
  afterAll(() => place?.remove());

  it('follows all pairs of the simulated market, survives a kill, and continues with the next start', async () => {
    const up = await start();
    expect(JSON.parse(up.stdout())).toMatchObject({ paper: folder() });
    await eventually(up.stderr, () => closed() >= 2);
    expect(JSON.parse(readFileSync(join(folder(), 'account.json'), 'utf8'))).toMatchObject({ equity: 10_000 });
    for (const fill of fills()) expect(fill).toMatchObject({ market: 'simulated', account: 'paper' });

    // The same fills by the trainer's API and by the command line, to the last digit.
    const { trainer } = JSON.parse(up.stdout()) as { trainer: { port: number } };
    const account = await eventually(up.stderr, async () => {
      const response = await fetch(`http://127.0.0.1:${trainer.port}/api/performance`, { headers });
      const { is_simulated, accounts } = (await response.json()) as Performance;
      expect([response.status, is_simulated]).toEqual([200, true]);
      return accounts.find(({ id, closed: positions }) => id === 'paper/simulated_paper' && positions > 0);
    });
    expect(account).toMatchObject({ begun: 10_000, currency: 'USD', sharpe: { value: null } });
    expect(account.by_reason.reduce((sum, row) => sum + row.closed, 0)).toBe(account.closed);
    const pnls = fills().flatMap(({ kind, position_id, pnl }) => (kind === 'close' ? [{ position_id, pnl }] : []));
    const known = new Set(pnls.slice(0, 2 * account.closed).map(({ position_id }) => position_id));
    const sum = exactSumOracle(pnls.slice(0, 2 * account.closed).map(({ pnl }) => pnl));
    expect([known.size, account.curve.at(-1)!.net]).toEqual([account.closed, sum]);

    const second = await place.run(['ea', '--name', 'simulated', '--json']);
    expect(second.code).toBe(1);
    expect(second.stdout + second.stderr).toContain('HOME_LOCKED');

    const killed = paperPid(up)!;
    process.kill(killed, 'SIGKILL');
    const before = opened();
    await eventually(up.stderr, () => opened() > before + 2);
    expect(paperPid(up)).not.toBe(killed);
    await stop(up);
    const first = fills();
    const period = ['--from', '2020-01-01', '--to', '2100-01-01'];
    const report = await place.run(['report', ...period, '--json']);
    const made = (JSON.parse(report.stdout) as { performance: Performance }).performance.accounts[0]!;
    expect(made).toMatchObject({ id: 'paper/simulated_paper', sharpe: { value: null } });
    expect((await place.run(['report', ...period])).stdout).toMatch(
      /^SIMULATED market[^]*\n {2}Sharpe ratio {2}not shown: \d+ trading days?, 20 needed\n/m,
    );

    const next = await start();
    await eventually(next.stderr, () => closed() > first.filter(({ kind }) => kind === 'close').length + 2);
    await stop(next);
    expect(fills().slice(0, first.length)).toEqual(first);
    // Every leg is opened once, and closed at most once.
    const keys = fills().flatMap(({ kind, position_id, leg }) =>
      kind === 'refused' ? [] : [`${kind} ${position_id} ${leg}`],
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('is part of the health of its home: one that cannot start is named by status, doctor and the trainer', async () => {
    const path = join(folder(), 'account.json');
    const account = readFileSync(path);
    writeFileSync(path, '{');
    const up = await start();
    const { trainer } = JSON.parse(up.stdout()) as { trainer: { port: number } };
    const faults = async (): Promise<unknown> => {
      const response = await fetch(`http://127.0.0.1:${trainer.port}/healthz`);
      return ((await response.json()) as { dependencies: unknown }).dependencies;
    };
    await expect
      .poll(faults, { timeout: 40_000 })
      .toMatchObject([
        { dependency: 'followers', code: 'NOT_FOLLOWED', message: expect.stringContaining('EA_STATE') as string },
      ]);
    const status = await place.run(['status']);
    expect([status.code, status.stdout]).toEqual([
      1,
      expect.stringMatching(/✗ account simulated_paper: does not run .*EA_STATE/),
    ]);
    expect((await place.run(['doctor'])).stdout).toMatch(/account simulated_paper.*EA_STATE/);
    writeFileSync(path, account);
    await expect.poll(faults, { timeout: 60_000 }).toEqual([]);
    writeFileSync(join(folder(), 'KILL'), '');
    expect((await place.run(['status'])).stdout).toMatch(/✗ account simulated_paper: .*KILL stops it/);
    rmSync(join(folder(), 'KILL'));
    await stop(up);
  });

  it('is absent when the flag or the market says so', async () => {
    rmSync(join(place.home, 'ea'), { recursive: true });
    for (const flags of [['--no-paper'], ['--market', 'live']]) {
      const up = await start(...flags);
      expect(JSON.parse(up.stdout())).toMatchObject({ paper: null });
      expect(paperPid(up)).toBeUndefined();
      await stop(up);
    }
    expect(existsSync(join(place.home, 'ea')) ? readdirSync(join(place.home, 'ea')) : []).toEqual([]);
  });
});
