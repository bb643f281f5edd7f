import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MACHINE_SCHEDULER } from '../../shared/clock.ts';
import { packageRoot } from '../../shared/root.ts';
import { promotedPerRound } from '../../test/collections.ts';
import { createFileThread, type FileThreadOptions } from './file_thread.ts';
import type { FilePublisher } from './file.ts';
import { skipNote } from '../../test/skip_note.ts';

const isWindows = process.platform === 'win32';
/** Of a path whose folder is a file. */
const NO_FOLDER = isWindows ? /^PUBLISH_FILE (?:EEXIST|ENOENT|ENOTDIR)/ : /^PUBLISH_FILE ENOTDIR/;
const MODES_NOTE = skipNote(isWindows, 'Windows has no such modes');

let programs: string;
let folder: string;
/** What the publishers of a test have reported. */
let told: string[] = [];
const toClose: (() => Promise<void>)[] = [];

beforeAll(async () => {
  programs = mkdtempSync(join(tmpdir(), 'minutehand-file-thread-'));
  await build({
    configFile: false,
    root: packageRoot(),
    logLevel: 'error',
    build: {
      ssr: join(packageRoot(), 'daemon', 'publish', 'file_thread_program.ts'),
      outDir: programs,
      target: 'node24',
      minify: false,
      rollupOptions: { output: { entryFileNames: 'real.mjs' } },
    },
  });
});
afterAll(() => rmSync(programs, { recursive: true, force: true }));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-signals-'));
  told = [];
});
afterEach(async () => {
  for (const close of toClose.splice(0)) await close();
  rmSync(folder, { recursive: true, force: true });
});

function open(program = 'real', scheduler = MACHINE_SCHEDULER, more: Partial<FileThreadOptions> = {}): FilePublisher {
  // A publisher of an earlier test that ends late reports to that one.
  const reports = told;
  const options: FileThreadOptions = {
    folder,
    scheduler,
    program: pathToFileURL(join(programs, `${program}.mjs`)),
    onFailure: (error) => reports.push(`${error.code} ${error.seen}`),
    onRecovered: () => reports.push('recovered'),
    ...more,
  };
  const publisher = createFileThread(options);
  toClose.push(() => publisher.close());
  return publisher;
}

function programOf(source: string): string {
  const name = `program${readdirSync(programs).length}`;
  writeFileSync(join(programs, `${name}.mjs`), `import { parentPort } from 'node:worker_threads';\n${source}`);
  return name;
}

const signal = (pairId: string, seq: number) => ({ pairId, text: JSON.stringify({ pair_id: pairId, seq }) });
const read = (...path: string[]) => readFileSync(join(folder, ...path), 'utf8');
const seqOf = (pairId: string): number => {
  try {
    return (JSON.parse(read(pairId, 'signal.json')) as { seq: number }).seq;
  } catch {
    return 0;
  }
};

/** Timers that only the test fires. */
function manual() {
  const pending = new Set<{ ms: number; work: () => void }>();
  const after = (ms: number, work: () => void) => {
    const timer = { ms, work };
    pending.add(timer);
    return () => void pending.delete(timer);
  };
  return { pending, scheduler: { ...MACHINE_SCHEDULER, after } };
}

