import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activate } from '../../test/activate.ts';
import { MACHINE_FILES } from '../files.ts';
import type { FileSystem } from '../ports.ts';
import { buildProgram } from '../../test/program.ts';
import {
  addHalts,
  addStops,
  ALL_PAIRS,
  haltedPairs,
  haltsPath,
  liftStops,
  lostHalts,
  NO_HALTS,
  parseStanding,
  readHalts,
  resume,
  resumedAt,
  standingAfter,
  standingText,
  stoppedSubjects,
  type Halt,
  type Standing,
} from './halts.ts';
import { whenUnlocked } from '../process/home_lock.ts';

const FIRST = '20261101_0300';
const SECOND = '20261108_0300';
const NOW = new Date('2026-11-20T08:00:00.000Z');
const LATER = new Date('2026-11-21T08:00:00.000Z');
const GOLD = 'XAUUSD_XAGUSD';
const EURO = 'EURUSD_GBPUSD';

let root: string;
let models: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-halts-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  models = mkdtempSync(join(root, 'models-'));
  for (const version of [FIRST, SECOND]) {
    mkdirSync(join(models, version));
    writeFileSync(join(models, version, 'manifest.json'), '{}');
  }
  activate(models, FIRST);
});

function halt(pair_id: string, changes: Partial<Halt> = {}): Halt {
  return {
    pair_id,
    reason: 'win_rate',
    seen: '0.31 in 60 trades',
    limit: 'at least 0.4',
    version: FIRST,
    since: '2026-11-20T07:30:00.000Z',
    ...changes,
  };
}

const fileText = (): string => readFileSync(haltsPath(models), 'utf8');
const withCode = (code: string): Error => expect.objectContaining({ code }) as Error;

describe('halts.json', () => {
  it('means that nothing is halted when it is absent', () => {
    expect(readHalts(models)).toEqual(NO_HALTS);
    expect(readHalts(join(root, 'nowhere'))).toEqual(NO_HALTS);
  });

  it('has the documented format, and returns the added halts', () => {
    const halts = [halt(GOLD), halt(ALL_PAIRS, { reason: 'drawdown' })];
    expect(addHalts(models, halts)).toEqual(halts);
    expect(JSON.parse(fileText())).toEqual({ halts, resumed: [] });
    expect(readHalts(models)).toEqual({ halts, resumed: [] });
  });

  it('is written whole or not at all, and flushed, file and folder', () => {
    const calls: string[] = [];
    const inFolder = (path: string): string => path.slice(models.length).replace(/\.\d+\./, '.<pid>.');
    const files: FileSystem = {
      ...MACHINE_FILES,
      write(path, data) {
        calls.push(`write ${inFolder(path)}`);
        MACHINE_FILES.write(path, data);
      },
      sync(path) {
        calls.push(`sync ${inFolder(path)}`);
        MACHINE_FILES.sync(path);
      },
      rename(from, to) {
        calls.push(`rename ${inFolder(from)} ${inFolder(to)}`);
        MACHINE_FILES.rename(from, to);
      },
    };
    addHalts(models, [halt(GOLD)], files);
    const temporary = '/halts.json.<pid>.tmp';
    expect(calls).toEqual([`write ${temporary}`, `sync ${temporary}`, `rename ${temporary} /halts.json`, 'sync ']);
    expect(readdirSync(models).filter((name) => name.startsWith('halts'))).toEqual(['halts.json']);
  });

  it('is made durable by one who finds its halt there: who wrote it may have died before that', () => {
    const synced: string[] = [];
    const files = (folderSync: () => void): FileSystem => ({
      ...MACHINE_FILES,
      sync(path) {
        if (path === models) folderSync();
        synced.push(path);
      },
    });
    const killed = (): void => {
      throw new Error('killed');
    };
    expect(() => addHalts(models, [halt(GOLD)], files(killed))).toThrow('killed');
    synced.length = 0;
    expect(() => addHalts(models, [halt(GOLD)], files(killed))).toThrow('killed');
    expect(
      addHalts(
        models,
        [halt(GOLD)],
        files(() => undefined),
      ),
    ).toEqual([]);
    expect(synced).toEqual([models]);
  });

  it('stays as it was when the disk is full', () => {
    addHalts(models, [halt(GOLD)]);
    const before = fileText();
    const full: FileSystem = {
      ...MACHINE_FILES,
      write(path) {
        MACHINE_FILES.write(path, '{"hal');
        throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
      },
    };
    expect(() => addHalts(models, [halt(EURO)], full)).toThrow('ENOSPC');
    expect(fileText()).toBe(before);
  });

  it.each([
    ['torn', '{"halts":[{"pair_id":"XAUUSD_XAG'],
    ['empty', ''],
    ['of another form', '[]'],
    ['without the list of halts', '{"resumed":[]}'],
    ['without the list of what was resumed', '{"halts":[]}'],
    ['with an unknown key', '{"halts":[],"resumed":[],"more":1}'],
    ['with a halt that has an unknown key', JSON.stringify({ halts: [{ ...halt(GOLD), who: 'me' }], resumed: [] })],
    ['with an unknown reason', JSON.stringify({ halts: [{ ...halt(GOLD), reason: 'mood' }], resumed: [] })],
    ['with something that is no pair', JSON.stringify({ halts: [halt('XAUUSD')], resumed: [] })],
    ['with something that is no version', JSON.stringify({ halts: [halt(GOLD, { version: '1' })], resumed: [] })],
    ['with something that is no time', JSON.stringify({ halts: [halt(GOLD, { since: 'today' })], resumed: [] })],
  ])('is refused when it is %s, and nothing is added to it', (_what, text) => {
    writeFileSync(haltsPath(models), text);
    expect(() => readHalts(models)).toThrow(withCode('HALTS_FORMAT'));
    expect(() => addHalts(models, [halt(GOLD)])).toThrow(withCode('HALTS_FORMAT'));
    expect(() => resume(models, GOLD, NOW)).toThrow(withCode('HALTS_FORMAT'));
    expect(fileText()).toBe(text);
  });

  it('keeps a present halt unchanged, and is not written when there is nothing new', () => {
    addHalts(models, [halt(GOLD)]);
    const before = MACHINE_FILES.stat(haltsPath(models));
    expect(addHalts(models, [halt(GOLD, { seen: '0.2', since: NOW.toISOString() })])).toEqual([]);
    expect(addHalts(models, [])).toEqual([]);
    expect(MACHINE_FILES.stat(haltsPath(models))).toEqual(before);
    const others = [halt(GOLD, { reason: 'drawdown' }), halt(GOLD, { version: SECOND }), halt(EURO)];
    expect(addHalts(models, [halt(GOLD), ...others, ...others])).toEqual(others);
    expect(readHalts(models).halts).toEqual([halt(GOLD), ...others]);
  });
});

