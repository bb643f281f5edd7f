import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifySignalOf } from '../../shared/signal/verify_instrument.ts';
import { eventually } from '../cli_process.ts';
import { createWindowsWorkplace, IS_WINDOWS, signalsOf, windowsPath, WINDOWS_NOTE, type WindowsWorkplace } from './windows.ts'; // prettier-ignore

const PAIR = 'XAUUSD_XAGUSD';
const HOLDS = 6;
const HELD_MS = 3000;
const FREE_MS = 2000;
/** Of the market of a user; the simulated one has a bar each second here. */
const INTERVAL_MS = 60_000;
const RETRIES = 'minutehand_signal_file_retries_total';

/** A program that keeps the signal open for 3 of every 5 seconds, as an indexer or a careless reader does. */
const READER = `
const { closeSync, openSync, readSync } = require('node:fs');
const [path, holds, heldMs, freeMs] = process.argv.slice(1);
let done = 0;
(function hold() {
  const file = openSync(path, 'r');
  console.log('held ' + Date.now());
  setTimeout(() => {
    closeSync(file);
    console.log('free ' + Date.now());
    if (++done < Number(holds)) setTimeout(hold, Number(freeMs));
  }, Number(heldMs));
})();
`;

describe.runIf(IS_WINDOWS)(`a program that keeps signal.json open on Windows${WINDOWS_NOTE}`, () => {
  let place: WindowsWorkplace;
  beforeAll(() => void (place = createWindowsWorkplace()));
  afterAll(() => place.remove(), 60_000);

  it('delays a signal until it lets go, never makes a wrong one, and is counted', { timeout: 600_000 }, async () => {
    const daemon = place.start(['dist/cli/minutehand.js', 'daemon']);
    const port = await eventually(
      () => `a daemon that listens\n${daemon.stdout()}${daemon.stderr()}`,
      () => /Daemon listens on 127.0.0.1:(\d+)/.exec(daemon.stdout())?.[1],
      5,
    );
    // Without models the market waits: they are the trainer's.
    const trainer = place.start(['dist/cli/minutehand.js', 'trainer']);
    const path = join(place.home, 'signals', PAIR, 'signal.json');
    const good = () => signalsOf(place.home).find(({ pair_id, mode }) => pair_id === PAIR && mode === 'OK');
    await eventually(() => `a good signal\n${trainer.stdout()}${trainer.stderr()}`, good, 5);
    const metric = async (name: string): Promise<number> => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const found = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1];
      if (found === undefined) throw new Error(`no ${name} in ${text}`);
      return Number(found);
    };

    const before = await metric(RETRIES);
    const reader = place.start(['-e', READER, windowsPath(path), String(HOLDS), String(HELD_MS), String(FREE_MS)]);
    let isReading = true;
    void reader.ended.then(() => (isReading = false));
    const seqs: number[] = [];
    let latestMs = 0;
    while (isReading) {
      const text = readFileSync(path, 'utf8').trim();
      // Whole and true at every moment.
      const { seq, generated_at_ms } = verifySignalOf(PAIR, text);
      if (seqs.at(-1) !== seq) {
        seqs.push(seq);
        latestMs = Math.max(latestMs, Date.now() - generated_at_ms);
      }
      await sleep(50);
    }
    expect(reader.stderr()).toBe('');
    expect(reader.stdout().match(/free/g)).toHaveLength(HOLDS);
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    expect(await metric(RETRIES)).toBeGreaterThan(before);

    expect(latestMs).toBeLessThan(INTERVAL_MS);
    process.stderr.write(`${seqs.length} signals seen, the latest ${latestMs} ms after its decision\n`);

    const released = Date.now();
    await eventually('a signal after the last release', () => (good()?.generated_at_ms ?? 0) > released);
    for (const one of [daemon, trainer]) await one.terminate();
  });
});