describe('the thread for signal files', () => {
  it('writes the same as the file publisher', async () => {
    const publisher = open();
    // Closing waits a second: on a busy machine a thread takes longer to start.
    publisher.publish([signal('A_B', 1)]);
    await expect.poll(() => seqOf('A_B')).toBe(1);
    publisher.publish([signal('C_D', 1)]);
    publisher.publish([signal('C_D', 2)]);
    await publisher.close();
    expect(read('A_B', 'signal.json')).toBe('{"pair_id":"A_B","seq":1}\n');
    expect(read('C_D', 'signal.json')).toBe('{"pair_id":"C_D","seq":2}\n');
    expect(read('signals.json')).toBe('{"A_B":{"pair_id":"A_B","seq":1},"C_D":{"pair_id":"C_D","seq":2}}\n');
    expect(readdirSync(join(folder, 'A_B'))).toEqual(['signal.json']);
    expect({ told, failures: publisher.failures }).toEqual({ told: [], failures: 0 });
  });

  it('writes the newest signal of every pair when batches come faster than the disk, and delays none for long', async () => {
    const publisher = open();
    for (let seq = 1; seq <= 2_000; seq++) {
      publisher.publish([signal('A_B', seq), ...(seq % 7 === 0 ? [signal('C_D', seq)] : [])]);
      if (seq % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await publisher.close();
    expect([seqOf('A_B'), seqOf('C_D')]).toEqual([2_000, 1_995]);
    publisher.publish([signal('A_B', 3_000)]);
    expect(seqOf('A_B')).toBe(2_000);
  });

  it('reports a failure once with its reason, and the recovery once', async () => {
    const publisher = open();
    writeFileSync(join(folder, 'A_B'), 'a file where the folder should be');
    publisher.publish([signal('A_B', 1), signal('C_D', 1)]);
    await expect.poll(() => told).toHaveLength(1);
    publisher.publish([signal('A_B', 2), signal('C_D', 2)]);
    await expect.poll(() => seqOf('C_D')).toBe(2);
    rmSync(join(folder, 'A_B'));
    publisher.publish([signal('A_B', 3)]);
    await expect.poll(() => told).toHaveLength(2);
    expect(told[0]).toMatch(NO_FOLDER);
    expect(told[1]).toBe('recovered');
    expect(publisher.failures).toBe(2);
    expect(seqOf('A_B')).toBe(3);
  });

  it('writes a failed file as soon as possible, without waiting for the next bar', async () => {
    const publisher = open();
    mkdirSync(join(folder, 'A_B', 'signal.json'), { recursive: true });
    publisher.publish([signal('A_B', 1), signal('C_D', 1)]);
    await expect.poll(() => told).toHaveLength(1);
    expect(seqOf('C_D')).toBe(1);
    rmSync(join(folder, 'A_B', 'signal.json'), { recursive: true });
    await expect.poll(() => told).toHaveLength(2);
    expect(told[1]).toBe('recovered');
    expect(seqOf('A_B')).toBe(1);
    expect(publisher.failures).toBe(1);
    expect(publisher.retries).toBeGreaterThan(0);
  });

  it('writes nothing behind the deadline of a lease, as after a suspension', async () => {
    let deadlineMs = uptime() * 1000;
    const publisher = open('real', MACHINE_SCHEDULER, { deadlineMs: () => deadlineMs });
    publisher.publish([signal('A_B', 1)]);
    deadlineMs += 600_000;
    publisher.publish([signal('C_D', 1)]);
    await expect.poll(() => seqOf('C_D')).toBe(1);
    expect([seqOf('A_B'), told]).toEqual([0, []]);
  });

  it('reports that the disk stalls, keeps one signal per pair meanwhile, and continues with it', async () => {
    const moving = join(folder, 'the disk moves again');
    const slow = programOf(`import { existsSync } from 'node:fs';
    parentPort.on('message', ([, ...texts]) => {
      while (texts[1] === 'stall' && !existsSync(${JSON.stringify(moving)}));
      const failures = texts[1] === 'stall' ? 0 : 1;
      parentPort.postMessage({ failures, failing: failures, seen: texts.join() });
    });`);
    const publisher = open(slow, {
      ...MACHINE_SCHEDULER,
      after: (ms, work) => MACHINE_SCHEDULER.after(ms === 5_000 ? 50 : ms, work),
    });
    // A publisher that waited for the thread would stand here for ever.
    for (const text of ['stall', '1', '2', '3']) publisher.publish([{ pairId: 'A_B', text }]);
    publisher.publish([{ pairId: 'C_D', text: '1' }]);
    await expect.poll(() => told).toHaveLength(1);
    writeFileSync(moving, '');
    await expect.poll(() => told).toHaveLength(3);
    expect(told).toEqual(['PUBLISH_FILE not written within 5000 ms', 'recovered', 'PUBLISH_FILE A_B,3,C_D,1']);
    expect(publisher.failures).toBe(2);
  });

  it('writes everything itself after its thread has ended', async () => {
    const mortal = programOf(`parentPort.on('message', () => { throw new Error('out of memory'); });`);
    const publisher = open(mortal);
    publisher.publish([signal('A_B', 1)]);
    publisher.publish([signal('C_D', 1)]);
    await expect.poll(() => told).toHaveLength(2);
    expect(told).toEqual(['PUBLISH_FILE the thread that writes them ended: out of memory', 'recovered']);
    expect([seqOf('A_B'), seqOf('C_D')]).toEqual([1, 1]);
    publisher.publish([signal('A_B', 2)]);
    expect(seqOf('A_B')).toBe(2);
  });

  it('keeps nothing of a batch for a major collection once it is handed over', async () => {
    const instant = programOf(
      `parentPort.on('message', () => parentPort.postMessage({ isBetween: false, failures: 0, failing: 0, seen: '', retries: 0 }));`,
    );
    const publisher = open(instant);
    const promoted = await promotedPerRound(600, 3000, async (round) => {
      publisher.publish([{ pairId: 'A_B', text: `${round} `.padEnd(30_000, 'x') }]);
      await new Promise((resolve) => setTimeout(resolve, 1));
    });
    // Of 30,000 characters.
    expect(promoted).toBeLessThan(3000);
  });

  it('writes in the caller where its program is not compiled', () => {
    mkdirSync(join(folder, 'A_B'));
    open('no_such_program').publish([signal('A_B', 1)]);
    expect(seqOf('A_B')).toBe(1);
  });

  it('hands nothing over without signals or once closed, and waits at its end only for a batch', async () => {
    const { pending, scheduler } = manual();
    const publisher = open('real', scheduler);
    publisher.publish([]);
    expect([publisher.name, pending.size]).toEqual(['file', 0]);
    publisher.publish([signal('A_B', 1)]);
    const closed = publisher.close();
    await publisher.close();
    expect([...pending].map(({ ms }) => ms)).toEqual([5_000, 1_000]);
    await closed;
    publisher.publish([signal('A_B', 2)]);
    expect([seqOf('A_B'), pending.size]).toEqual([1, 0]);

    const idle = open('real', scheduler);
    const closedIdle = idle.close();
    expect(pending.size).toBe(0);
    await closedIdle;
  });

  it('still expects the answer to a batch after one between batches', async () => {
    const { pending, scheduler } = manual();
    const between = programOf(
      `parentPort.on('message', () => parentPort.postMessage({ isBetween: true, failures: 0, failing: 0, seen: '', retries: 7 }));`,
    );
    const publisher = open(between, scheduler);
    publisher.publish([signal('A_B', 1)]);
    await expect.poll(() => publisher.retries).toBe(7);
    for (const { work } of pending) work();
    expect(told).toEqual(['PUBLISH_FILE not written within 5000 ms']);
    const closed = publisher.close();
    for (const { ms, work } of pending) if (ms === 1_000) work();
    await closed;
  });

  it('counts and reports what it cannot write itself, after its thread has ended without a batch', async () => {
    const publisher = open(programOf(`setTimeout(() => { throw new Error('gone'); }, 1);`));
    await expect.poll(() => told).toHaveLength(2);
    writeFileSync(join(folder, 'A_B'), 'a file where the folder should be');
    for (const seq of [1, 2]) publisher.publish([signal('A_B', seq)]);
    expect([publisher.failures, publisher.failing]).toEqual([3, 1]);
    rmSync(join(folder, 'A_B'));
    publisher.publish([signal('A_B', 3)]);
    expect(told).toEqual([
      'PUBLISH_FILE the thread that writes them ended: gone',
      'recovered',
      expect.stringMatching(NO_FOLDER),
      'recovered',
    ]);
  });

  it.skipIf(isWindows)(`writes in the caller under the same name and umask, while that is allowed${MODES_NOTE}`, () => {
    const modeOf = (name: string) => statSync(join(folder, name)).mode & 0o777;
    open('no_such_program').publish([signal('A_B', 1)]);
    expect(modeOf('signals.json')).toBe(0o666 & ~process.umask());
    let isAllowed = true;
    const more = { allName: 'signals.2.json', umask: 0o117, mayWrite: () => isAllowed };
    const publisher = open('no_such_program', MACHINE_SCHEDULER, more);
    publisher.publish([signal('A_B', 2)]);
    isAllowed = false;
    publisher.publish([signal('A_B', 3)]);
    expect([seqOf('A_B'), modeOf('signals.2.json')]).toEqual([2, 0o660]);
  });
});
