import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../trainer/store/postgres_server.fixture.ts';
import { openStore } from '../trainer/store/store.ts';
import { buildProgram, type Program } from './program.ts';

/** Of markets that never close: bars of currencies on a Saturday are refused. */
const ROWS = 150_000;
const KILLS = 2;

let folder: string;
let source: string;
let program: Program;
let server: PostgresServer | null = null;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-crash-'));
  source = join(folder, 'BTCUSD.csv');
  const lines = Array.from({ length: ROWS }, (_, i) => `${1_546_300_800 + i * 60},1.1,1.3,1.0,1.2,${i}`);
  writeFileSync(source, ['time,open,high,low,close,volume', ...lines].join('\n'));
  [program, server] = await Promise.all([buildProgram('bars_program'), startPostgres()]);
});
afterAll(async () => {
  await program.remove();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.each([
  { kind: 'sqlite', note: '', newUrl: () => Promise.resolve(join(folder, 'trainer.db')) },
  { kind: 'postgres', note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
])('an import into $kind $note', ({ note, newUrl }) => {
  it(
    'that is killed leaves a valid store, and the next import completes it without duplicates',
    { timeout: 180_000 },
    async ({ skip }) => {
      if (note !== '') return skip(note);
      const url = await newUrl();
      let before = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        const running = program.start([url, source]);
        expect(await running.line()).toBe('open');
        for (let put = 0; put <= kill; put++) await running.line();
        // At an arbitrary time.
        await sleep(20 + 35 * kill);
        expect(await running.kill('SIGKILL')).toBe('SIGKILL');
        const store = await openStore(url);
        const [symbol] = await store.bars.symbols('live');
        expect(symbol?.bars ?? 0).toBeGreaterThanOrEqual(before);
        before = symbol?.bars ?? 0;
        await store.close();
      }
      const last = program.start([url, source]);
      const lines: string[] = [];
      while (!lines.at(-1)?.startsWith('added')) lines.push(await last.line());
      const [, added, there] = /^added (\d+), there (\d+), conflicts 0$/.exec(lines.at(-1)!)!.map(Number);
      // A server may still store data that the killed client had sent.
      expect(there).toBeGreaterThanOrEqual(before);
      expect(added! + there!).toBe(ROWS);
      expect(await last.ended).toBe(0);
      const store = await openStore(url);
      const { length, time, volume } = await store.bars.read('live', 'BTCUSD');
      expect(length).toBe(ROWS);
      expect(volume.every((value, i) => value === i && time[i] === 1_546_300_800 + i * 60)).toBe(true);
      // On a busy machine the last kill may come when only the exit is left.
      const imports = await store.imports.list('live');
      expect(imports.filter(({ rows }) => rows === ROWS)).toHaveLength(imports.length);
      expect(imports.length).toBeGreaterThanOrEqual(1);
      expect(imports.length).toBeLessThanOrEqual(before === ROWS ? 2 : 1);
      await store.close();
    },
  );
});

describe.each([
  { kind: 'sqlite', note: '', newUrl: () => Promise.resolve(join(folder, 'shared.db')) },
  { kind: 'postgres', note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
])('imports of several processes into a new $kind $note', ({ note, newUrl }) => {
  it('add each minute exactly once', { timeout: 180_000 }, async ({ skip }) => {
    if (note !== '') return skip(note);
    const url = await newUrl();
    const count = 15_000;
    const path = join(folder, 'ETHUSD.csv');
    const lines = Array.from({ length: count }, (_, i) => `${1_546_300_800 + i * 60},110,111,109,110.5,${i}`);
    writeFileSync(path, ['time,open,high,low,close,volume', ...lines].join('\n'));
    const running = [1, 2, 3].map(() => program.start([url, path]));
    const added = await Promise.all(
      running.map(async (one) => {
        let last = '';
        while (!last.startsWith('added')) last = await one.line();
        const [, own, there] = /^added (\d+), there (\d+), conflicts 0$/.exec(last)!.map(Number);
        expect(own! + there!).toBe(count);
        return own!;
      }),
    );
    expect(added.reduce((sum, own) => sum + own)).toBe(count);
    const store = await openStore(url);
    expect(await store.bars.symbols('live')).toMatchObject([{ symbol: 'ETHUSD', bars: count }]);
    expect(await store.imports.list('live')).toHaveLength(3);
    await store.close();
  });
});

describe('an import of a year of HistData', () => {
  it(`fits into a heap of 40 MB`, { timeout: 180_000 }, async () => {
    const path = join(folder, 'DAT_ASCII_BTCUSD_M1_2021.csv');
    const count = 370_000;
    const lines = Array.from({ length: count }, (_, i) => {
      const stamp = new Date(Date.UTC(2021, 0, 3, 17, i)).toISOString();
      return `${stamp.slice(0, 10).replaceAll('-', '')} ${stamp.slice(11, 19).replaceAll(':', '')};1.3;1.5;1.2;1.4;${i}`;
    });
    writeFileSync(path, lines.join('\n'));
    const running = program.start([join(folder, 'year.db'), path], { NODE_OPTIONS: '--max-old-space-size=40' });
    let last = '';
    while (!last.startsWith('added')) last = await running.line();
    // This market has no weekend; the skipped hour of March does not exist in a clock with daylight-saving time.
    expect(last).toBe(`added ${count - 60}, there 0, conflicts 0`);
    expect(await running.ended).toBe(0);
  });
});
