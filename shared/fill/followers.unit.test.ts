import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { homePaths, type HomePaths } from '../home.ts';
import { lockHome } from '../process/home_lock.ts';
import { tellParts } from '../process/up_parts.ts';
import { encodeFill } from './fill.ts';
import { idOf } from '../signal/signal.fixture.ts';
import { openFill, refusedFill } from './fill.fixture.ts';
import { followerFaults, refuseFollowerFaults, type FollowerFault } from './followers.ts';

const MINUTE_MS = 60_000;
const NOW_MS = openFill().time_ms + 5 * MINUTE_MS;
let paths: HomePaths;
const unlocks: (() => void)[] = [];

const faults = (nowMs = NOW_MS): FollowerFault[] => followerFaults(paths, MINUTE_MS, nowMs);
const textsOf = (found: readonly FollowerFault[]): string[] =>
  found.map(({ about, text, isProblem }) => `${isProblem ? 'problem' : 'note'} ${about}: ${text}`);
const folderOf = (name: string): string => join(paths.ea, name);
const results = (name: string, ...lines: readonly string[]): void =>
  writeFileSync(join(folderOf(name), 'result.json'), lines.map((line) => `${line}\n`).join(''));

beforeEach(() => {
  paths = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(tmpdir(), 'minutehand-followers-')) });
  for (const name of ['simulated_paper', '7_trade']) mkdirSync(folderOf(name), { recursive: true });
});
afterEach(() => {
  for (const unlock of unlocks.splice(0)) unlock();
  rmSync(paths.home, { recursive: true, force: true });
});

describe('what keeps an account from following', () => {
  it('is nothing where accounts are as they should be, or a paper account was ended', () => {
    results('7_trade', encodeFill(refusedFill()), encodeFill(openFill()));
    writeFileSync(join(folderOf('simulated_paper'), 'KILL'), '');
    expect(faults()).toEqual([]);
  });

  it('is a forgotten KILL file, of all accounts or of one', () => {
    unlocks.push(lockHome(join(folderOf('simulated_paper'), 'lock')));
    const files = [
      join(paths.home, 'KILL'),
      join(folderOf('simulated_paper'), 'KILL'),
      join(folderOf('7_trade'), 'KILL'),
    ];
    for (const path of files) {
      writeFileSync(path, '');
      const found = faults();
      expect(textsOf(found)).toEqual([
        expect.stringMatching(
          /^problem account.*stops (it|all accounts): nothing is entered, and positions are closed\.$/,
        ),
      ]);
      expect(found[0]!.next).toContain(`Delete ${path}`);
      rmSync(path);
    }
    expect(faults()).toEqual([]);
  });

  it('is a paper account of `up` that is down, with what it ended with, as long as that `up` runs', () => {
    const ended = { ended: '1; EA_STATE: damaged', since: '2026-11-20T12:00:00.000Z' };
    tellParts(paths, [
      { name: 'daemon', account: null, ended: null, since: null },
      { name: 'paper', account: 'simulated', ...ended },
    ]);
    expect(faults()).toEqual([]);
    const unlock = lockHome(paths.lock('up'));
    unlocks.push(unlock);
    expect(textsOf(faults())).toEqual([
      'problem account simulated_paper: does not run since 2026-11-20 12:00 UTC, and follows no signal; it ended with 1; EA_STATE: damaged.',
    ]);
    expect(() => refuseFollowerFaults(faults())).toThrow(expect.objectContaining({ code: 'NOT_FOLLOWED' }) as Error);
  });

  it('is a running account that takes no signals, by what it has kept of the last one', () => {
    unlocks.push(lockHome(join(folderOf('simulated_paper'), 'lock')));
    const state = join(folderOf('simulated_paper'), 'state_simulated_XAUUSD_XAGUSD.json');
    const signal = (seq: number, generatedMs: number, bootId = 'boot'): void => {
      mkdirSync(join(paths.signals, 'XAUUSD_XAGUSD'), { recursive: true });
      const own = { market: 'simulated', boot_id: bootId, seq, generated_at_ms: generatedMs };
      writeFileSync(join(paths.signals, 'XAUUSD_XAGUSD', 'signal.json'), JSON.stringify(own));
    };
    const memory = { bootId: 'boot', seq: 7 };
    writeFileSync(state, JSON.stringify({ market: 'simulated', pairId: 'XAUUSD_XAGUSD', memory }));
    utimesSync(state, new Date(NOW_MS), new Date(NOW_MS));
    signal(7, NOW_MS);
    // A weekend without bars.
    expect(faults(NOW_MS + 2000 * MINUTE_MS)).toEqual([]);
    // The bar that has just closed.
    signal(8, NOW_MS + 2000 * MINUTE_MS);
    expect(faults(NOW_MS + 2000 * MINUTE_MS)).toEqual([]);
    const behind = ['problem account simulated_paper: runs, and has not taken the newest signals of XAUUSD_XAGUSD.'];
    expect(textsOf(faults(NOW_MS + 2001 * MINUTE_MS))).toEqual(behind);
    signal(2, NOW_MS + 71_000, 'another');
    expect(textsOf(faults(NOW_MS + 71_000))).toEqual(behind);
  });

  it('is a refusal of the terminal at once, and a limit only when it is reached again and again', () => {
    const refused = (error: string, n = 2): string =>
      encodeFill(refusedFill({ error, signal_id: idOf(n), position_id: idOf(n) }));
    results('7_trade', encodeFill(openFill()), refused('TRADING_NOT_ALLOWED'));
    expect(faults()).toMatchObject([{ isProblem: true, next: expect.stringContaining('Algo Trading') as string }]);
    results('7_trade', encodeFill(openFill()), refused('NO_SYMBOL XAUUSD.x'));
    expect(faults()).toMatchObject([{ isProblem: true, next: expect.stringContaining('InpSymbols') as string }]);
    results('7_trade', refused('CAP_OPEN_PAIRS'), refused('CAP_OPEN_PAIRS', 3));
    expect(faults()).toMatchObject([{ isProblem: false }]);
    expect(() => refuseFollowerFaults(faults())).not.toThrow();
    results('7_trade', ...[2, 3, 4].map((n) => refused('CAP_SPREAD XAUUSD 9.00 bps', n)));
    expect(textsOf(faults())).toEqual([
      expect.stringMatching(
        /^problem account 7_trade: refused the last 3 entries, that of .*: CAP_SPREAD XAUUSD 9\.00 bps\.$/,
      ),
    ]);
    expect(faults(NOW_MS + 25 * 60 * MINUTE_MS)).toEqual([]);
    results('7_trade', refused('TRADING_NOT_ALLOWED'), encodeFill(openFill()));
    expect(faults()).toEqual([]);
  });
});