describe('halts of several processes', () => {
  it('are all kept, and one lifted meanwhile stays lifted', async () => {
    const program = await buildProgram('store_program');
    try {
      const writers = [1, 2].map(() => program.start(['halt', models, '12']));
      for (const writer of writers) expect(await writer.line()).toBe('open');
      for (let round = 0; round < 6; round++) {
        await whenUnlocked(() => addHalts(models, [halt(GOLD)]));
        expect(await whenUnlocked(() => resume(models, GOLD, NOW))).toEqual([halt(GOLD)]);
      }
      for (const writer of writers) expect(await writer.ended).toBe(0);
      const { halts, resumed } = readHalts(models);
      expect(halts).toHaveLength(24);
      expect(resumed).toHaveLength(1);
    } finally {
      await program.remove();
    }
  });

  it('do not return for figures that were read before they were lifted', () => {
    addHalts(models, [halt(GOLD)]);
    resume(models, GOLD, NOW);
    expect(addHalts(models, [halt(GOLD)], MACHINE_FILES, NOW.getTime())).toEqual([]);
    expect(addHalts(models, [halt(GOLD)], MACHINE_FILES, NOW.getTime() - 1)).toEqual([]);
    expect(addHalts(models, [halt(GOLD), halt(EURO)], MACHINE_FILES, NOW.getTime() + 1)).toEqual([
      halt(GOLD),
      halt(EURO),
    ]);
  });
});

describe('a halt', () => {
  it('counts while its version is active, and for its pair; * counts for all', () => {
    const halts = [halt(GOLD), halt(ALL_PAIRS, { version: SECOND }), halt(EURO, { version: SECOND })];
    const first = haltedPairs(halts, FIRST);
    expect([first(GOLD), first(EURO)]).toEqual([halts[0], null]);
    const second = haltedPairs(halts, SECOND);
    expect([second(GOLD), second(EURO)]).toEqual([halts[1], halts[2]]);
    expect(haltedPairs(halts, '20261115_0300')(GOLD)).toBeNull();
    expect(haltedPairs(halts, null)(GOLD)).toBeNull();
  });

  it('has one text for each set of equivalent halts, and the text restores it', () => {
    const pair = fc.constantFrom<string>(ALL_PAIRS, GOLD, EURO, 'US30.CASH_US500', 'XAUUSD_XAGUSD@1h');
    const halted = { pair_id: pair, version: fc.constantFrom<string>(FIRST, SECOND, `${FIRST}_2`) };
    const at = fc.constantFrom(NOW.toISOString(), LATER.toISOString());
    const standing = fc.record({
      halts: fc.array(fc.record(halted)),
      resumed: fc.array(fc.record({ ...halted, at })),
    });
    fc.assert(
      fc.property(standing, standing, (one, other) => {
        const setOf = ({ halts, resumed }: Standing): string[] => {
          const rows = [...halts, ...resumed].map((row) => [row.pair_id, row.version, 'at' in row ? row.at : '']);
          return [...new Set(rows.map((row) => JSON.stringify(row)))].sort();
        };
        expect(setOf(parseStanding(standingText(one)))).toEqual(setOf(one));
        expect(standingText(one) === standingText(other)).toBe(setOf(one).join() === setOf(other).join());
      }),
    );
  });
});

