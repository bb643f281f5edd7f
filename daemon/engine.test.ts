import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildDaemonProgram } from '../test/program.ts';
import { tinySettings } from '../test/tiny_settings.ts';
import { ENGINE_FLAGS } from './engine.ts';
import { HAS_SLICES, SLICE_NOTE, sliceMs } from './long_slice.fixture.ts';

it('the engine is given only options that this version of it knows', () => {
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  for (const flag of ENGINE_FLAGS) expect(known).toContain(`${flag.replace('--no-', '--').replace(/=.*/, '')} `);
});

interface Thread {
  readonly id: number;
  readonly nice: number;
  readonly hasLongSlice: boolean;
}

function threadsOf(pid: number): Thread[] {
  return readdirSync(`/proc/${pid}/task`)
    .map(Number)
    .map((id) => ({ id, nice: getPriority(id), hasLongSlice: sliceMs(`${pid}/task/${id}`) === 100 }));
}

it.skipIf(!HAS_SLICES)(`threads of the engine and of files give way${SLICE_NOTE}`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-engine-'));
  const settings = join(folder, 'settings.json');
  writeFileSync(settings, JSON.stringify(tinySettings({ minutehand: { market: 'live' } })));
  const program = await buildDaemonProgram();
  try {
    const daemon = program.start([settings], { MINUTEHAND_HOME: folder });
    while (!(await daemon.line()).includes('"port"'));
    const threads = threadsOf(daemon.process.pid!);
    const normal = getPriority();
    const low = Math.max(normal, 10);
    const main = threads.find(({ id }) => id === daemon.process.pid);
    expect(main).toMatchObject({ nice: normal, hasLongSlice: false });
    const files = threads.filter(({ nice, hasLongSlice }) => nice === normal && hasLongSlice);
    expect(files).toHaveLength(1);
    // One that schedules and four that work, at least.
    const engine = threads.filter(({ nice, hasLongSlice }) => nice === low && hasLongSlice);
    expect(engine.length).toBeGreaterThanOrEqual(5);
    const journal = threads.filter(({ nice, hasLongSlice }) => nice === low && !hasLongSlice);
    expect(journal).toHaveLength(1);
    expect(threads).toHaveLength(1 + files.length + engine.length + journal.length);
  } finally {
    await program.remove();
    rmSync(folder, { recursive: true, force: true });
  }
});
