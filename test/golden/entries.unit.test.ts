import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { dumpPart, refuseOldDump } from './dump.ts';
import { condenseEntries, hashOf, withoutLongLists } from './entries.ts';
import { condensed, type GoldenPart } from './part.ts';

const folder = mkdtempSync(join(tmpdir(), 'minutehand-dump-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const WHOLE = { 'GET /a?b=1': { z: 1, a: [1, 2] }, 'models list': 'two\nlines' };
const partOf = (condense?: GoldenPart['condense']): GoldenPart => ({
  name: 'routes',
  what: '',
  measure: () => Promise.resolve(WHOLE),
  ...(condense && { condense }),
});

describe('the record of a bulky part', () => {
  it('has a line for each entry, which differs with anything but the order of names', () => {
    const part = partOf(condenseEntries((own, name) => `${name.length} ${hashOf(own)}`));
    expect(condensed(part, WHOLE)).toEqual({
      'GET /a?b=1': `10 ${hashOf({ a: [1, 2], z: 1 })}`,
      'models list': `11 ${hashOf('two\nlines')}`,
    });
    expect(hashOf({ a: [2, 1], z: 1 })).not.toBe(hashOf({ a: [1, 2], z: 1 }));
    expect(condensed(partOf(), WHOLE)).toBe(WHOLE);
  });

  it('has length and hash in place of a long list, at any depth', () => {
    const long = [1, 2, 3, 4];
    expect(withoutLongLists({ a: { b: long }, c: [{ d: long }, null] }, 3)).toEqual({
      a: { b: `4, ${hashOf(long)}` },
      c: [{ d: `4, ${hashOf(long)}` }, null],
    });
    expect(withoutLongLists(long, 4)).toEqual(long);
  });
});

describe('a dump', () => {
  it('is a file with sorted names, and of a bulky part one for each entry', () => {
    dumpPart(join(folder, 'all'), partOf(), WHOLE);
    expect(JSON.parse(readFileSync(join(folder, 'all', 'routes.json'), 'utf8'))).toEqual(WHOLE);
    const each = join(folder, 'each');
    dumpPart(
      each,
      partOf(() => null),
      WHOLE,
    );
    const own = join(each, 'routes');
    expect(readdirSync(own).sort()).toEqual(['GET_a_b=1.json', 'models_list.json']);
    const text = '{\n "a": [\n  1,\n  2\n ],\n "z": 1\n}\n';
    expect(readFileSync(join(own, 'GET_a_b=1.json'), 'utf8')).toBe(text);
  });

  it('is refused where there is one of another commit', () => {
    expect(() => refuseOldDump(join(folder, 'new'))).not.toThrow();
    dumpPart(join(folder, 'old'), partOf(), WHOLE);
    expect(() => refuseOldDump(join(folder, 'old'))).toThrow(RangeError);
  });
});
