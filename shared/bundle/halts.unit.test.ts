import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { activate } from '../../test/activate.ts';
import { MACHINE_FILES } from '../files.ts';
import { addHalts, addStops, ALL_PAIRS, haltedPairs, readHalts, resume, resumedAt, type Halt } from './halts.ts';

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
