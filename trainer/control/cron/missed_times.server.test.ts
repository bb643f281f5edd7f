import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EpochMs } from '../../../shared/bar.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { Clock, Scheduler } from '../../../shared/ports.ts';
import { keptTime } from './kept_times.ts';
import { type Schedule, scheduleByCron } from './schedule.ts';

const MONTHLY = '0 3 1 * *';
const at = (text: string): number => Date.parse(text);

let folder = '';
let running: Schedule[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'missed-'));
});
afterEach(() => {
  for (const schedule of running) schedule.stop();
  running = [];
  rmSync(folder, { recursive: true });
});

/** A clock that is moved by hand, and what is polled by it. */
class Moved implements Clock, Scheduler {
  #works: (() => void)[] = [];
  ms: number;

  constructor(text: string) {
    this.ms = at(text);
  }

  nowMs = (): EpochMs => this.ms as EpochMs;
  monotonicUs = (): number => 0;
  afterTurn(): void {
    throw new Error('not used');
  }
  after = (ms: number, work: () => void): (() => void) => this.every(ms, work);
  every = (_ms: number, work: () => void): (() => void) => {
    this.#works.push(work);
    return () => (this.#works = this.#works.filter((other) => other !== work));
  };

  to(text: string): void {
    this.ms = at(text);
    for (const work of this.#works) work();
  }
}

/** Starts a schedule as the trainer does. @returns what it did, in order */
function start(clock: Moved, cron = MONTHLY): { readonly done: string[]; end(): void } {
  const done: string[] = [];
  const schedule = scheduleByCron(cron, ({ dueMs }) => done.push(`runs ${new Date(dueMs).toISOString()}`), {
    kept: keptTime(MACHINE_FILES, join(folder, 'schedules.json'), 'Retraining', cron),
    onMissed: (text) => done.push(text),
    clock,
    scheduler: clock,
  });
  running.push(schedule);
  return { done, end: () => schedule.stop() };
}

const missed = (time: string): string[] => [`its time ${time} passed while the trainer did not run`, `runs ${time}`];

describe('a time of a schedule that passes while the trainer does not run', () => {
  it('is made up once at the next start, and reported', () => {
    const clock = new Moved('2026-11-30T20:00Z');
    const before = start(clock);
    clock.to('2026-11-30T20:01Z');
    before.end();
    clock.ms = at('2026-12-01T09:00Z');
    const after = start(clock);
    clock.to('2026-12-01T09:00:01Z');
    expect(after.done).toEqual(missed('2026-12-01T03:00:00.000Z'));
    after.end();
    const third = start(clock);
    clock.to('2026-12-01T10:00Z');
    expect([before.done, third.done]).toEqual([[], []]);
  });

  it('is made up once for several', () => {
    const clock = new Moved('2026-08-15T00:00Z');
    start(clock).end();
    clock.ms = at('2026-12-05T00:00Z');
    const { done } = start(clock);
    clock.to('2026-12-05T00:00:01Z');
    expect(done).toEqual(missed('2026-12-01T03:00:00.000Z'));
  });

  it('is made up at the wake of a machine that slept', () => {
    const clock = new Moved('2026-12-01T02:59:00Z');
    const { done } = start(clock);
    clock.to('2026-12-01T02:59:01Z');
    clock.to('2026-12-03T07:00:00Z');
    clock.to('2026-12-03T07:00:01Z');
    expect(done).toEqual(missed('2026-12-01T03:00:00.000Z'));
    clock.to('2027-01-01T03:00:00Z');
    expect(done.at(-1)).toBe('runs 2027-01-01T03:00:00.000Z');
  });

  it('does not exist before the first start, or for another expression', () => {
    const clock = new Moved('2026-12-01T04:00Z');
    const first = start(clock);
    clock.to('2026-12-01T04:00:01Z');
    first.end();
    clock.ms = at('2026-12-09T00:00Z');
    const other = start(clock, '0 3 8 * *');
    clock.to('2026-12-09T00:00:01Z');
    expect([first.done, other.done]).toEqual([[], []]);
  });

  it('comes again after a clock that was ahead is right, and not after a step of minutes', () => {
    const clock = new Moved('2027-12-01T02:59Z');
    const { done } = start(clock);
    clock.to('2026-12-01T02:59Z');
    clock.to('2026-12-01T03:00Z');
    clock.to('2026-12-01T02:58Z');
    clock.to('2026-12-01T03:00Z');
    expect(done).toEqual(['runs 2026-12-01T03:00:00.000Z']);
  });

  it.skipIf(process.platform === 'win32')(
    'is made up by a process that was stopped (SIGSTOP)',
    async () => {
      const due = new Date(Math.ceil(Date.now() / 1000) * 1000 + 24_000);
      const cron = `${due.getUTCSeconds()} ${due.getUTCMinutes()} ${due.getUTCHours()} * * *`;
      const program = `import { scheduleByCron } from ${JSON.stringify(join(import.meta.dirname, 'schedule.ts'))};
      scheduleByCron(${JSON.stringify(cron)}, ({ dueMs }) => console.log('runs ' + dueMs));
      console.log('started');`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let text = '';
      child.stdout.on('data', (data: Buffer) => (text += data.toString('utf8')));
      try {
        await expect.poll(() => text, { timeout: 20_000 }).toBe('started\n');
        child.kill('SIGSTOP');
        await new Promise((resolve) => setTimeout(resolve, due.getTime() + 3000 - Date.now()));
        expect(text).toBe('started\n');
        child.kill('SIGCONT');
        await expect.poll(() => text, { timeout: 20_000 }).toBe(`started\nruns ${due.getTime()}\n`);
      } finally {
        child.kill('SIGKILL');
      }
    },
    90_000,
  );
});
