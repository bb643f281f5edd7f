import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifySignalOf } from '../../shared/signal/verify_instrument.ts';
import { Database } from '../../shared/store/sqlite.ts';
import { activate } from '../activate.ts';
import { eventually } from '../cli_process.ts';
import { IS_WEEKLY } from '../weekly.ts';
import { tinyModels, tinySettings } from '../tiny_models.ts';
import {
  createWindowsWorkplace,
  IS_WINDOWS,
  signalsOf,
  windowsPath,
  WINDOWS_NOTE,
  type WindowsWorkplace,
} from './windows.ts';

const SETTINGS = tinySettings({ minutehand: { simulated: { bar_interval_ms: 400 }, log: { level: 'info' } } });
const PAIRS = SETTINGS.minutehand.pairs;
/** A day; beside other tests, some holds. */
const MINUTES = IS_WEEKLY ? 1440 : 90;
const HELD_MS = 3000;
const FREE_MS = 2000;
/** Between two bars of a user's market; the simulated one has a minute in less than half a second here. */
const INTERVAL_MS = 60_000;
const LOOK_MS = 50;
const RETRIES = 'minutehand_signal_file_retries_total';

/**
 * A program that keeps every file of the exchange folders open for 3 of every 5 seconds, until it is ended: by turns as
 * an indexer does, and as one that shares with nobody (UV_FS_O_EXLOCK of libuv).
 */
const READER = `
const { closeSync, constants, openSync, readdirSync } = require('node:fs');
const { join } = require('node:path');
const [signals, account, heldMs, freeMs] = process.argv.slice(1);
const ALONE = 0x10000000;
let holds = 0;
const filesIn = (folder) => {
  try {
    return readdirSync(folder, { withFileTypes: true }).map((entry) => join(folder, entry.name) + (entry.isDirectory() ? '\\\\signal.json' : ''));
  } catch {
    return [];
  }
};
(function hold() {
  const flags = constants.O_RDONLY | (holds % 2 === 1 ? ALONE : 0);
  const held = { signal: [], result: [], state: [] };
  for (const path of [...filesIn(signals), ...filesIn(account)]) {
    const kind = ['signal', 'result', 'state'].find((name) => path.slice(path.lastIndexOf('\\\\')).startsWith('\\\\' + name));
    if (kind === undefined) continue;
    try {
      held[kind].push(openSync(path, flags));
    } catch {
      // Read or replaced at this moment.
    }
  }
  setTimeout(() => {
    for (const file of Object.values(held).flat()) closeSync(file);
    console.log([flags > 0 ? 'alone' : 'shared', held.signal.length, held.result.length, held.state.length].join(' '));
    holds++;
    setTimeout(hold, Number(freeMs));
  }, Number(heldMs));
})();
`;

interface Row {
  readonly pair_id: string;
  readonly seq: number;
  readonly generated_at_ms: number;
}
interface Sight {
  readonly seq: number;
  readonly atMs: number;
}

