import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openKeptWays, type WayFiles } from './kept_ways.ts';
import { hintedDays, instrumentOf, PLAN } from './small_markets.fixture.ts';
import { trainDirection } from './train_direction.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'kept-ways-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(training: unknown, surroundings: unknown = null): WayFiles {
  return openKeptWays({ folder, maxBytes: 1e9, training, surroundingsOf: () => surroundings });
}

it('kept ways are what was measured, examined rows and answers included, of the same training alone', async () => {
  const instruments = [instrumentOf(hintedDays('ONE', 0.5, 1))];
  const { others } = await trainDirection(
    instruments,
    { ...PLAN, isExamined: true, balances: ['none'] },
    () => undefined,
  );
  const [measured] = others;
  open('a').write('none', 1, measured!);
  expect(readdirSync(folder)).toHaveLength(1);
  expect(open('a').read('none', 1)).toEqual(measured);
  expect(open('a').read('none', 1)!.examined!.losses).toBeInstanceOf(Float64Array);
  expect(open('b').read('none', 1)).toBeNull();
  expect(open('a').read('none', 2)).toBeNull();
  expect(open('a').read('mirror', 1)).toBeNull();
  expect(open('a', ['another library']).read('none', 1)).toBeNull();
  // Of a league that knows no examined ways.
  const { examined: _, ...plain } = measured!;
  open('c').write('none', 1, plain);
  expect(open('c').read('none', 1)).toEqual(plain);
});
