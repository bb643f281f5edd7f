import AdmZip from 'adm-zip';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { OpenTime } from '../shared/bar.ts';
import type { BarColumns } from '../shared/bar_file/bar_file.ts';
import { createSimulatedMarket, recordMarket } from '../shared/market/simulated_market.ts';
import { openJournal } from '../shared/store/journal.ts';
import { activate } from './activate.ts';
import { createWorkplace, eventually, writeConfig, type Workplace } from './cli_process.ts';
import { tinyModels, tinySettings } from './tiny_models.ts';

// Each wait has its own deadline and names its condition.
vi.setConfig({ testTimeout: 400_000 });

const SYMBOLS = ['XAUUSD', 'XAGUSD', 'EURUSD', 'GBPUSD', 'AUDUSD', 'USDCAD'];
const START = (Date.parse('2024-01-01T22:00:00Z') / 1000) as OpenTime;
const MINUTES = 20_000;
/** Of the clock of HistData in winter. */
const OFFSET_S = 5 * 3600;
const PLAYED = 120;

let place: Workplace;
let home: string;
beforeAll(() => {
  place = createWorkplace();
  home = join(place.folder, 'own');
  const folder = join(place.folder, 'downloads', 'fx');
  mkdirSync(folder, { recursive: true });
  const market = createSimulatedMarket({ seed: 42, symbols: SYMBOLS, start: START });
  for (const columns of recordMarket(market, MINUTES).values()) writeZip(folder, columns);
});
afterAll(() => place.remove());

/** As HistData ships a year: the bars, and beside them a report of the same name. */
function writeZip(folder: string, { symbol, length, time, open, high, low, close }: BarColumns): void {
  const rows = Array.from({ length }, (_, i) => {
    const stamp = new Date((time[i]! - OFFSET_S) * 1000)
      .toISOString()
      .replaceAll(/[-:]|\.000Z/g, '')
      .replace('T', ' ');
    return [stamp, ...[open, high, low, close].map((column) => column[i]!.toFixed(6)), '0'].join(';');
  });
  const zip = new AdmZip();
  const name = `DAT_ASCII_${symbol}_M1_2024`;
  zip.addFile(`${name}.csv`, Buffer.from(`${rows.join('\n')}\n`));
  zip.addFile(`${name}.txt`, Buffer.from('HistData.com status report\nGap of 65s found between 1 and 2\n'));
  zip.writeZip(join(folder, `HISTDATA_COM_ASCII_${symbol}_M12024.zip`));
}

it('imports zips as shipped, and plays their last days with the signals of a replay, byte for byte', async () => {
  const env = { MINUTEHAND_REDIS_URL: 'redis://127.0.0.1:1', MINUTEHAND_EXCHANGE: join(place.folder, 'terminal') };
  const prepared = await place.run(
    ['try', join(place.folder, 'downloads'), '--home', home, '--days', '3', '--no-start'],
    { env },
  );
  expect(prepared, prepared.stderr).toMatchObject({ code: 0 });
  expect(prepared.stdout).toContain('pair EURUSD_GBPUSD');
  expect(prepared.stdout).toContain('pair AUDUSD_USDCAD');
  expect(prepared.stderr).toContain('DAT_ASCII_EURUSD_M1_2024.txt: no bars, a report');
  // Look-backs of the tiny models, and a faster clock.
  writeConfig(
    join(home, 'config'),
    tinySettings({ minutehand: { market: 'replay', simulated: { bar_interval_ms: 20, await_models_ms: 300_000 } } }),
  );
  const models = await tinyModels(join(home, 'models'), { market: 'replay' });
  activate(join(home, 'models'), models.version);

  const up = place.start(['try', '--home', home, '--json'], env);
  const journal = join(home, 'replay_main.db');
  const answered = await eventually(
    () => `${PLAYED} minutes: ${up.stderr()}`,
    () => {
      const signals = signalsOf(journal);
      return signals.length >= 3 * PLAYED ? signals : null;
    },
    1,
  );
  up.kill('SIGINT');
  await up.ended;
  expect(
    answered.some(({ body }) => /"model_version":"\d/.test(body)),
    answered[0]!.body,
  ).toBe(true);

  const own = { MINUTEHAND_HOME: home, MINUTEHAND_CONFIG: join(home, 'config'), MINUTEHAND_MARKET: 'replay' };
  const { from } = JSON.parse(readFileSync(join(home, 'replay', 'replay.json'), 'utf8')) as { from: string };
  const out = join(place.folder, 'replayed.jsonl');
  const replayed = await place.run(
    [
      'replay',
      '--data',
      join(home, 'replay'),
      '--models',
      join(home, 'models'),
      '--from',
      from.slice(0, 10),
      '--out',
      out,
    ],
    { env: own },
  );
  expect(replayed, replayed.stderr).toMatchObject({ code: 0 });
  const lines = readFileSync(out, 'utf8').split('\n');
  const first = answered.slice(0, 3 * PLAYED).map(({ body }) => body);
  expect(lines.slice(0, first.length).map((line, i) => line.slice(0, first[i]!.length))).toEqual(first);

  const again = await place.run(['replay', '--journal', journal, '--json'], { env: own });
  expect(JSON.parse(again.stdout)).toMatchObject({ different: 0 });

  const onLive = await place.run(['models', 'promote', models.version], { env: { ...own, MINUTEHAND_MARKET: 'live' } });
  expect(onLive.stderr).toContain('MODEL_MARKET');
  const other = await place.run(['try', join(place.folder, 'downloads'), '--home', home]);
  expect(other.code).toBe(2);
  expect(other.stderr).toContain('has a history already');
});

function signalsOf(path: string): { body: string }[] {
  try {
    const journal = openJournal(path, { readOnly: true });
    try {
      return [...journal.signals({ after: 0 })].filter(({ body }) => !body.includes('SHUTDOWN'));
    } finally {
      journal.close();
    }
  } catch {
    return [];
  }
}