describe.runIf(IS_WINDOWS)(`a program that keeps files open on Windows${WINDOWS_NOTE}`, () => {
  let place: WindowsWorkplace;
  beforeAll(async () => {
    place = createWindowsWorkplace(SETTINGS);
    const models = join(place.home, 'models');
    activate(models, (await tinyModels(models, { settings: SETTINGS })).version);
  }, 240_000);
  afterAll(() => place.remove(), 60_000);

  it(
    'delays signals and fills until it lets go, never makes a wrong one, and is counted',
    { timeout: 1_800_000 },
    async () => {
      const up = place.start(['dist/cli/minutehand.js', 'up']);
      const daemonPort = await eventually(
        () => `a daemon that listens\n${up.stdout()}${up.stderr()}`,
        () => /Daemon listens on 127.0.0.1:(\d+)/.exec(up.stdout())?.[1],
        5,
      );
      const good = () => signalsOf(place.home).filter(({ mode }) => mode === 'OK');
      await eventually(
        () => `good signals\n${up.stdout()}`,
        () => good().length === PAIRS.length,
        5,
      );
      const metric = async (name: string): Promise<number> => {
        const text = await (await fetch(`http://127.0.0.1:${daemonPort}/metrics`)).text();
        const found = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1];
        if (found === undefined) throw new Error(`no ${name} in ${text}`);
        return Number(found);
      };

      const before = await metric(RETRIES);
      const [first] = good();
      const account = join(place.home, 'ea', 'simulated_paper');
      const folders = [join(place.home, 'signals'), account].map(windowsPath);
      const reader = place.start(['-e', READER, ...folders, String(HELD_MS), String(FREE_MS)]);
      const sights = new Map<string, Sight[]>(PAIRS.map((pair) => [pair, []]));
      const minutesPassed = (): number =>
        Math.round((Date.parse(good()[0]?.timestamp ?? first!.timestamp) - Date.parse(first!.timestamp)) / 60_000);
      while (minutesPassed() < MINUTES) {
        for (const [pair, seen] of sights) {
          let text: string;
          try {
            text = readFileSync(join(place.home, 'signals', pair, 'signal.json'), 'utf8').trim();
          } catch {
            // Windows itself denies it while another program has the file alone.
            continue;
          }
          // Whole and true at every moment.
          const { seq } = verifySignalOf(pair, text);
          if (seen.at(-1)?.seq !== seq) seen.push({ seq, atMs: Date.now() });
        }
        await sleep(LOOK_MS);
      }
      const retries = (await metric(RETRIES)) - before;
      const holds = reader.stdout().match(/^\w+ \d+ \d+ \d+$/gm) ?? [];
      await reader.terminate();
      const released = Date.now();
      await eventually(
        'signals after the last release',
        () => good().filter(({ generated_at_ms }) => generated_at_ms > released).length === PAIRS.length,
      );
      const stopped = await place.run('stop');
      expect(stopped.code, stopped.stdout + stopped.stderr).toBe(0);
      expect(await up.ended, up.stdout()).toBe(0);

      expect(reader.stderr()).toBe('');
      for (const kind of ['shared', 'alone'])
        expect(holds.filter((hold) => hold.startsWith(kind)).length, reader.stdout()).toBeGreaterThan(2);
      expect(retries).toBeGreaterThan(0);
      const db = new Database(join(place.home, 'simulated_main.db'), { readonly: true });
      const rows = db.prepare('SELECT pair_id, seq, generated_at_ms FROM signals ORDER BY signal_row').all() as Row[];
      db.close();
      let latestMs = 0;
      for (const [pair, seen] of sights) {
        expect(seen.map(({ seq }) => seq)).toEqual(seen.map(({ seq }) => seq).toSorted((a, b) => a - b));
        const from = seen[0]!.seq;
        const to = seen.at(-1)!.seq;
        for (const { seq, generated_at_ms } of rows.filter(
          (row) => row.pair_id === pair && row.seq > from && row.seq <= to,
        ))
          // The file had it, or a newer one.
          latestMs = Math.max(latestMs, seen.find((sight) => sight.seq >= seq)!.atMs - generated_at_ms);
      }
      expect(latestMs).toBeLessThan(INTERVAL_MS);

      // The account went on through it: each fill once, and the trainer reads them.
      expect(up.stdout()).not.toMatch(/paper +│ .*OUTPUT_UNWRITABLE/);
      const lines = readFileSync(join(account, 'result.json'), 'utf8').trimEnd().split('\n');
      expect(new Set(lines).size).toBe(lines.length);
      const store = new Database(join(place.home, 'trainer.db'), { readonly: true });
      const known = store.prepare(`SELECT count(*) AS n FROM core_live_trades`).get() as { n: number };
      store.close();
      expect(lines.length).toBeGreaterThan(0);
      expect(known.n).toBeGreaterThan(0);
      process.stderr.write(
        `${MINUTES} minutes, ${holds.length} holds of ${HELD_MS} ms, ${retries} retries; a signal was in its file at most ` +
          `${latestMs} ms after its decision; ${lines.length} fills, ${known.n} in the store; left: ${readdirSync(account).join(' ')}\n`,
      );
    },
  );
});
