import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { dumpPart, refuseOldDump } from './dump.ts';
import type { GoldenPart } from './part.ts';

const folder = mkdtempSync(join(tmpdir(), 'minutehand-dump-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const WHOLE = { 'GET /a?b=1': { z: 1, a: { d: [1, 2], c: 0 } }, 'models list': 'two\nlines' };
const PART: GoldenPart = { name: 'routes', what: '', measure: () => Promise.resolve(WHOLE) };

describe('a dump', () => {
  it('has a file with sorted names for each entry of the record', () => {
    dumpPart(join(folder, 'members'), PART, WHOLE);
    const members = join(folder, 'members', 'routes');
    expect(readdirSync(members).sort()).toEqual(['GET_a_b=1.json', 'models_list.json']);
    const text = '{\n "a": {\n  "c": 0,\n  "d": [\n   1,\n   2\n  ]\n },\n "z": 1\n}\n';
    expect(readFileSync(join(members, 'GET_a_b=1.json'), 'utf8')).toBe(text);
    dumpPart(join(folder, 'deeper'), { ...PART, depth: 2 }, WHOLE);
    const deeper = readdirSync(join(folder, 'deeper', 'routes')).sort();
    expect(deeper).toEqual(['GET_a_b=1_a.json', 'GET_a_b=1_z.json', 'models_list.json']);
  });

  it('is refused where there is one of another commit', () => {
    expect(() => refuseOldDump(join(folder, 'new'))).not.toThrow();
    dumpPart(join(folder, 'old'), PART, WHOLE);
    expect(() => refuseOldDump(join(folder, 'old'))).toThrow(RangeError);
  });
});
