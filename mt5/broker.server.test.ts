import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { recordOf } from '../trainer/learning/strategies/pair_reversion/backtest/pair_tasks.ts';
import { recordsCsv } from '../trainer/learning/strategies/pair_reversion/backtest/ledger.ts';
import { testerSignals } from '../trainer/learning/backtest/tester_signals.ts';
import type { PairHistory } from '../trainer/learning/history/pair_history.ts';
import { randomHistory } from '../trainer/learning/history/pair_history.fixture.ts';
import { backtest } from '../trainer/learning/trades/backtest.ts';
import { IS_WEEKLY, WEEKLY_NOTE } from '../test/weekly.ts';
import { compileProgram, compilerNote, hasCompiler } from './test/compile.ts';

const source = readFileSync(join(packageRoot(), 'mt5', 'test', 'broker.cpp'), 'utf8');
const scenarios = [...source.matchAll(/^ {2}scenario\("(.*?)",/gm)].map((match) => match[1]!);

const MINUTES_A_DAY = 1440;

/** Thousands of small files: in memory where the system has a memory file system. */
const makeFolder = (): string =>
  mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'minutehand-broker-'));

const compileBroker = (): string => compileProgram('broker', IS_WEEKLY ? '-O2' : '-Og');

/** Output of the program for simulated days, one line per seed. */
function runDays(first: number, last: number, minutes: number): string[] {
  const folder = makeFolder();
  try {
    const args = [folder, 'days', String(first), String(last), String(minutes)];
    const { stdout, stderr } = spawnSync(compileBroker(), args, { encoding: 'utf8' });
    return [...stdout.split('\n'), ...stderr.split('\n')].filter((line) => line !== '');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe.skipIf(!hasCompiler())(`the expert advisor against a simulated broker${compilerNote()}`, () => {
  let folder: string;
  let printed: string[] = [];
  beforeAll(() => {
    folder = makeFolder();
    const { stdout, stderr } = spawnSync(compileBroker(), [folder], { encoding: 'utf8' });
    printed = [...stdout.split('\n'), stderr];
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(scenarios)('%s', (name) => {
    expect(printed.filter((line) => line.includes(` ${name}`) || line.startsWith('critical'))).toEqual([`ok ${name}`]);
  });

  it('after days with every fault mode of the terminal has no order doubled or lost, no orphan, no bar missing and no false empty minute', () => {
    const lines = runDays(1, 8, 120);
    expect(lines.filter((line) => !line.startsWith('ok '))).toEqual([]);
    expect(lines).toHaveLength(8);
  }, 120_000);

  it.skipIf(!IS_WEEKLY)(
    `the same for 500 whole days${WEEKLY_NOTE}`,
    () => {
      for (let first = 1; first <= 500; first += 50) {
        const lines = runDays(first, first + 49, MINUTES_A_DAY);
        expect(lines.filter((line) => !line.startsWith('ok '))).toEqual([]);
        expect(lines).toHaveLength(50);
      }
    },
    7_200_000,
  );

  const [SEEDS, DAYS] = IS_WEEKLY ? [6, 30] : [1, 8];
  it(`after ${DAYS} days with weekends, restarts, lost connections, sleeps, account switches and chart changes has exactly the broker's volumes in its books`, () => {
    const lines = runDays(1, SEEDS, DAYS * MINUTES_A_DAY);
    expect(lines.filter((line) => !line.startsWith('ok '))).toEqual([]);
    expect(lines).toHaveLength(SEEDS);
  }, 1_800_000);
});

const FREE = { spread_bps: 0, commission_bps: 0, slippage_bps: 0 };

/** Trades of a backtest over a random market, at the opens of its bars. */
function tradesOver(history: PairHistory) {
  return backtest(history, 0, history.length, {
    thresholds: { theta1: 0.5, theta2: 0.5 },
    policy: {
      z_entry: 1.5,
      z_exit: 0.5,
      stop: 1.5,
      max_age_bars: 12,
      beta_min: 0.05,
      beta_max: 20,
      risk_exit: 0.95,
      require_edge: false,
      no_entry_windows: [],
      min_expected_net_bps: -Infinity,
    },
    edge: true,
    costs: { a: FREE, b: FREE },
    scores: () => ({ return_prob: 0.99, risk_score: 0 }),
  }).map((trade) => recordOf(history, trade));
}

/** One tick of each symbol at the open of each bar, bid and ask at the same price plus and minus half a spread. */
function ticksOf({ time, openA, openB, pair }: PairHistory, spreadBps = 0): string {
  const lines: string[] = [];
  for (let i = 0; i < time.length; i++)
    for (const [symbol, price] of [
      [pair.a, openA[i]!],
      [pair.b, openB[i]!],
    ] as const)
      lines.push(`${time[i]! * 1000},${symbol},${price * (1 - spreadBps / 2e4)},${price * (1 + spreadBps / 2e4)}`);
  return `${lines.join('\n')}\n`;
}

/** Published trades as `minutehand backtest --out` writes them. */
function tradesFile(trades: readonly ReturnType<typeof recordOf>[]): string {
  const lines = [...recordsCsv(trades)];
  const header = lines[0];
  const rows = lines.slice(1);
  return [`model_version,published,${header}`, ...rows.map((row) => `20260101_0000,1,${row}`)].join('');
}

interface TesterRun {
  readonly status: number | null;
  readonly journal: string;
  /** Rows of the file of fills, by column. */
  readonly fills: readonly Readonly<Record<string, string>>[];
}

/** Replays a file of signals in the tester. */
function runTester(signals: string, ticks: string, ...inputs: string[]): TesterRun {
  const folder = makeFolder();
  try {
    const common = join(folder, 'minutehand');
    spawnSync('mkdir', [common]);
    writeFileSync(join(common, 'tester_signals.csv'), signals);
    writeFileSync(join(folder, 'ticks.csv'), ticks);
    const args = [folder, 'tester', join(folder, 'ticks.csv'), ...inputs];
    const { status, stdout } = spawnSync(compileBroker(), args, { encoding: 'utf8' });
    const path = join(common, 'tester_signals.csv.fills.csv');
    const [header = '', ...lines] = existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
    const names = header.split(',');
    const fills = lines.map((line) => Object.fromEntries(line.split(',').map((cell, at) => [names[at]!, cell])));
    return { status, journal: stdout, fills };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe.skipIf(!hasCompiler())(`the expert advisor in the strategy tester${compilerNote()}`, () => {
  it.each([1, -1] as const)(
    'fills both legs of every trade at the times and prices of the backtest, and earns the same (beta %i)',
    (sign) => {
      const history = randomHistory('tester', 1500, sign);
      const trades = tradesOver(history);
      const { text } = testerSignals(tradesFile(trades), { view: 'edge_pairs' });
      for (const account of ['hedging', 'netting']) {
        const inputs = ['InpStopPercent=0', ...(account === 'netting' ? [account] : [])];
        const { journal, fills } = runTester(text, ticksOf(history), ...inputs);
        // As a live signal an entry expires: a bar and 90 seconds after its own bar.
        const entered = trades.filter(({ entryTime, entrySignalTime }) => entryTime - entrySignalTime <= 150);
        expect(entered.length).toBeGreaterThan(100);
        expect(entered.length).toBeLessThan(trades.length);
        expect(journal).toContain(`${entered.length} trades opened, ${entered.length} closed`);
        expect(journal).toContain(`${trades.length - entered.length} refused`);
        expect(journal).toContain('positions 0');
        expect(fills).toHaveLength(4 * entered.length);
        const byTime = [...fills].sort((one, other) => Number(one['time']) - Number(other['time']));
        const ids = [...new Set(byTime.map((fill) => fill['trade']!))];
        for (const [i, trade] of entered.entries()) {
          const [openA, openB, closeA, closeB] = byTime.filter((fill) => fill['trade'] === ids[i]);
          const expected = [
            [trade.entryTime, trade.side, trade.entryPrices[0]],
            [trade.entryTime, trade.beta < 0 ? trade.side : -trade.side, trade.entryPrices[1]],
            [trade.exitTime, -trade.side, trade.exitPrices[0]],
            [trade.exitTime, trade.beta < 0 ? -trade.side : trade.side, trade.exitPrices[1]],
          ] as const;
          const sideOf = (fill: TesterRun['fills'][number]): number => (fill['side'] === 'BUY' ? 1 : -1);
          const filled = [openA!, openB!, closeA!, closeB!];
          expect(filled.map((fill) => [Number(fill['time']), sideOf(fill)])).toEqual(
            expected.map(([time, side]) => [time, side]),
          );
          for (const [k, [, , price]] of expected.entries()) expect(Number(filled[k]!['price'])).toBeCloseTo(price, 8);
          const notional = (fill: TesterRun['fills'][number]): number => Number(fill['lots']) * Number(fill['price']);
          const earned = filled.reduce((sum, fill) => sum - sideOf(fill) * notional(fill), 0);
          expect((earned / (notional(openA!) + notional(openB!))) * 1e4).toBeCloseTo(trade.grossBps, 1);
        }
      }
    },
    120_000,
  );

  it('pays the tester’s spread, and says how much worse than the backtest it filled', () => {
    const history = randomHistory('tester', 300, 1);
    const trades = tradesOver(history);
    const { text } = testerSignals(tradesFile(trades), { view: 'edge_pairs' });
    const { journal, fills } = runTester(text, ticksOf(history, 4), 'InpStopPercent=0');
    expect(journal).toContain('a leg was filled 2 bps worse than in the backtest without costs');
    for (const fill of fills) expect(Number(fill['worse_bps'])).toBeCloseTo(2, 3);
    const wide = runTester(text, ticksOf(history, 4), 'InpMaxSpreadBps=3');
    expect(wide.journal).toContain('0 trades opened');
    expect(wide.journal).toContain('CAP_SPREAD');
    expect(wide.fills).toEqual([]);
  });

  it('closes a pair by the advisor’s own stop, and leaves the backtest’s exit out', () => {
    const history = randomHistory('tester', 300, 1);
    const { text } = testerSignals(tradesFile(tradesOver(history)), { view: 'edge_pairs' });
    const { fills, journal } = runTester(text, ticksOf(history, 4), 'InpStopPercent=0.000001');
    expect(fills.some((fill) => fill['reason'] === 'OWN_STOP' && fill['backtest_price'] === '')).toBe(true);
    expect(journal).toContain('positions 0');
  });

  it('trades nothing of a file that is cut off, changed, or of another format', () => {
    const history = randomHistory('tester', 300, 1);
    const { text } = testerSignals(tradesFile(tradesOver(history)), { view: 'edge_pairs' });
    for (const [broken, why] of [
      [text.slice(0, -200), 'its checksum differs'],
      [text.replace(',ENTRY', ',OTHER'), 'its checksum differs'],
      ['', 'its checksum differs'],
    ] as const) {
      const { status, journal, fills } = runTester(broken, ticksOf(history));
      expect([status, fills]).toEqual([1, []]);
      expect(journal).toContain(why);
    }
  });
});
