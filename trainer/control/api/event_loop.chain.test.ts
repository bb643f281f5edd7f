import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { activate } from '../../../test/activate.ts';
import { createWorkplace, eventually, type Running, type Workplace } from '../../../test/cli_process.ts';
import { tinyModels } from '../../../test/tiny_models.ts';
import { tinyRule } from '../../../test/tiny_rule.ts';
import { readAddress } from '../../../shared/address.ts';
import type { Bar, OpenTime } from '../../../shared/bar.ts';
import { ruleFolder } from '../../../shared/bundle/rule/active_rule.ts';
import { writeRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import { createRng } from '../../../shared/rng.ts';
import { encodeInstrumentBody, type InstrumentBody } from '../../../shared/signal/instrument_signal.ts';
import { instrumentBodyOf } from '../../../shared/signal/signal.fixture.ts';
import { openJournal, type InputRow, type ShadowRow, type SignalRow } from '../../../shared/store/journal.ts';
import { openStore } from '../../store/store.ts';
import { createSignalCopy } from '../history/copy.ts';
import { openSignalTables } from '../history/signal_tables.ts';
import { nextDay, simulatedDay } from '../history/signals.fixture.ts';
import { ROUTES } from '../schema/table.ts';
import { createToken } from './access/tokens.ts';

vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

const DAYS = 90;
const PAIR = 'XAUUSD_XAGUSD';
const COIN = 'BTCUSDT';
const DAY_S = 86_400;
const NOW_S = 60 * Math.floor(Date.now() / 60_000);
const FIRST = new Date((NOW_S - DAYS * DAY_S) * 1000).toISOString().slice(0, 10);
const LAST = new Date((NOW_S - DAY_S) * 1000).toISOString().slice(0, 10);

/**
 * Measures, in the main thread of the trainer, the most processor time of one turn of the event loop: that of other
 * programs does not count, so that a busy machine changes nothing. Each request reads the figure and begins anew.
 */
const METER = `
import { createServer } from 'node:http';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
if (isMainThread && process.argv.includes('trainer')) {
  const used = () => { const { user, system } = process.threadCpuUsage(); return (user + system) / 1000; };
  let [last, most] = [used(), 0];
  const text = JSON.stringify(Array.from({ length: 200 }, (_, i) => ({ name: 'a value', i, values: [i, i + 0.5, null] })));
  const reference = () => {
    const began = used();
    for (let i = 0; i < 1000; i++) JSON.parse(text);
    return used() - began;
  };
  // Compiled before it counts.
  reference();
  const turn = () => { const now = used(); most = Math.max(most, now - last); last = now; setImmediate(turn); };
  turn();
  const server = createServer((_request, response) => {
    const held = most;
    response.end(JSON.stringify({ held, reference: reference() }));
    last = used();
    most = 0;
  });
  server.listen(0, '127.0.0.1', () => writeFileSync(process.env.METER_PORT, String(server.address().port)));
}
`;

let place: Workplace;
let paths: HomePaths;
let trainer: Running;
let origin: string;
let authorization: string;
let meter: () => Promise<{ readonly held: number; readonly reference: number }>;
let version: string;
let rule: string;

beforeAll(async () => {
  place = createWorkplace({ minutehand: { market: 'live', instruments: [COIN] } });
  paths = homePaths({ MINUTEHAND_HOME: place.home });
  version = (await tinyModels(place.models)).version;
  activate(place.models, version);
  rule = writeRuleBundle(ruleFolder(place.models), new Date(0), tinyRule(COIN)).split('/').at(-1)!;
  writeJournal();
  const store = await openStore(paths.trainer);
  await createSignalCopy(store, await openSignalTables(store, place.settings.signals), paths).pass();
  const asked = { name: 'ann', role: 'approver' as const, nowMs: Date.now(), expiresMs: Date.now() + 3_600_000 };
  authorization = `Bearer ${(await createToken(store.db, asked)).token}`;
  await store.close();

  const script = join(place.folder, 'meter.mjs');
  const port = join(place.folder, 'meter.port');
  writeFileSync(script, METER);
  const env = { NODE_OPTIONS: `--import ${pathToFileURL(script).href}`, METER_PORT: port };
  trainer = place.start(['trainer'], env);
  await eventually('the trainer', async () => readAddress(paths.address('trainer')) !== null || null);
  const address = readAddress(paths.address('trainer'))!;
  origin = `http://${address.host}:${address.port}`;
  await eventually('the meter', async () => existsSync(port) || null);
  const url = `http://127.0.0.1:${readFileSync(port, 'utf8')}`;
  meter = async () => (await (await fetch(url)).json()) as { held: number; reference: number };
  const begun = await ask('POST', `/api/strategies/${rule}/shadow`);
  expect(begun.status, await begun.text()).toBe(200);
});
afterAll(async () => {
  trainer.kill('SIGTERM');
  await trainer.ended;
  await place.remove();
});

const ask = (method: string, path: string): Promise<Response> =>
  fetch(`${origin}${path}`, { method, headers: { authorization } });

/** Bars of both legs and of a coin, a signal of each a minute, and what a rule in shadow would have answered. */
function writeJournal(): void {
  const journal = openJournal(paths.journal('live', 'main'));
  const rng = createRng('held');
  const closes = new Map([...PAIR.split('_'), COIN].map((symbol) => [symbol, 2000]));
  const barOf = (symbol: string, time: OpenTime): InputRow => {
    const open = closes.get(symbol)!;
    const close = open * (1 + rng.normal() * 2e-4);
    closes.set(symbol, close);
    const bar: Bar = { symbol, time, open, high: Math.max(open, close), low: Math.min(open, close), close, volume: 10 };
    return { kind: 'bar', subject: symbol, time, bar, backfill: false };
  };
  for (let day = 0; day < DAYS; day++) {
    const ofPair = simulatedDay(nextDay(FIRST, day), { pairs: [PAIR] }).map((row) => ({
      ...row,
      body: row.body.replace(/"model_version":"[^"]*"/, `"model_version":"${version}"`),
    }));
    const inputs = ofPair.flatMap(({ time }) => [...closes.keys()].map((symbol) => barOf(symbol, time)));
    const ofCoin = ofPair.map((row, i) => coinRow(row, day * 1440 + i));
    journal.append(
      inputs,
      [...ofPair, ...ofCoin.map(({ signal }) => signal)].sort((a, b) => a.generatedAtMs - b.generatedAtMs),
      ofCoin.map(({ shadow }) => shadow),
    );
  }
  journal.close();
}

/** A position of five minutes in every hundred. */
function coinRow(row: SignalRow, minute: number): { readonly signal: SignalRow; readonly shadow: ShadowRow } {
  const id = (minute + 1).toString(16).padStart(32, 'a');
  const isEntry = minute % 100 === 0;
  const change: Partial<InstrumentBody> = {
    timestamp: `${new Date((row.time + 60) * 1000).toISOString().slice(0, 19)}Z`,
    pair_id: COIN,
    signal_id: id,
    action: isEntry ? 'ENTER' : minute % 100 === 5 ? 'EXIT' : 'HOLD',
    target: minute % 100 < 5 ? 1 : 0,
    position_id: minute % 100 <= 5 ? id : '',
    price: 2000 + (minute % 7),
  };
  const body = encodeInstrumentBody(instrumentBodyOf(change));
  const common = { pairId: COIN, time: row.time, signalId: id, body, riskProb: null, position: '{"side":0}' };
  return {
    signal: { ...row, ...common, seq: row.seq, featuresCrc: null },
    shadow: { ...common, modelVersion: `rule/${rule}` },
  };
}

const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();
const minuteOf = (seconds: number): string => iso(seconds).replace(':00.000Z', 'Z');
const noon = Date.parse(`${LAST}T12:00:00Z`) / 1000;
/** Parameters with which a route reads as much as it can; of the others, an address with these values in its path. */
const QUERIES: Readonly<Record<string, readonly string[]>> = {
  'GET /api/backtests/compare': ['before=1&after=2'],
  'GET /api/candles': [`symbol=XAUUSD&from=${iso(noon - 31 * DAY_S)}&to=${iso(noon)}&points=600`],
  'GET /api/explain': [`subject=${PAIR}&time=${minuteOf(noon)}`, `subject=${COIN}&time=${minuteOf(noon)}`],
  'GET /api/formulas': [`subject=${PAIR}&formula=abs(z_score)&days=31`],
  'GET /api/ml/predict': [`subject=${PAIR}`],
  'GET /api/reports': [`from=${FIRST}T00:00:00Z&to=${iso(NOW_S)}`],
  'GET /api/signals': ['limit=10000', `subject=${PAIR}&limit=10000`],
  'GET /api/signals/history': [`subject=${PAIR}`, `subject=${COIN}`],
  'GET /api/spelling': ['subject=btc/usdt'],
  'GET /api/strategies/shadow': [`instrument=${COIN}&days=90`],
};
const VALUES: Readonly<Record<string, string>> = { model_name: '20990101_0000', version: 'RULE', name: 'trades.csv' };
/** A turn may take twice as long as the reference, which takes some 25 ms on the machine of CI. */
const MOST_REFERENCES = 2;

describe('a GET', () => {
  const routes = Object.keys(ROUTES).filter((name) => name.startsWith('GET ') && name !== 'GET /api/events');
  it.each(routes)('%s does not hold the other requests of a home of 90 days', async (name) => {
    const path = name
      .slice('GET '.length)
      .replace(/\{(\w+)\}/g, (_, parameter: string) => (VALUES[parameter] ?? '1').replace('RULE', rule));
    for (const query of QUERIES[name] ?? ['']) {
      await meter();
      const answer = await ask('GET', `${path}?${query}`);
      const text = await answer.text();
      const { held, reference } = await meter();
      // A route that needs parameters has some above.
      expect(answer.status, `${query}: ${text.slice(0, 300)}`).not.toBe(400);
      expect(held / reference, `${query}: ${held} ms, of which the reference has ${reference}`).toBeLessThan(
        MOST_REFERENCES,
      );
    }
  });
});
