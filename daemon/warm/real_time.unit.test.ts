import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { runChild } from '../threads/child_program.fixture.ts';
import { MAY_BE_REAL_TIME, REAL_TIME_NOTE, scheduling } from './real_time.fixture.ts';
import { RealTime } from './real_time.ts';

const NORMAL = { policy: 'other', priority: 0 };
const REAL = { policy: 'fifo', priority: 1 };

it.skipIf(!MAY_BE_REAL_TIME)(`gives this thread the lowest real-time priority until its end${REAL_TIME_NOTE}`, () => {
  const realTime = new RealTime();
  expect(scheduling()).toEqual(NORMAL);
  for (let round = 0; round < 2; round++) {
    realTime.begin();
    realTime.begin();
    expect(scheduling()).toEqual(REAL);
    realTime.end();
    realTime.end();
    expect(scheduling()).toEqual(NORMAL);
  }
});

it.skipIf(!MAY_BE_REAL_TIME)(`leaves new threads and processes at normal priority${REAL_TIME_NOTE}`, async () => {
  const realTime = new RealTime();
  realTime.begin();
  try {
    const read = `require('node:fs').readFileSync('/proc/thread-self/stat', 'latin1').split(') ')[1].split(' ')[38]`;
    const worker = new Worker(`require('node:worker_threads').parentPort.postMessage(${read})`, { eval: true });
    expect(await once(worker, 'message')).toEqual(['0']);
    expect(spawnSync(process.execPath, ['-p', read], { encoding: 'utf8' }).stdout).toBe('0\n');
  } finally {
    realTime.end();
  }
});

it('is refused where it would take every processor', () => {
  expect(() => new RealTime(1, 1)).toThrow('1 processors for 1 threads');
  expect(() => new RealTime(4, 4)).toThrow('4 processors for 4 threads');
});

const isRoot = process.getuid!() === 0;
it.skipIf(!isRoot || !MAY_BE_REAL_TIME)(`is refused without the right to it${REAL_TIME_NOTE}`, () => {
  const work = "import { RealTime } from './real_time.ts'; new RealTime();";
  const launcher = ['setpriv', '--bounding-set=-sys_nice', 'prlimit', '--rtprio=0'] as const;
  const { stderr, status } = runChild(work, import.meta.url, launcher);
  expect([status, stderr]).toEqual([1, expect.stringContaining('Error: sched_setscheduler: EPERM\n')]);
});
