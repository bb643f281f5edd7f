import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { buildDaemonProgram } from '../test/program.ts';
import { tinySettings } from '../test/tiny_settings.ts';
import { ENGINE_FLAGS } from './v8_flags.ts';
import { HAS_SLICES, schedulingOf, SLICE_NOTE } from './threads/batch_thread.fixture.ts';

it('the engine is given only options that this version of it knows', () => {
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  for (const flag of ENGINE_FLAGS) expect(known).toContain(`${flag.replace('--no-', '--').replace(/=.*/, '')} `);
});

interface Thread {
  readonly id: number;
  /** Versions of Node before 24 give their threads no names. */
  readonly name: string;
  readonly nice: number;
  readonly isBatch: boolean;
}

function threadsOf(pid: number): Thread[] {
  return readdirSync(`/proc/${pid}/task`).map((task) => ({
    id: Number(task),
    name: readFileSync(`/proc/${pid}/task/${task}/comm`, 'utf8').trim(),
    nice: getPriority(Number(task)),
    isBatch: schedulingOf(`${pid}/task/${task}`)!.isBatch,
  }));
}

const LIBUV_THREADS = 7;
/** The journal's, one of the engine that schedules, and four that work. */
const LOWERED_THREADS = 6;

it.skipIf(!HAS_SLICES)(
  `threads of the engine, files and journal yield, those of libuv do not${SLICE_NOTE}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-engine-'));
    const settings = join(folder, 'settings.json');
    writeFileSync(settings, JSON.stringify(tinySettings({ minutehand: { market: 'live' } })));
    const program = await buildDaemonProgram();
    try {
      const env = { MINUTEHAND_HOME: folder, UV_THREADPOOL_SIZE: String(LIBUV_THREADS) };
      const daemon = program.start([settings], env);
      while (!(await daemon.line()).includes('"port"'));
      const normal = getPriority();
      const low = Math.max(normal, 10);
      const isOfFiles = ({ nice, isBatch }: Thread): boolean => nice === normal && isBatch;
      const isLowered = ({ nice, isBatch }: Thread): boolean => nice === low && isBatch;
      // A thread lowers itself when it begins, which may be after the daemon has named its port.
      let threads = threadsOf(daemon.process.pid!);
      for (let tries = 0; tries < 100; tries++) {
        if (threads.some(isOfFiles) && threads.filter(isLowered).length === LOWERED_THREADS) break;
        await sleep(100);
        threads = threadsOf(daemon.process.pid!);
      }
      const main = threads.find(({ id }) => id === daemon.process.pid);
      expect(main).toMatchObject({ nice: normal, isBatch: false });
      expect(threads.filter(isOfFiles)).toHaveLength(1);
      const lowered = threads.filter(isLowered);
      expect(lowered).toHaveLength(LOWERED_THREADS);
      if (threads.some(({ name }) => name === 'V8Worker'))
        expect(lowered.filter(({ name }) => /^(DelayedTaskSche|V8Worker)$/.test(name))).toHaveLength(5);
      // With the main thread, and the one that opens the inspector at a signal.
      const others = threads.filter(({ nice, isBatch }) => nice === normal && !isBatch);
      expect(others).toHaveLength(2 + LIBUV_THREADS);
    } finally {
      await program.remove();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
