import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { bootIdAt } from '../../../shared/signal/boot_id.ts';
import { encodeBody } from '../../../shared/signal/encode.ts';
import { bodyOf, idOf } from '../../../shared/signal/signal.fixture.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { openStore, type Store } from '../../store/store.ts';
import { openFill } from '../../../shared/fill/fill.fixture.ts';
import { readTrades } from '../fills/live_trades.ts';
import { tradeOf } from '../fills/trade.fixture.ts';
import { byWallClock } from './market_clock.ts';
import { signalRow } from './signal_row.ts';
import { openSignalTables } from './signal_tables.ts';

const MARKET_MS = Date.UTC(2024, 0, 21, 23);
const WALL_MS = Date.UTC(2026, 10, 29, 15);
const BOOT = bootIdAt(WALL_MS);
const MINUTE_MS = 60_000;
const simulated = tinySettings({ minutehand: { market: 'simulated' } });
let stores: { store: Store; folder: string }[] = [];

afterEach(async () => {
  for (const { store, folder } of stores) {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
  stores = [];
});

/** Bars of the market with the times at which they were published. */
type Bars = readonly { readonly closeMs: number; readonly publishedMs: number; readonly isRepeat: boolean }[];

async function storeOf(bars: Bars): Promise<Store> {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-clock-'));
  const store = await openStore(join(folder, 'trainer.db'));
  stores.push({ store, folder });
  const tables = await openSignalTables(store, simulated.signals);
  const rows = bars.map(({ closeMs, publishedMs, isRepeat }, i) => {
    const body = bodyOf({
      timestamp: new Date(closeMs).toISOString(),
      reason: isRepeat ? 'SILENCE' : 'NO_SETUP',
      signal_id: idOf(i),
    });
    const published = {
      market: 'simulated',
      pair_id: body.pair_id,
      boot_id: BOOT,
      seq: i + 1,
      generated_at_ms: publishedMs,
      bar_time: (closeMs - MINUTE_MS) / 1000,
      risk_prob: null,
      features_crc: null,
    };
    return signalRow(encodeBody(body), published);
  });
  await tables.add(store.db, rows);
  return store;
}

/** Bars that take a second each, with stops between them, and a heartbeat of an older bar now and then. */
const barsOf = fc
  .array(fc.record({ skipped: fc.nat(3), pauseMs: fc.integer({ min: 1, max: 90_000_000 }), isRepeat: fc.boolean() }), {
    minLength: 1,
    maxLength: 25,
  })
  .map((steps): Bars => {
    let closeMs = MARKET_MS;
    let publishedMs = WALL_MS;
    return steps.flatMap(({ skipped, pauseMs, isRepeat }) => {
      closeMs += (1 + skipped) * MINUTE_MS;
      publishedMs += pauseMs + 2;
      const bar = { closeMs, publishedMs, isRepeat: false };
      const repeat = { closeMs: closeMs - 59 * MINUTE_MS, publishedMs: publishedMs + 1, isRepeat: true };
      return isRepeat ? [bar, repeat] : [bar];
    });
  });

it('takes the bars of the asked period of a simulated market, whenever they were published, and no others', async () => {
  await fc.assert(
    fc.asyncProperty(barsOf, fc.nat(110), fc.integer({ min: 1, max: 110 }), async (bars, start, length) => {
      const store = await storeOf(bars);
      const fromMs = MARKET_MS + start * MINUTE_MS;
      const toMs = fromMs + length * MINUTE_MS;
      const own = bars.filter(({ isRepeat }) => !isRepeat);
      const wanted = own.filter(({ closeMs }) => closeMs >= fromMs && closeMs < toMs);
      if (own.at(-1)!.closeMs < fromMs || own[0]!.closeMs >= toMs) {
        await expect(byWallClock(store, simulated, { fromMs, toMs })).rejects.toThrow(/times of its signals/);
        return;
      }
      const wall = await byWallClock(store, simulated, { fromMs, toMs });
      const taken = own.filter(
        ({ publishedMs }) => publishedMs >= (wall.fromMs ?? -Infinity) && publishedMs < (wall.toMs ?? Infinity),
      );
      expect(taken).toEqual(wanted);
    }),
    { numRuns: 40 },
  );
});

it('selects the fills of a period of the market, which are made at the publication of their bar', async () => {
  const bars = [1, 2, 3].map((minute) => ({
    closeMs: MARKET_MS + minute * MINUTE_MS,
    publishedMs: WALL_MS + 1000 * minute,
    isRepeat: false,
  }));
  const store = await storeOf(bars);
  for (const [i, { publishedMs }] of bars.entries()) {
    const fill = openFill({ market: 'simulated', ticket: i, position_id: idOf(i), time_ms: publishedMs + 20 });
    await store.db.insertInto('core.live_trades').values(tradeOf(fill, null)).execute();
  }
  const asked = { fromMs: bars[1]!.closeMs, toMs: bars[2]!.closeMs };
  const found = await readTrades(store, { market: 'simulated', ...(await byWallClock(store, simulated, asked)) });
  expect(found.map(({ ticket }) => ticket)).toEqual([1]);
});

it('leaves times of a live market, and those of a market without signals, as they are', async () => {
  const asked = { fromMs: WALL_MS, toMs: WALL_MS + 1 };
  const store = await storeOf([]);
  expect(await byWallClock(store, simulated, asked)).toBe(asked);
  expect(await byWallClock(store, tinySettings({ minutehand: { market: 'live' } }), asked)).toBe(asked);
});