describe('the text of a halt', () => {
  it('names a pair of a longer timeframe, whose id has an @ of its own', () => {
    const pair_id = `${EURO}@5m`;
    const standing: Standing = {
      halts: [{ pair_id, version: FIRST }],
      resumed: [{ pair_id, version: FIRST, at: NOW.toISOString() }],
    };
    expect(parseStanding(standingText(standing))).toEqual(standing);
  });
});

describe('the active halts after a read of halts.json', () => {
  const standing = (): Standing => standingAfter(NO_HALTS, readHalts(models));

  it('are those of the file, and those that it lost without a resume record', () => {
    addHalts(models, [halt(GOLD)]);
    const known = standing();
    for (const lose of [() => rmSync(haltsPath(models)), () => addHalts(models, [halt(EURO)])]) {
      lose();
      const after = standingAfter(known, readHalts(models));
      expect(haltedPairs(after.halts, FIRST)(GOLD)).toMatchObject({ pair_id: GOLD });
      expect(lostHalts(after.halts, readHalts(models))).toMatchObject([{ pair_id: GOLD, version: FIRST }]);
    }
  });

  it.each([GOLD, ALL_PAIRS])('is without a lost halt as soon as a person lifts %s', (lifted) => {
    addHalts(models, [halt(GOLD)]);
    const known = standing();
    rmSync(haltsPath(models));
    const kept = standingAfter(known, readHalts(models));
    resume(models, lifted, NOW);
    expect(standingAfter(kept, readHalts(models)).halts).toEqual([]);
  });

  it('keeps a lost halt against an earlier resume record, whatever the clock showed', () => {
    addHalts(models, [halt(GOLD)]);
    resume(models, GOLD, LATER);
    const withoutHalt = readHalts(models);
    addHalts(models, [halt(GOLD)]);
    const known = standing();
    const kept = standingAfter(known, withoutHalt);
    expect(kept.halts).toMatchObject([{ pair_id: GOLD }]);
    expect(standingAfter(standingAfter(kept, NO_HALTS), withoutHalt).halts).toMatchObject([{ pair_id: GOLD }]);
    writeFileSync(haltsPath(models), JSON.stringify(withoutHalt));
    resume(models, GOLD, NOW);
    expect(standingAfter(kept, readHalts(models)).halts).toEqual([]);
  });

  it('keeps a lost halt of another version or pair than the one that is lifted', () => {
    addHalts(models, [halt(GOLD), halt(EURO), halt(GOLD, { version: SECOND })]);
    const known = standing();
    rmSync(haltsPath(models));
    resume(models, GOLD, NOW);
    expect(standingAfter(known, readHalts(models)).halts).toMatchObject([
      { pair_id: EURO, version: FIRST },
      { pair_id: GOLD, version: SECOND },
    ]);
  });
});

