import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activate } from '../../test/activate.ts';
import { addHalts, ALL_PAIRS, haltsPath, resume, type Halt } from '../../shared/bundle/halts.ts';
import { describeError } from '../../shared/errors.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import type { FileSystem, Scheduler } from '../../shared/ports.ts';
import { STOPS_UNREAD_MS, watchHalts } from './halt_watch.ts';

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
function open() {
  const printed: string[] = [];
  let work: (() => void) | null = null;
  let late: (() => void) | null = null;
  let reads = 0;
  /** The code of the next reads; null: they succeed. */
  const failing: { code: string | null } = { code: null };
  const scheduler: Scheduler = {
    afterTurn: () => undefined,
    after(ms, given) {
      expect(ms).toBe(STOPS_UNREAD_MS);
      late = given;
      return () => (late = null);
    },
    every(_ms, given) {
      work = given;
      return () => (work = null);
    },
  };
  const files: FileSystem = {
    ...MACHINE_FILES,
    read(path) {
      reads++;
      if (failing.code !== null) throw Object.assign(new Error(failing.code), { code: failing.code });
      return MACHINE_FILES.read(path);
    },
    // As it is of a folder that may not be entered.
    stat: (path) => (failing.code === 'EACCES' ? null : MACHINE_FILES.stat(path)),
  };
  const { stop } = watchHalts({
    modelsFolder: models,
    pollMs: 500,
    files,
    scheduler,
    onHalts: ({ halts }) => printed.push(`halted ${halts.map(({ pair_id }) => pair_id).join()}`),
    onRefused: (error) => printed.push(`refused ${describeError(error).code}`),
    onWithdrawn: () => printed.push('withdrawn'),
    onUnread: (error) => printed.push(`unread ${describeError(error).code}`),
    onReadAgain: () => printed.push('read again'),
  });
  /** The time for a file that cannot be read is over. */
  const pass = (): void => {
    late?.();
    late = null;
  };
  return { printed, reads: () => reads, failing, tick: () => work?.(), pass, stop };
}

describe('watchHalts', () => {
  it('delivers the contents each time the file changes, and reads one that is there only then', () => {
    const { printed, reads, tick, stop } = open();
    tick();
    tick();
    expect(reads()).toBe(2);
    addHalts(models, [halt('XAUUSD_XAGUSD')]);
    for (let i = 0; i < 3; i++) tick();
    addHalts(models, [halt(ALL_PAIRS)]);
    tick();
    resume(models, ALL_PAIRS, new Date());
    tick();
    expect(reads()).toBe(5);
    rmSync(haltsPath(models));
    tick();
    expect(printed).toEqual(['halted ', 'halted XAUUSD_XAGUSD', 'halted XAUUSD_XAGUSD,*', 'halted ', 'halted ']);
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
    tick();
    addHalts(models, [halt('XAUUSD_XAGUSD')]);
    failing.code = 'EIO';
    tick();
    tick();
    failing.code = null;
    tick();
    expect(printed).toEqual(['halted ', 'refused HALTS_FORMAT', 'withdrawn', 'halted XAUUSD_XAGUSD']);
  });
});

describe('a file that cannot be read', () => {
  const causes: readonly (readonly [string, (failing: { code: string | null }) => void, () => void])[] = [
    ...['EMFILE', 'ENFILE', 'EIO', 'EACCES', 'ESTALE'].map(
      (code) => [code, (failing: { code: string | null }) => void (failing.code = code), () => undefined] as const,
    ),
    ['a folder that is gone', () => renameSync(models, `${models}.gone`), () => renameSync(`${models}.gone`, models)],
  ];

  it.each(causes)('is told of after a while, once, until it can be read: %s', (_cause, begin, end) => {
    for (const isThere of [true, false]) {
      const { printed, failing, tick, pass } = open();
      if (isThere) addHalts(models, [halt('XAUUSD_XAGUSD')]);
      tick();
      printed.splice(0);
      begin(failing);
      // A change that the daemon would have to read.
      if (isThere && failing.code !== null) addHalts(models, [halt('EURUSD_GBPUSD')]);
      for (let i = 0; i < 3; i++) tick();
      expect(printed.splice(0)).toEqual(['refused HALTS_FORMAT']);
      pass();
      tick();
      pass();
      expect(printed.splice(0)).toEqual(['unread HALTS_FORMAT']);
      end();
      failing.code = null;
      tick();
      tick();
      expect(printed.slice(0, 2)).toEqual(['read again', 'withdrawn']);
      rmSync(haltsPath(models), { force: true });
    }
  });

  it('is no reason when it can be read again in time, nor when it is damaged', () => {
    const { printed, failing, tick, pass } = open();
    tick();
    failing.code = 'EMFILE';
    tick();
    failing.code = null;
    tick();
    writeFileSync(haltsPath(models), '{');
    tick();
    pass();
    expect(printed.filter((line) => /read/.test(line))).toEqual([]);
  });

  it('is told of at once by a process that has never read it', () => {
    const { printed, failing, tick } = open();
    failing.code = 'EACCES';
    tick();
    expect(printed).toEqual(['unread HALTS_FORMAT', 'refused HALTS_FORMAT']);
  });
});
