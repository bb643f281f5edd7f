import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activate } from '../../test/activate.ts';
import { addHalts, ALL_PAIRS, haltsPath, resume, type Halt } from '../../shared/bundle/halts.ts';
import { describeError } from '../../shared/errors.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import type { FileSystem, Scheduler } from '../../shared/ports.ts';
import { watchHalts } from './halt_watch.ts';

const VERSION = '20261101_0300';

let root: string;
let models: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-halt-watch-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  models = mkdtempSync(join(root, 'models-'));
  mkdirSync(join(models, VERSION));
  writeFileSync(join(models, VERSION, 'manifest.json'), '{}');
  activate(models, VERSION);
});

function halt(pair_id: string): Halt {
  return {
    pair_id,
    reason: 'drawdown',
    seen: '0.21',
    limit: '0.15',
    version: VERSION,
    since: '2026-11-20T07:30:00.000Z',
  };
}

/** A watch with a manual timer, its output, and its number of reads. */
function open(): { printed: string[]; reads: () => number; failing: { reads: boolean }; tick(): void; stop(): void } {
  const printed: string[] = [];
  let work: (() => void) | null = null;
  let reads = 0;
  const failing = { reads: false };
  const scheduler: Scheduler = {
    afterTurn: () => undefined,
    after: () => () => undefined,
    every(_ms, given) {
      work = given;
      return () => (work = null);
    },
  };
  const files: FileSystem = {
    ...MACHINE_FILES,
    read(path) {
      reads++;
      if (failing.reads) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
      return MACHINE_FILES.read(path);
    },
  };
  const { stop } = watchHalts({
    modelsFolder: models,
    pollMs: 500,
    files,
    scheduler,
    onHalts: ({ halts }) => printed.push(`halted ${halts.map(({ pair_id }) => pair_id).join()}`),
    onRefused: (error) => printed.push(`refused ${describeError(error).code}`),
    onWithdrawn: () => printed.push('withdrawn'),
  });
  return { printed, reads: () => reads, failing, tick: () => work?.(), stop };
}

describe('watchHalts', () => {
  it('delivers the contents each time the file changes, and reads it only then', () => {
    const { printed, reads, tick, stop } = open();
    tick();
    tick();
    addHalts(models, [halt('XAUUSD_XAGUSD')]);
    for (let i = 0; i < 3; i++) tick();
    addHalts(models, [halt(ALL_PAIRS)]);
    tick();
    resume(models, ALL_PAIRS, new Date());
    tick();
    rmSync(haltsPath(models));
    tick();
    expect(printed).toEqual(['halted ', 'halted XAUUSD_XAGUSD', 'halted XAUUSD_XAGUSD,*', 'halted ', 'halted ']);
    expect(reads()).toBe(3);
    stop();
    addHalts(models, [halt(ALL_PAIRS)]);
    tick();
    expect(printed).toHaveLength(5);
  });

  it('keeps the last halts when the file is damaged, reports that once, and reports when it is whole again', () => {
    const { printed, tick } = open();
    addHalts(models, [halt('XAUUSD_XAGUSD')]);
    tick();
    const whole = readFileSync(haltsPath(models));
    for (const text of ['{"halts":[{"pair_id"', '', '{"halts":[]}']) {
      writeFileSync(haltsPath(models), text);
      tick();
      tick();
    }
    expect(printed.splice(0)).toEqual(['halted XAUUSD_XAGUSD', 'refused HALTS_FORMAT']);
    writeFileSync(haltsPath(models), whole);
    tick();
    expect(printed.splice(0)).toEqual(['withdrawn', 'halted XAUUSD_XAGUSD']);
    writeFileSync(haltsPath(models), '{');
    tick();
    rmSync(haltsPath(models));
    tick();
    expect(printed).toEqual(['refused HALTS_FORMAT', 'withdrawn', 'halted ']);
  });

  it('retries bytes that could not be read', () => {
    const { printed, failing, tick } = open();
    addHalts(models, [halt('XAUUSD_XAGUSD')]);
    failing.reads = true;
    tick();
    tick();
    failing.reads = false;
    tick();
    expect(printed).toEqual(['refused HALTS_FORMAT', 'withdrawn', 'halted XAUUSD_XAGUSD']);
  });
});
