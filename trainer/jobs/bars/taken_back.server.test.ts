import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { columnsOf } from '../../../shared/bar_file/bar_file.ts';
import { homePaths } from '../../../shared/home.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { openStore, storeUrl, type Store } from '../../store/store.ts';
import { acceptFindings, leaveOut } from './received_decisions.ts';
import { whileBarsStay } from './taken_back.ts';

let home: string;
let store: Store;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'taken-back-'));
  vi.stubEnv('MINUTEHAND_HOME', home);
  store = await openStore(storeUrl(process.env, homePaths()));
});
afterEach(async () => {
  await store.close();
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

const MARKET = 'live';
const settings = { ...tinySettings(), minutehand: { ...tinySettings().minutehand, market: MARKET } } as const;
const decision = { by: 'a person', reason: 'a drill' };

async function importOf(symbol: string, kind: 'import' | 'replace' = 'import'): Promise<number> {
  const number = await store.importRuns.begin({ market: MARKET, kind, source: `${symbol}.csv`, by: 'a person' });
  const bar = { symbol, time: 0 as OpenTime, open: 1, high: 1, low: 1, close: number, volume: 0 };
  await store.bars[kind === 'import' ? 'put' : 'replace'](MARKET, columnsOf(symbol, [bar]), number);
  const verdicts = JSON.stringify({ symbols: { [symbol]: { verdict: 'OK', findings: [] } }, accepted: [] });
  await store.importRuns.finish(number, { added: 1, removed: 0, rejected: 0, verdicts });
  return number;
}

/** What becomes of work with the euro's bars during which something is done. */
async function during(change: () => Promise<unknown>, isOwn = true): Promise<string> {
  const discarded: string[] = [];
  const work = async (): Promise<string> => {
    await change();
    return 'a result';
  };
  try {
    return await whileBarsStay({ settings, symbols: ['EURUSD'], isOwn }, work, (made) => discarded.push(made));
  } catch (error) {
    expect(error).toMatchObject({ code: 'BARS_CHANGED' });
    expect(discarded).toEqual(['a result']);
    return 'refused';
  }
}

describe('work with bars of this installation', () => {
  it('is refused where bars of its symbols are taken away meanwhile, in whatever way', async () => {
    const euro = await importOf('EURUSD');
    expect(await during(() => store.importRuns.undo(euro, 'a person'))).toBe('refused');
    await importOf('EURUSD');
    expect(await during(() => importOf('EURUSD', 'replace'))).toBe('refused');
    expect(await during(() => store.importRuns.delete(MARKET, 'EURUSD', {}, 'a person'))).toBe('refused');
    expect(await during(() => leaveOut(store, { symbol: 'EURUSD', from: 0, to: null }, decision))).toBe('refused');
  });

  it('goes on with more bars, an acceptance, changes of other symbols, and bars of a folder', async () => {
    const euro = await importOf('EURUSD');
    const gold = await importOf('XAUUSD');
    const finding = { code: 'FROZEN', by: 'runs', values: {} } as const;
    expect(await during(() => importOf('EURUSD'))).toBe('a result');
    expect(await during(() => acceptFindings(store, 'EURUSD', [finding], decision))).toBe('a result');
    expect(await during(() => store.importRuns.undo(gold, 'a person'))).toBe('a result');
    expect(await during(() => store.importRuns.undo(euro, 'a person'), false)).toBe('a result');
  });
});
