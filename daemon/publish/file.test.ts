import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MinutehandError } from '../../shared/errors.ts';
import { createFilePublisher } from './file.ts';

let folder: string;
const errors: MinutehandError[] = [];
let recoveries = 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-signals-'));
  errors.length = 0;
  recoveries = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (signals = folder) =>
  createFilePublisher({
    folder: signals,
    onFailure: (error) => errors.push(error),
    onRecovered: () => recoveries++,
  });
const signal = (pairId: string, seq: number) => ({ pairId, text: JSON.stringify({ pair_id: pairId, seq }) });
const read = (...path: string[]) => readFileSync(join(folder, ...path), 'utf8');

describe('the file publisher', () => {
  it('writes one file per pair and one for all, each one line with a newline', () => {
    open().publish([signal('XAUUSD_XAGUSD', 1), signal('EURUSD_USDCHF', 1)]);
    expect(read('XAUUSD_XAGUSD', 'signal.json')).toBe('{"pair_id":"XAUUSD_XAGUSD","seq":1}\n');
    expect(read('EURUSD_USDCHF', 'signal.json')).toBe('{"pair_id":"EURUSD_USDCHF","seq":1}\n');
    expect(read('signals.json')).toBe(
      '{"XAUUSD_XAGUSD":{"pair_id":"XAUUSD_XAGUSD","seq":1},"EURUSD_USDCHF":{"pair_id":"EURUSD_USDCHF","seq":1}}\n',
    );
  });

  it('keeps the last signal of a pair in signals.json when a later batch does not hold it, text unchanged', () => {
    const publisher = open();
    const odd = { pairId: 'A_B', text: '{ "z_score":1.50,"crc32":"00ff00ff" }' };
    publisher.publish([odd, signal('C_D', 1)]);
    publisher.publish([signal('C_D', 2)]);
    expect(read('signals.json')).toBe(`{"A_B":${odd.text},"C_D":{"pair_id":"C_D","seq":2}}\n`);
  });

  it('makes the folders, and makes them again when they vanish', () => {
    const publisher = open(join(folder, 'deep', 'signals'));
    publisher.publish([signal('A_B', 1)]);
    rmSync(join(folder, 'deep'), { recursive: true });
    publisher.publish([signal('A_B', 2)]);
    expect(read('deep', 'signals', 'A_B', 'signal.json')).toContain('"seq":2');
    expect(read('deep', 'signals', 'signals.json')).toContain('"seq":2');
    expect(publisher.failures).toBe(0);
  });

  it('leaves no temporary files', () => {
    const publisher = open();
    for (let seq = 1; seq <= 20; seq++) publisher.publish([signal('A_B', seq), signal('C_D', seq)]);
    expect(readdirSync(folder).sort()).toEqual(['A_B', 'C_D', 'signals.json']);
    expect(readdirSync(join(folder, 'A_B'))).toEqual(['signal.json']);
  });

  it('removes at its start what a crash left behind, but nothing of a process that lives and nothing else', () => {
    const deadPid = spawnSync(process.execPath, ['-e', '']).pid;
    mkdirSync(join(folder, 'A_B'));
    const leftovers = [`.signals.json.${deadPid}.tmp`, `A_B/.signal.json.${deadPid}.tmp`];
    const kept = [`A_B/.signal.json.${process.ppid}.tmp`, 'A_B/notes.tmp', 'A_B/signal.json'];
    for (const name of [...leftovers, ...kept]) writeFileSync(join(folder, name), '{"pair');
    open();
    for (const name of leftovers) expect(existsSync(join(folder, name))).toBe(false);
    for (const name of kept) expect(existsSync(join(folder, name))).toBe(true);
  });

  it('reports a pair that cannot be written once, writes the others, and reports the recovery once', () => {
    const publisher = open();
    writeFileSync(join(folder, 'A_B'), 'a file where the folder should be');
    publisher.publish([signal('A_B', 1), signal('C_D', 1)]);
    publisher.publish([signal('A_B', 2), signal('C_D', 2)]);
    expect(read('C_D', 'signal.json')).toContain('"seq":2');
    expect(read('signals.json')).toContain('"A_B":{"pair_id":"A_B","seq":2}');
    expect(errors.map((error) => error.code)).toEqual(['PUBLISH_FILE']);
    expect(errors[0]!.message).toContain('ENOTDIR');
    expect(publisher.failures).toBe(2);
    expect(recoveries).toBe(0);

    rmSync(join(folder, 'A_B'));
    publisher.publish([signal('A_B', 3), signal('C_D', 3)]);
    publisher.publish([signal('A_B', 4), signal('C_D', 4)]);
    expect(recoveries).toBe(1);
    expect(publisher.failures).toBe(2);
    expect(read('A_B', 'signal.json')).toContain('"seq":4');
  });

  it.skipIf(!existsSync('/dev/full'))('reports a full disk and leaves the old signal in place', () => {
    const publisher = open();
    publisher.publish([signal('A_B', 1)]);
    symlinkSync('/dev/full', join(folder, 'A_B', `.signal.json.${process.pid}.tmp`));
    publisher.publish([signal('A_B', 2)]);
    expect(errors[0]!.message).toContain('ENOSPC');
    expect(read('A_B', 'signal.json')).toContain('"seq":1');
    publisher.publish([signal('A_B', 3)]);
    expect(read('A_B', 'signal.json')).toContain('"seq":3');
    expect(statSync(join(folder, 'A_B', 'signal.json')).isFile()).toBe(true);
    expect(recoveries).toBe(1);
  });

  it('never throws and writes nothing after it was closed', async () => {
    const publisher = open();
    await publisher.close();
    publisher.publish([signal('A_B', 1)]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('never lets a reader in another process see a torn, empty or missing file', async () => {
    const publisher = open();
    const pairIds = ['A_B', 'C_D'];
    // Long enough for more than one page, so that a write in place would be seen half done.
    const long = (pairId: string, seq: number) => ({
      pairId,
      text: JSON.stringify({ pair_id: pairId, seq, filler: 'x'.repeat(20_000), end: seq }),
    });
    publisher.publish(pairIds.map((pairId) => long(pairId, 0)));

    const readerPath = join(folder, 'reader.mjs');
    writeFileSync(
      readerPath,
      `import { readFileSync } from 'node:fs';
       const files = process.argv.slice(2);
       let stopping = false;
       process.on('message', () => { stopping = true; });
       const seen = new Set();
       let reads = 0;
       const problems = [];
       function turn() {
         for (let i = 0; i < 50; i++) {
           for (const file of files) {
             reads++;
             try {
               const text = readFileSync(file, 'utf8');
               if (!text.endsWith('}\\n')) throw new Error('torn: ' + text.length + ' characters');
               const value = JSON.parse(text);
               for (const signal of 'seq' in value ? [value] : Object.values(value)) {
                 if (signal.seq !== signal.end) throw new Error('mixed');
                 seen.add(signal.seq);
               }
             } catch (error) { if (problems.length < 5) problems.push(String(error)); }
           }
         }
         if (stopping) process.send({ reads, versions: seen.size, problems }, () => process.exit());
         else setImmediate(turn);
       }
       process.send('reading');
       turn();`,
    );
    const files = [...pairIds.map((pairId) => join(folder, pairId, 'signal.json')), join(folder, 'signals.json')];
    const readers = [0, 1].map(() => fork(readerPath, files));
    await Promise.all(readers.map((reader) => once(reader, 'message')));
    const endMs = performance.now() + 1_500;
    let seq = 0;
    while (performance.now() < endMs) {
      seq++;
      publisher.publish(pairIds.map((pairId) => long(pairId, seq)));
      if (seq % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const reader of readers) {
      const report = once(reader, 'message') as Promise<[{ reads: number; versions: number; problems: string[] }]>;
      reader.send('stop');
      const [{ reads, versions, problems }] = await report;
      expect(problems).toEqual([]);
      expect(reads).toBeGreaterThan(100);
      expect(versions).toBeGreaterThan(10);
    }
    expect(publisher.failures).toBe(0);
  });
});