describe('resume', () => {
  it('lifts the halts of one pair under the active version, and records the time', () => {
    addHalts(models, [halt(GOLD), halt(GOLD, { reason: 'drawdown' }), halt(EURO), halt(GOLD, { version: SECOND })]);
    expect(resume(models, GOLD, NOW)).toEqual([halt(GOLD), halt(GOLD, { reason: 'drawdown' })]);
    expect(readHalts(models)).toEqual({
      halts: [halt(EURO), halt(GOLD, { version: SECOND })],
      resumed: [{ pair_id: GOLD, version: FIRST, at: NOW.toISOString() }],
    });
  });

  it('of one pair does not lift a halt of all, and of all lifts every one of the active version', () => {
    addHalts(models, [halt(ALL_PAIRS), halt(EURO), halt(EURO, { version: SECOND })]);
    expect(resume(models, GOLD, NOW)).toEqual([]);
    expect(resume(models, ALL_PAIRS, NOW)).toHaveLength(2);
    expect(readHalts(models).halts).toEqual([halt(EURO, { version: SECOND })]);
  });

  it('keeps the halts of another version', () => {
    addHalts(models, [halt(GOLD)]);
    activate(models, SECOND);
    expect(resume(models, ALL_PAIRS, NOW)).toEqual([]);
    activate(models, FIRST);
    expect(resume(models, ALL_PAIRS, NOW)).toEqual([halt(GOLD)]);
  });

  it('is recorded even without a halt in the file, because a daemon may have halts that the file lost', () => {
    expect(resume(models, ALL_PAIRS, NOW)).toEqual([]);
    expect(readHalts(models)).toEqual({
      halts: [],
      resumed: [{ pair_id: ALL_PAIRS, version: FIRST, at: NOW.toISOString() }],
    });
  });

  it('of all replaces a damaged file', () => {
    writeFileSync(haltsPath(models), '{"halts":[');
    expect(resume(models, ALL_PAIRS, NOW)).toEqual([]);
    expect(readHalts(models)).toEqual({
      halts: [],
      resumed: [{ pair_id: ALL_PAIRS, version: FIRST, at: NOW.toISOString() }],
    });
  });

  it('requires an active version', () => {
    rmSync(join(models, 'active.json'));
    expect(() => resume(models, ALL_PAIRS, NOW)).toThrow(withCode('MODEL_MISSING'));
  });

  it('is recorded once for a pair and version, by its last time, of the pair or of all', () => {
    addHalts(models, [halt(GOLD)]);
    resume(models, GOLD, NOW);
    expect(resumedAt(readHalts(models), GOLD, FIRST)).toEqual(NOW);
    expect(resumedAt(readHalts(models), GOLD, SECOND)).toBeNull();
    expect(resumedAt(readHalts(models), EURO, FIRST)).toBeNull();
    addHalts(models, [halt(GOLD)]);
    resume(models, GOLD, LATER);
    expect(readHalts(models).resumed).toEqual([{ pair_id: GOLD, version: FIRST, at: LATER.toISOString() }]);
    addHalts(models, [halt(EURO)]);
    // The clock was set back: readers take no note that is older than the last.
    resume(models, ALL_PAIRS, NOW);
    const later = new Date(LATER.getTime() + 1);
    expect(readHalts(models).resumed).toEqual([{ pair_id: ALL_PAIRS, version: FIRST, at: later.toISOString() }]);
    expect(resumedAt(readHalts(models), EURO, FIRST)).toEqual(later);
  });
});

describe('stops by a person', () => {
  const order = { kind: 'entries', reason: 'FOMC', by: 'ann' } as const;
  const standing = (known = parseStanding('')) => standingAfter(known, readHalts(models));

  it('of a subject or all count under every version, each kind once, and closing before stopping', () => {
    expect(addStops(models, [EURO, EURO], order, NOW)).toHaveLength(1);
    expect(addStops(models, [EURO], { ...order, reason: 'later' }, NOW)).toEqual([]);
    addStops(models, ['XAUUSD@5m'], { ...order, kind: 'close' }, NOW);
    const known = parseStanding(standingText(standing()));
    const stopOf = stoppedSubjects(known.halts);
    expect([EURO, 'XAUUSD@5m', 'XAUUSD'].map((id) => stopOf(id))).toEqual(['entries', 'close', null]);
    expect(haltedPairs(known.halts, FIRST)(EURO)).toBeNull();
    addStops(models, [ALL_PAIRS], { ...order, kind: 'close' }, NOW);
    expect(stoppedSubjects(standing().halts)(EURO)).toBe('close');
  });

  it('stay when the file loses them, until a person lifts them; one of all is lifted for all only', () => {
    addStops(models, [ALL_PAIRS], order, NOW);
    const known = standing();
    rmSync(haltsPath(models));
    expect(stoppedSubjects(standing(known).halts)(EURO)).toBe('entries');
    addStops(models, [ALL_PAIRS], order, NOW);
    expect(() => liftStops(models, [EURO], NOW)).toThrow(expect.objectContaining({ code: 'STOP_OF_ALL' }));
    expect(liftStops(models, [ALL_PAIRS], NOW)).toHaveLength(1);
    expect(stoppedSubjects(standing(known).halts)(EURO)).toBeNull();
  });

  it('leave halts by a live KPI as they are, which do the same with them', () => {
    activate(models, FIRST);
    addStops(models, [EURO], order, NOW);
    resume(models, ALL_PAIRS, NOW);
    expect(readHalts(models).stops).toMatchObject([{ pair_id: EURO }]);
    liftStops(models, [EURO], NOW);
    expect(readHalts(models).resumed.map(({ version }) => version)).toEqual([FIRST, '*']);
  });
});
