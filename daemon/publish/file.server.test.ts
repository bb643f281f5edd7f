import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MinutehandError } from '../../shared/errors.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import type { FileSystem } from '../../shared/ports.ts';
import { bodyOf, textOf } from '../../shared/signal/signal.fixture.ts';
import { createFilePublisher } from './file.ts';
import { asPlainUser } from '../../test/plain_user.ts';
import { skipNote } from '../../test/skip_note.ts';

const isWindows = process.platform === 'win32';
/** Of a path whose folder is a file. */
const NO_FOLDER = isWindows ? /EEXIST|ENOENT|ENOTDIR/ : /ENOTDIR/;

let folder: string;
const errors: MinutehandError[] = [];
let recoveries = 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-signals-'));
  errors.length = 0;
  recoveries = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (signals = folder, files = MACHINE_FILES, mayWrite = () => true) =>
  createFilePublisher({
    files,
    folder: signals,
    mayWrite,
    onFailure: (error) => errors.push(error),
    onRecovered: () => recoveries++,
  });

/** The machine's file system, in which each write and rename first calls `fault` for an error code. */
function faulty(fault: () => string | null): FileSystem {
  const check = (): void => {
    const code = fault();
    if (code !== null) throw Object.assign(new Error(`${code}: on purpose`), { code });
  };
  return {
    ...MACHINE_FILES,
    write(path, data) {
      try {
        check();
      } catch (error) {
        // As a full disk does it: a part is there already.
        MACHINE_FILES.write(path, data.slice(0, data.length / 2));
        throw error;
      }
      MACHINE_FILES.write(path, data);
    },
    rename(from, to) {
      check();
      MACHINE_FILES.rename(from, to);
    },
  };
}
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

  it('keeps the last signal of a pair in signals.json when a later batch does not contain it, text unchanged', () => {
    const publisher = open();
    const odd = { pairId: 'A_B', text: '{ "z_score":1.50,"crc32":"00ff00ff" }' };
    publisher.publish([odd, signal('C_D', 1)]);
    publisher.publish([signal('C_D', 2)]);
    expect(read('signals.json')).toBe(`{"A_B":${odd.text},"C_D":{"pair_id":"C_D","seq":2}}\n`);
  });

  it('creates the folders, and recreates them when they vanish', () => {
    const publisher = open(join(folder, 'deep', 'signals'));
    publisher.publish([signal('A_B', 1)]);
    rmSync(join(folder, 'deep', 'signals'), { recursive: true });
    publisher.publish([signal('A_B', 2)]);
    expect(read('deep', 'signals', 'A_B', 'signal.json')).toContain('"seq":2');
    expect(read('deep', 'signals', 'signals.json')).toContain('"seq":2');
    expect(publisher.failures).toBe(0);
  });

  it('does not recreate the folder above, such as a home that was moved away, and goes on when it is back', () => {
    const home = join(folder, 'home');
    const publisher = open(join(home, 'signals'));
    publisher.publish([signal('A_B', 1)]);
    renameSync(home, join(folder, 'moved'));
    publisher.publish([signal('A_B', 2)]);
    expect([existsSync(home), publisher.failing]).toEqual([false, 2]);
    renameSync(join(folder, 'moved'), home);
    publisher.publish([signal('A_B', 3)]);
    expect(read('home', 'signals', 'A_B', 'signal.json')).toContain('"seq":3');
    expect(publisher.failing).toBe(0);
  });

  it('leaves no temporary files', () => {
    const publisher = open();
    for (let seq = 1; seq <= 20; seq++) publisher.publish([signal('A_B', seq), signal('C_D', seq)]);
    expect(readdirSync(folder).sort()).toEqual(['A_B', 'C_D', 'signals.json']);
    expect(readdirSync(join(folder, 'A_B'))).toEqual(['signal.json']);
  });

  it('removes leftovers of a crash at its start, but nothing of a live process and nothing else', () => {
    const deadPid = spawnSync(process.execPath, ['-e', '']).pid;
    mkdirSync(join(folder, 'A_B'));
    const leftovers = [
      `.signals.json.${deadPid}.tmp`,
      `.signals_a-b.json.${deadPid}.tmp`,
      `A_B/.signal.json.${deadPid}.tmp`,
      // In a container each start has the same id.
      `A_B/.signal.json.${process.pid}.tmp`,
    ];
    const kept = [`A_B/.signal.json.${process.ppid}.tmp`, 'A_B/notes.tmp', 'A_B/signal.json', 'notes.txt'];
    for (const name of [...leftovers, ...kept]) writeFileSync(join(folder, name), '{"pair');
    open();
    for (const name of leftovers) expect(existsSync(join(folder, name))).toBe(false);
    for (const name of kept) expect(existsSync(join(folder, name))).toBe(true);
  });

  it('leaves the files of a live process of another user', () => {
    const name = '.signals_metals.json.123456789.tmp';
    const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error('not permitted'), { code: 'EPERM' });
    });
    writeFileSync(join(folder, name), '{"pair');
    open();
    expect([existsSync(join(folder, name)), kill.mock.calls]).toEqual([true, [[123456789, 0]]]);
    kill.mockRestore();
    open();
    expect(existsSync(join(folder, name))).toBe(false);
  });

  it('writes a file that failed with the next batch of other pairs: its own next bar may be an hour away', () => {
    let isFull = false;
    const publisher = open(
      folder,
      faulty(() => (isFull ? 'ENOSPC' : null)),
    );
    isFull = true;
    publisher.publish([signal('EURUSD_USDCHF@1h', 1)]);
    isFull = false;
    publisher.publish([signal('XAUUSD_XAGUSD', 1)]);
    expect(JSON.parse(read('EURUSD_USDCHF@1h', 'signal.json'))).toMatchObject({ seq: 1 });
    expect([publisher.failing, recoveries]).toEqual([0, 1]);
  });

  it('reports a pair that cannot be written once, writes the others, and reports the recovery once', () => {
    const publisher = open();
    writeFileSync(join(folder, 'A_B'), 'a file where the folder should be');
    publisher.publish([signal('A_B', 1), signal('C_D', 1)]);
    publisher.publish([signal('A_B', 2), signal('C_D', 2)]);
    expect(read('C_D', 'signal.json')).toContain('"seq":2');
    expect(read('signals.json')).toContain('"A_B":{"pair_id":"A_B","seq":2}');
    expect(errors.map((error) => error.code)).toEqual(['PUBLISH_FILE']);
    expect(errors[0]!.message).toMatch(NO_FOLDER);
    expect(publisher.failures).toBe(2);
    expect(recoveries).toBe(0);

    rmSync(join(folder, 'A_B'));
    publisher.publish([signal('A_B', 3), signal('C_D', 3)]);
    publisher.publish([signal('A_B', 4), signal('C_D', 4)]);
    expect(recoveries).toBe(1);
    expect(publisher.failures).toBe(2);
    expect(read('A_B', 'signal.json')).toContain('"seq":4');
  });

  it('reports a full disk and leaves the old signal in place', () => {
    let isFull = false;
    const publisher = open(
      folder,
      faulty(() => (isFull ? 'ENOSPC' : null)),
    );
    publisher.publish([signal('A_B', 1)]);
    isFull = true;
    publisher.publish([signal('A_B', 2)]);
    expect(errors[0]!.message).toContain('ENOSPC');
    expect(read('A_B', 'signal.json')).toContain('"seq":1');
    isFull = false;
    publisher.publish([signal('A_B', 3)]);
    expect(read('A_B', 'signal.json')).toContain('"seq":3');
    expect(statSync(join(folder, 'A_B', 'signal.json')).isFile()).toBe(true);
    expect(recoveries).toBe(1);
  });

  describe('a file that a reader blocks, as on Windows', () => {
    /** Renames onto `path` fail while `isBlocked`. */
    const blocking = (path: string, code: string, isBlocked: () => boolean): FileSystem => ({
      ...MACHINE_FILES,
      rename(from, to) {
        if (to === path && isBlocked()) throw Object.assign(new Error(`${code}: on purpose`), { code });
        MACHINE_FILES.rename(from, to);
      },
    });
    const openPatient = (files: FileSystem, pause: (ms: number) => void) =>
      createFilePublisher({
        files,
        folder,
        pause,
        onFailure: (error) => errors.push(error),
        onRecovered: () => recoveries++,
      });

    it.each(['EPERM', 'EACCES', 'EBUSY'])('is tried again after the others, counted, and no failure (%s)', (code) => {
      let blocks = 3;
      const pauses: string[] = [];
      const publisher = openPatient(
        blocking(join(folder, 'A_B', 'signal.json'), code, () => blocks-- > 0),
        (ms) => pauses.push(`${ms} ms, C_D ${read('C_D', 'signal.json').includes('"seq":1') ? 'written' : 'not'}`),
      );
      publisher.publish([signal('A_B', 1), signal('C_D', 1)]);
      expect(pauses).toEqual(['1 ms, C_D written', '2 ms, C_D written', '4 ms, C_D written']);
      expect(read('A_B', 'signal.json')).toContain('"seq":1');
      expect({ failures: publisher.failures, retries: publisher.retries, errors, recoveries }).toEqual({
        failures: 0,
        retries: 3,
        errors: [],
        recoveries: 0,
      });
    });

    it('is abandoned after an eighth of a second, reported once, and written later with the newest text', () => {
      let isBlocked = true;
      let pausedMs = 0;
      const publisher = openPatient(
        blocking(join(folder, 'A_B', 'signal.json'), 'EPERM', () => isBlocked),
        (ms) => (pausedMs += ms),
      );
      publisher.publish([signal('A_B', 1), signal('C_D', 1)]);
      expect(pausedMs).toBe(127);
      publisher.publish([signal('A_B', 2), signal('C_D', 2)]);
      publisher.retry();
      expect(read('C_D', 'signal.json')).toContain('"seq":2');
      expect({ failures: publisher.failures, failing: publisher.failing, told: errors.length }).toEqual({
        failures: 2,
        failing: 1,
        told: 1,
      });
      isBlocked = false;
      publisher.retry();
      publisher.retry();
      expect(read('A_B', 'signal.json')).toContain('"seq":2');
      expect({ failures: publisher.failures, failing: publisher.failing, recoveries }).toEqual({
        failures: 2,
        failing: 0,
        recoveries: 1,
      });
      expect(readdirSync(join(folder, 'A_B'))).toEqual(['signal.json']);
    });

    it('never gets an older text by a retry', () => {
      let blocks = 8;
      const publisher = openPatient(
        blocking(join(folder, 'A_B', 'signal.json'), 'EBUSY', () => blocks-- > 0),
        () => undefined,
      );
      publisher.publish([signal('A_B', 1)]);
      expect(publisher.failing).toBe(1);
      publisher.publish([signal('A_B', 2)]);
      publisher.retry();
      expect(read('A_B', 'signal.json')).toContain('"seq":2');
    });
  });

  it('replaces no file after its lease has ended, which may be in the middle of a batch', () => {
    let calls = 0;
    let allowed = Infinity;
    // Of a slow disk: each write and each rename takes a part of the lease.
    const publisher = open(
      folder,
      faulty(() => (calls++, null)),
      () => calls < allowed,
    );
    publisher.publish([signal('A_B', 1), signal('C_D', 1), signal('E_F', 1)]);
    calls = 0;
    // Enough for the file of all pairs, the first pair, and the write of the second one.
    allowed = 5;
    publisher.publish([signal('A_B', 2), signal('C_D', 2), signal('E_F', 2)]);
    const seqs = ['A_B', 'C_D', 'E_F'].map(
      (pairId) => (JSON.parse(read(pairId, 'signal.json')) as { seq: number }).seq,
    );
    expect(seqs).toEqual([2, 1, 1]);
    expect(readdirSync(join(folder, 'C_D'))).toEqual(['signal.json']);
    publisher.publish([signal('G_H', 1)]);
    expect(existsSync(join(folder, 'G_H'))).toBe(false);
    expect([calls, publisher.failing, errors, recoveries]).toEqual([5, 0, [], 0]);
    // Under the next lease.
    allowed = Infinity;
    publisher.publish([signal('C_D', 3)]);
    expect(read('signals.json')).not.toContain('G_H');
    expect(read('C_D', 'signal.json')).toContain('3');
  });

  it('has a file of all pairs for each shard where several write, and removes the one that no shard writes any more', () => {
    const shard = (allName?: string) =>
      createFilePublisher({
        files: MACHINE_FILES,
        folder,
        ...(allName === undefined ? {} : { allName }),
        onFailure: (error) => errors.push(error),
        onRecovered: () => recoveries++,
      });
    writeFileSync(join(folder, 'signals.json'), '{}\n');
    const metals = shard('signals_metals.json');
    const rest = shard('signals_rest.json');
    metals.publish([signal('A_B', 1)]);
    rest.publish([signal('C_D', 1)]);
    metals.publish([signal('A_B', 2)]);
    expect(read('signals_metals.json')).toBe('{"A_B":{"pair_id":"A_B","seq":2}}\n');
    expect(read('signals_rest.json')).toBe('{"C_D":{"pair_id":"C_D","seq":1}}\n');
    shard('signals_rest.json');
    expect(readdirSync(folder).sort()).toEqual(['A_B', 'C_D', 'signals_metals.json', 'signals_rest.json']);
    shard().publish([signal('A_B', 3)]);
    expect(readdirSync(folder).sort()).toEqual(['A_B', 'C_D', 'signals.json']);
  });

  it('never throws and writes nothing after it was closed', async () => {
    const publisher = open();
    await publisher.close();
    publisher.publish([signal('A_B', 1)]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each(['ENOSPC', 'EACCES', 'EROFS', 'EIO'])(
    'survives %s: reported once, the last signals stay, the next success ends it',
    (code) => {
      let broken = false;
      const publisher = open(
        folder,
        faulty(() => (broken ? code : null)),
      );
      publisher.publish([signal('A_B', 1)]);
      broken = true;
      for (let seq = 2; seq <= 4; seq++) publisher.publish([signal('A_B', seq)]);
      expect(errors.map((error) => error.code)).toEqual(['PUBLISH_FILE']);
      expect(errors[0]!.message).toContain(code);
      expect({ recoveries, failures: publisher.failures }).toEqual({ recoveries: 0, failures: 6 });
      expect(read('A_B', 'signal.json')).toContain('"seq":1');
      expect(read('signals.json')).toContain('"seq":1');
      expect(readdirSync(join(folder, 'A_B'))).toEqual(['signal.json']);
      broken = false;
      publisher.publish([signal('A_B', 5)]);
      expect(recoveries).toBe(1);
      expect(read('A_B', 'signal.json')).toContain('"seq":5');
      expect(errors).toHaveLength(1);
    },
  );

  it('keeps every file whole and reports failure and recovery alternately, whichever operations fail', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), fc.integer({ min: 1, max: 12 }), (faults, batches) => {
        const own = mkdtempSync(join(folder, 'run-'));
        for (const pairId of ['A_B', 'C_D']) mkdirSync(join(own, pairId));
        const told: string[] = [];
        const pending = [...faults];
        let failedInBatch = false;
        const publisher = createFilePublisher({
          files: faulty(() => {
            const fails = pending.shift() ?? false;
            failedInBatch ||= fails;
            return fails ? 'EIO' : null;
          }),
          folder: own,
          onFailure: () => told.push('failure'),
          onRecovered: () => told.push('recovery'),
        });
        const expected: string[] = [];
        const texts = new Set<string>();
        for (let seq = 1; seq <= batches; seq++) {
          failedInBatch = false;
          const batch = [signal('A_B', seq), signal('C_D', seq)];
          for (const { text } of batch) texts.add(`${text}\n`);
          publisher.publish(batch);
          const failing = expected.length % 2 === 1;
          if (failedInBatch && !failing) expected.push('failure');
          if (!failedInBatch && failing) expected.push('recovery');
          for (const { pairId, text } of batch) {
            const path = join(own, pairId, 'signal.json');
            const content = existsSync(path) ? readFileSync(path, 'utf8') : null;
            if (failedInBatch) expect(content === null || texts.has(content)).toBe(true);
            else expect(content).toBe(`${text}\n`);
          }
          if (existsSync(join(own, 'signals.json'))) JSON.parse(readFileSync(join(own, 'signals.json'), 'utf8'));
        }
        expect(told).toEqual(expected);
        expect(readdirSync(own).filter((name) => name.startsWith('.'))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('reports a signals folder that was replaced by a file once, and the recovery once', () => {
    const signals = join(folder, 'signals');
    const publisher = open(signals);
    publisher.publish([signal('A_B', 1)]);
    rmSync(signals, { recursive: true });
    writeFileSync(signals, '');
    publisher.publish([signal('A_B', 2)]);
    publisher.publish([signal('A_B', 3)]);
    expect(errors.map(({ code }) => code)).toEqual(['PUBLISH_FILE']);
    expect(errors[0]!.seen).toMatch(NO_FOLDER);
    rmSync(signals);
    publisher.publish([signal('A_B', 4)]);
    expect(recoveries).toBe(1);
    expect(readFileSync(join(signals, 'A_B', 'signal.json'), 'utf8')).toContain('"seq":4');
  });

  // Mutation tests run in threads, which cannot change their user.
  const note = skipNote(isWindows, 'Windows has no such modes');
  it.runIf(isMainThread && !isWindows)(`reports a folder that may not be written to, and the recovery${note}`, () =>
    asPlainUser(folder, () => {
      const publisher = open();
      publisher.publish([signal('A_B', 1)]);
      chmodSync(join(folder, 'A_B'), 0o500);
      publisher.publish([signal('A_B', 2)]);
      expect(errors[0]!.message).toContain('EACCES');
      chmodSync(join(folder, 'A_B'), 0o700);
      publisher.publish([signal('A_B', 3)]);
      expect(recoveries).toBe(1);
    }),
  );

  it('survives a disk that is really full, and one that becomes read-only', (context) => {
    const mount = (...args: string[]) => spawnSync('mount', args, { encoding: 'utf8' });
    const tried = mount('-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder);
    if (tried.error || tried.status !== 0) return context.skip('only root may mount a small disk');
    try {
      const publisher = open();
      publisher.publish([signal('A_B', 1)]);
      const filler = join(folder, 'filler');
      expect(() => writeFileSync(filler, Buffer.alloc(100_000))).toThrow(/ENOSPC/);
      publisher.publish([signal('A_B', 2)]);
      publisher.publish([signal('A_B', 3)]);
      expect(errors.map(({ code, seen }) => `${code} ${seen?.split(':')[0]}`)).toEqual(['PUBLISH_FILE ENOSPC']);
      expect(read('A_B', 'signal.json')).toContain('"seq":1');
      rmSync(filler);
      publisher.publish([signal('A_B', 4)]);
      expect(recoveries).toBe(1);
      expect(read('A_B', 'signal.json')).toContain('"seq":4');

      mount('-o', 'remount,ro', folder);
      publisher.publish([signal('A_B', 5)]);
      expect(errors.at(-1)!.message).toContain('EROFS');
      mount('-o', 'remount,rw', folder);
      publisher.publish([signal('A_B', 6)]);
      expect({ recoveries, failures: errors.length }).toEqual({ recoveries: 2, failures: 2 });
      expect(read('A_B', 'signal.json')).toContain('"seq":6');
    } finally {
      spawnSync('umount', [folder]);
    }
  });

  it('never shows a torn, empty or missing file to readers in other processes', async () => {
    const publisher = open();
    const pairIds = ['A_B', 'C_D'];
    // Long enough for more than one page, so that a write in place would be seen half done.
    const batchOf = (seq: number) =>
      pairIds.map((pairId) => ({
        pairId,
        text: textOf(bodyOf({ pair_id: pairId, pair: 'x'.repeat(20_000) }), {
          boot_id: '20261120T080000000Z',
          seq,
          generated_at_ms: 1_795_163_535_912 + seq,
        }),
      }));
    publisher.publish(batchOf(1));

    const readerPath = join(folder, 'reader.mjs');
    writeFileSync(
      readerPath,
      `import { readFileSync } from 'node:fs';
       import { crc32 } from 'node:zlib';
       const [all, ...files] = process.argv.slice(2);
       let stopping = false;
       process.on('message', () => { stopping = true; });
       process.on('disconnect', () => process.exit());
       const seen = new Set();
       const problems = [];
       let reads = 0;
       function check(line) {
         const tail = line.lastIndexOf(',"crc32":"');
         const crc = crc32(line.slice(0, tail)).toString(16).padStart(8, '0');
         if (line.slice(tail) !== ',"crc32":"' + crc + '"}') throw new Error('torn: ' + line.length + ' characters');
         seen.add(JSON.parse(line).seq);
       }
       function turn() {
         for (let i = 0; i < 20; i++) {
           for (const file of [all, ...files]) {
             reads++;
             try {
               const text = readFileSync(file, 'utf8');
               if (!text.endsWith('}\\n')) throw new Error('torn: ' + text.length + ' characters');
               if (file !== all) check(text.slice(0, -1));
               else for (const signal of Object.values(JSON.parse(text))) check(JSON.stringify(signal));
             } catch (error) { if (problems.length < 5) problems.push(String(error)); }
           }
         }
         if (stopping) process.send({ reads, versions: seen.size, problems }, () => process.exit());
         else setImmediate(turn);
       }
       process.send('reading');
       turn();`,
    );
    const files = [join(folder, 'signals.json'), ...pairIds.map((pairId) => join(folder, pairId, 'signal.json'))];
    const readers = [0, 1, 2].map(() => fork(readerPath, files));
    await Promise.all(readers.map((reader) => once(reader, 'message')));
    const batches = 600;
    for (let seq = 2; seq <= batches; seq++) {
      publisher.publish(batchOf(seq));
      if (seq % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const reports = readers.map((reader) => once(reader, 'message'));
    for (const reader of readers) reader.send('stop');
    for (const [report] of await Promise.all(reports)) {
      const { reads, versions, problems } = report as { reads: number; versions: number; problems: string[] };
      expect(problems).toEqual([]);
      expect(reads).toBeGreaterThan(500);
      expect(versions).toBeGreaterThan(50);
    }
    // On Windows a reader delays what it reads, and what is late is replaced by the next one.
    if (!isWindows) expect(publisher.failures).toBe(0);
  });
});
