import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { activate } from '../../test/activate.ts';
import { MACHINE_FILES } from '../files.ts';
import {
  addFromFile,
  addHalts,
  addStops,
  liftStops,
  ALL_PAIRS,
  haltedPairs,
  readHalts,
  resume,
  resumedAt,
  type Halt,
} from './halts.ts';

const VERSION = '20261101_0300';
const OTHER = '20261101_0400';
const AT = new Date('2026-11-20T08:00:00.000Z');

let models: string;
beforeEach(() => {
  models = mkdtempSync(join(tmpdir(), 'minutehand-halts-'));
  mkdirSync(join(models, VERSION));
  writeFileSync(join(models, VERSION, 'manifest.json'), '{}');
  activate(models, VERSION);
});
afterEach(() => rmSync(models, { recursive: true, force: true }));

function halt(pair_id: string, version = VERSION, reason: Halt['reason'] = 'drawdown'): Halt {
  return { pair_id, reason, seen: '0.21', limit: '0.15', version, since: '2026-11-20T07:30:00.000Z' };
}

const idsOf = (halts: readonly Halt[]): string[] => halts.map(({ pair_id, version }) => `${pair_id} ${version}`);

describe('figures that were read before a person resumed', () => {
  it('halt nothing again: of a pair or of all, and under this version alone', () => {
    const seenAt = AT.getTime();
    resume(models, 'A_B', AT);
    expect(idsOf(addHalts(models, [halt('A_B'), halt('C_D'), halt('A_B', OTHER)], MACHINE_FILES, seenAt))).toEqual([
      `C_D ${VERSION}`,
      `A_B ${OTHER}`,
    ]);
    expect(idsOf(addHalts(models, [halt('A_B')], MACHINE_FILES, seenAt + 1))).toEqual([`A_B ${VERSION}`]);
    const later = new Date(seenAt + 60_000);
    resume(models, ALL_PAIRS, later);
    expect(addHalts(models, [halt('A_B'), halt('C_D')], MACHINE_FILES, later.getTime())).toEqual([]);
    expect(idsOf(readHalts(models).halts)).toEqual([`A_B ${OTHER}`]);
    expect(resumedAt(readHalts(models), 'X_Y', VERSION)).toEqual(later);
    expect(resumedAt(readHalts(models), 'X_Y', OTHER)).toBeNull();
  });
});

describe('halts of one pair', () => {
  it('are added once for each reason and version, and keep their first time', () => {
    const again = { ...halt('A_B'), since: '2026-11-20T09:00:00.000Z' };
    expect(addHalts(models, [halt('A_B'), again])).toEqual([halt('A_B')]);
    expect(addHalts(models, [again, halt('A_B', VERSION, 'win_rate')])).toEqual([halt('A_B', VERSION, 'win_rate')]);
    expect(readHalts(models).halts).toEqual([halt('A_B'), halt('A_B', VERSION, 'win_rate')]);
  });

  it('are lifted alone: not those of all, of others, of other versions, nor a person’s stops', () => {
    addHalts(models, [halt('A_B'), halt('A_B', OTHER), halt('C_D'), halt(ALL_PAIRS)]);
    const [stop] = addStops(models, ['A_B'], { kind: 'entries', reason: 'news', by: 'ann' }, AT);
    expect(resume(models, 'A_B', AT)).toEqual([halt('A_B')]);
    expect(readHalts(models).halts).toEqual([halt('A_B', OTHER), halt('C_D'), halt(ALL_PAIRS)]);
    expect(readHalts(models).stops).toEqual([stop]);
    // The next note of the same pair replaces the first one, and is later by the millisecond that readers need.
    resume(models, 'A_B', AT);
    resume(models, 'C_D', AT);
    expect(readHalts(models).resumed.map(({ pair_id, at }) => [pair_id, Date.parse(at) - AT.getTime()])).toEqual([
      ['A_B', 1],
      ['C_D', 0],
    ]);
  });

  it('are shown before one of all pairs, which stands for the rest', () => {
    const own = halt('A_B', VERSION, 'win_rate');
    const all = halt(ALL_PAIRS);
    const haltOf = haltedPairs([all, own, halt('A_B'), halt('E_F', OTHER)], VERSION);
    expect([haltOf('A_B'), haltOf('C_D')]).toEqual([own, all]);
    expect(haltedPairs([halt('E_F', OTHER)], VERSION)('E_F')).toBeNull();
    expect(haltedPairs([halt('A_B')], null)('A_B')).toBeNull();
  });
});

describe('what another halts.json says', () => {
  const LATER = new Date(AT.getTime() + 60_000);
  const halt: Halt = {
    pair_id: 'XAUUSD_XAGUSD',
    reason: 'drawdown',
    seen: '6 %',
    limit: '5 %',
    version: VERSION,
    since: AT.toISOString(),
  };
  const stop = { pair_id: '*', kind: 'entries', reason: 'a drill', by: 'ann', since: AT.toISOString() };
  const other = JSON.stringify({ halts: [halt], resumed: [], stops: [stop] });

  it('counts beside what a folder has, once', () => {
    addStops(models, ['*'], { kind: 'close', reason: '', by: 'bob' }, AT);
    expect(addFromFile(models, other)).toBe(true);
    expect(readHalts(models)).toMatchObject({ halts: [halt], stops: [{ by: 'bob' }, stop] });
    expect(addFromFile(models, other)).toBe(false);
  });

  it('comes into a folder without any', () => {
    expect(addFromFile(models, other)).toBe(true);
    expect(readHalts(models)).toEqual({ halts: [halt], resumed: [], stops: [stop] });
  });

  it('does not bring back what the folder has lifted since, and brings back what came later', () => {
    activate(models, VERSION);
    resume(models, halt.pair_id, LATER);
    liftStops(models, ['*'], LATER);
    expect(addFromFile(models, other)).toBe(false);
    const since = new Date(LATER.getTime() + 1).toISOString();
    const later = { halts: [{ ...halt, since }], resumed: [], stops: [{ ...stop, since }] };
    expect(addFromFile(models, JSON.stringify(later))).toBe(true);
    expect(readHalts(models)).toMatchObject({ halts: [{ since }], stops: [{ since }] });
  });

  it.each(['', '{"halts": 1}', '[]'])('is refused where it is damaged: %j', (text) => {
    expect(() => addFromFile(models, text)).toThrow(expect.objectContaining({ code: 'HALTS_FORMAT' }));
  });
});
