import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { benchModels } from '../bench/models.ts';
import { percentiles } from '../bench/percentiles.ts';
import type { OpenTime } from '../shared/bar.ts';
import { createExplainer } from '../shared/explain/explain_minute.ts';
import { parsePair } from '../shared/pair.ts';
import { homePaths, type HomePaths } from '../shared/home.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { createRng } from '../shared/rng.ts';
import { openJournal, type InputRow } from '../shared/store/journal.ts';
import { textOf } from '../trainer/control/api/routes/signals.ts';
import { createSignalCopy } from '../trainer/control/history/copy.ts';
import { dayStartMs } from '../trainer/control/history/day.ts';
import { nextDay, simulatedDay } from '../trainer/control/history/signals.fixture.ts';
import { signalLine, type SignalRow } from '../trainer/control/history/signal_row.ts';
import { openSignalTables } from '../trainer/control/history/signal_tables.ts';
import { thinnedOracle } from '../trainer/control/history/thinned_signals.oracle.ts';
import { readThinned } from '../trainer/control/history/thinned_signals.ts';
import { startPostgres, type PostgresServer } from '../trainer/store/postgres_server.fixture.ts';
import { openStore } from '../trainer/store/store.ts';
import { IS_WEEKLY } from './weekly.ts';

vi.setConfig({ testTimeout: 900_000, hookTimeout: 900_000 });

const FIRST = '2025-01-01';
/** More rows than a chart keeps by a factor of 10, and in both stores several parts of the journal. */
const DAYS = IS_WEEKLY ? 365 : 45;
const PAIR = 'XAUUSD_XAGUSD';
const ENTRIES_A_DAY = 10;
const EXPLAINED = 400;
const EXPLAIN_LIMIT_MS = 200;
const settings = loadSettings({ env: {} });
const { market } = settings.minutehand;

describe(`${DAYS} days of one pair in the journal`, () => {
  let folder: string;
  let paths: HomePaths;
  let server: PostgresServer | null;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'minutehand-year-'));
    paths = homePaths({ MINUTEHAND_HOME: folder });
    const { random } = await benchModels(() => undefined);
    cpSync(random[0], join(paths.models, basename(random[0])), { recursive: true });
    writeYear(paths, basename(random[0]));
    server = await startPostgres();
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(['sqlite', 'postgres'] as const)('is thinned for a chart by %s as row by row', async (kind) => {
    if (kind === 'postgres' && server === null) return;
    const store = await openStore(kind === 'sqlite' ? paths.trainer : await server!.createDatabase());
    const tables = await openSignalTables(store, settings.signals);
    await createSignalCopy(store, tables, paths).pass();
    const all: SignalRow[] = [];
    for await (const page of tables.pages({ market })) all.push(...page);
    expect(all.length).toBe(DAYS * 1440);
    const { rows, ...others } = thinnedOracle(all, 6000);
    const lines = rows.map(signalLine);
    for (let view = 1; view <= 3; view++) {
      const cpu = process.cpuUsage();
      const began = performance.now();
      const turns = monitorEventLoopDelay({ resolution: 1 });
      turns.enable();
      const { rows: kept, ...rest } = await readThinned(store, tables, { market, pairId: PAIR }, 6000);
      const shown = (await textOf(kept)).length;
      const tookMs = performance.now() - began;
      await sleep(10);
      turns.disable();
      const { user, system } = process.cpuUsage(cpu);
      process.stdout.write(
        `view ${view} of ${all.length} signals, ${kind}: ${tookMs.toFixed(0)} ms, ${((user + system) / 1000).toFixed(0)} ms of ` +
          `processor time, longest turn ${(turns.max / 1e6).toFixed(0)} ms; ${kept.length} signals, ${shown} bytes\n`,
      );
      expect(kept.map(signalLine)).toEqual(lines);
      expect(rest).toEqual(others);
    }
    await store.close();
  });

  it(`is explained within ${EXPLAIN_LIMIT_MS} ms at any minute (p99)`, async () => {
    const explainer = createExplainer(settings, paths);
    const rng = createRng('explained');
    const tookMs: number[] = [];
    for (let i = 0; i < EXPLAINED; i++) {
      const time = (dayStartMs(FIRST) / 1000 + 60 * rng.integer(DAYS * 1440 - 1)) as OpenTime;
      const began = performance.now();
      const { models } = await explainer.explain(PAIR, time);
      // Models do not score the minutes without features, nor the first ones.
      if (models !== null) tookMs.push(performance.now() - began);
    }
    expect(tookMs.length).toBeGreaterThan(0.9 * EXPLAINED);
    const { p50, p99, max } = percentiles(tookMs);
    const text = [p50, p99, max].map((ms) => ms.toFixed(1)).join(' / ');
    process.stdout.write(`explain: ${text} ms (p50 / p99 / max of ${tookMs.length})\n`);
    expect(p99).toBeLessThan(EXPLAIN_LIMIT_MS);
  });
});

/** Bars of both legs, and a signal a minute by the given models. */
function writeYear(paths: HomePaths, modelVersion: string): void {
  mkdirSync(join(paths.journal(market, 'main'), '..'), { recursive: true });
  const journal = openJournal(paths.journal(market, 'main'));
  const rng = createRng('year');
  const { a, b } = parsePair(PAIR);
  const closes = new Map([
    [a, 2000],
    [b, 25],
  ]);
  const barOf = (symbol: string, time: OpenTime): InputRow => {
    const open = closes.get(symbol)!;
    const close = open * (1 + rng.normal() * 2e-4);
    closes.set(symbol, close);
    const bar = { symbol, time, open, high: Math.max(open, close), low: Math.min(open, close), close, volume: 10 };
    return { kind: 'bar', subject: symbol, time, bar, backfill: false };
  };
  for (let day = 0; day < DAYS; day++) {
    let entries = 0;
    const signals = simulatedDay(nextDay(FIRST, day), { pairs: [PAIR] }).map((row) => {
      const body = row.body.replace(/"model_version":"[^"]*"/, `"model_version":"${modelVersion}"`);
      const isEntry = body.includes('"ENTER"') && ++entries <= ENTRIES_A_DAY;
      return { ...row, body: isEntry ? body : body.replace('"ENTER"', '"HOLD"').replace('"ENTRY"', '"NO_EDGE"') };
    });
    const inputs = signals.flatMap(({ time }) => [barOf(a, time), barOf(b, time)]);
    journal.append(inputs, signals);
  }
  journal.close();
}
