import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fitTrace, type TracedFit } from './fit_trace.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-trace-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const fit = (change: Partial<TracedFit>): TracedFit => ({
  key: 'a'.repeat(64),
  learner: 'gbdt',
  isKnown: false,
  maker: 'near/1',
  seconds: 2,
  askedMs: 10_000,
  settledMs: 13_000,
  ...change,
});

it('counts fits and seconds by worker, the busiest first, and the known ones apart', () => {
  const trace = fitTrace();
  expect(trace.lines()).toEqual([]);
  trace.note(fit({ seconds: 1.25 }));
  trace.note(fit({ maker: 'far/2', seconds: 1 }));
  trace.note(fit({ maker: 'far/2', seconds: 1 }));
  trace.note(fit({ maker: 'old/3', seconds: null }));
  trace.note(fit({ maker: 'far/2', isKnown: true, seconds: 90 }));
  expect(trace.lines()).toEqual([
    'far/2: 2 fits in 2.0 s',
    'near/1: 1 fit in 1.3 s',
    'old/3: 1 fit in 0.0 s',
    '1 fit not done: the result was known',
  ]);
});

it('writes a row for each worker, with the fits that it did and how long they had waited', () => {
  const trace = fitTrace();
  const path = join(folder, 'traces', '1.json');
  expect([trace.write(path), existsSync(path)]).toEqual([false, false]);
  trace.note(fit({}));
  trace.note(fit({ maker: 'far/2', learner: 'logistic', seconds: 60 })); // a clock that is wrong
  trace.note(fit({ maker: 'far/2', isKnown: true }));
  expect(trace.write(path)).toBe(true);
  const { traceEvents } = JSON.parse(readFileSync(path, 'utf8')) as { traceEvents: unknown[] };
  const key = 'a'.repeat(64);
  expect(traceEvents).toEqual([
    { name: 'thread_name', ph: 'M', pid: 1, tid: 1, args: { name: 'near/1' } },
    { name: 'thread_name', ph: 'M', pid: 1, tid: 2, args: { name: 'far/2' } },
    {
      name: 'gbdt',
      cat: 'fit',
      pid: 1,
      tid: 1,
      ph: 'X',
      ts: 11_000_000,
      dur: 2_000_000,
      args: { key, waited_ms: 1000 },
    },
    {
      name: 'logistic',
      cat: 'fit',
      pid: 1,
      tid: 2,
      ph: 'X',
      ts: 10_000_000,
      dur: 3_000_000,
      args: { key, waited_ms: 0 },
    },
    { name: 'gbdt', cat: 'known', pid: 1, tid: 2, ph: 'i', ts: 13_000_000, s: 't', args: { key } },
  ]);
});

it('keeps the newest twenty files', () => {
  const trace = fitTrace();
  trace.note(fit({}));
  for (let n = 10; n < 35; n++) trace.write(join(folder, `${n}.json`));
  expect(readdirSync(folder).sort()).toEqual(Array.from({ length: 20 }, (_, i) => `${15 + i}.json`));
});
