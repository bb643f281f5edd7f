import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { anySchema } from '../../../shared/bundle/any_schema.fixture.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { writeRandomBundle } from '../../../shared/bundle/random_bundle.fixture.ts';
import type { Trade } from '../trades/backtest.ts';
import { countLook, looksPath } from './holdout_looks.ts';

const HOLDOUT = { market: 'live', from: '2024-01-01T00:00:00Z', to: '2024-02-01T00:00:00Z' } as const;

const trade = (netBps: number): Trade => ({
  pairId: 'EURUSD_GBPUSD',
  side: 1,
  entryTime: 600 as OpenTime,
  exitTime: 1200 as OpenTime,
  reason: 'Z_EXIT',
  grossBps: netBps + 1,
  netBps,
});

let models: string;
beforeEach(() => (models = mkdtempSync(join(tmpdir(), 'minutehand-looks-'))));
afterEach(() => rmSync(models, { recursive: true, force: true }));

describe('looks at a holdout', () => {
  it('are counted per holdout and by their trades, over restarts', () => {
    expect(countLook(models, HOLDOUT, [trade(1)])).toBe(1);
    expect(countLook(models, HOLDOUT, [trade(2)])).toBe(2);
    expect(countLook(models, HOLDOUT, [trade(1)])).toBe(1);
    expect(countLook(models, HOLDOUT, [trade(1), trade(2)])).toBe(3);
    expect(countLook(models, HOLDOUT, [trade(2), trade(1)])).toBe(3);
    expect(countLook(models, { ...HOLDOUT, market: 'simulated' }, [trade(3)])).toBe(1);
    expect(countLook(models, HOLDOUT, [trade(3)])).toBe(4);
  });

  it('go on where the holdout is moved, shortened or lengthened by a little, and begin anew with a later one', () => {
    const at = (from: string, to: string) => ({ ...HOLDOUT, from: `${from}:00Z`, to: `${to}:00Z` });
    const moved = [
      at('2024-01-01T00:01', '2024-02-01T00:00'),
      at('2024-01-02T00:00', '2024-02-02T00:00'),
      at('2024-01-01T00:00', '2024-02-03T00:00'),
      at('2024-01-10T00:00', '2024-01-20T00:00'),
    ];
    expect(countLook(models, HOLDOUT, [trade(0)])).toBe(1);
    expect(moved.map((holdout, i) => countLook(models, holdout, [trade(i + 1)]))).toEqual([2, 3, 4, 5]);
    // An eighth of it is new to each of the earlier ones.
    const later = at('2024-01-06T00:00', '2024-02-07T00:00');
    expect([countLook(models, later, [trade(9)]), countLook(models, later, [trade(10)])]).toEqual([1, 2]);
    // Without the file, bundles have looked at nearly the same holdout.
    rmSync(looksPath(models));
    const manifest = join(
      writeRandomBundle(models, { schema: anySchema(3), trees: 1, leaves: 2, seed: 'looks' }),
      'manifest.json',
    );
    const own = JSON.parse(readFileSync(manifest, 'utf8')) as Manifest;
    const period = { from: '2023-06-01T00:00Z', to: '2024-02-01T00:00Z', holdout_from: '2024-01-01T00:00Z' };
    writeFileSync(manifest, JSON.stringify({ ...own, period }));
    const next = { market: own.market, from: '2024-01-01T00:01:00Z', to: '2024-02-01T00:01:00Z' };
    expect(countLook(models, next, [trade(1)])).toBe(2);
  });

  it('are those of the bundles in the folder, where the file is lost or bundles came from elsewhere', () => {
    const path = writeRandomBundle(models, { schema: anySchema(3), trees: 1, leaves: 2, seed: 'looks' });
    const manifest = join(path, 'manifest.json');
    const own = JSON.parse(readFileSync(manifest, 'utf8')) as Manifest;
    const holdout = { market: own.market, from: own.period.holdout_from, to: own.period.to };
    writeFileSync(manifest, JSON.stringify({ ...own, holdout_look: { look: 4, level: 0.01 / 12 } }));
    expect(countLook(models, holdout, [trade(1)])).toBe(5);
    rmSync(looksPath(models));
    expect(countLook(models, holdout, [trade(1)])).toBe(5);
    expect(countLook(models, HOLDOUT, [trade(1)])).toBe(1);
  });

  it('are not lost with a damaged file, which is refused and kept', () => {
    countLook(models, HOLDOUT, [trade(1)]);
    for (const damaged of ['{', '[]', '{"a": [{"trades": 1, "look": 1}]}']) {
      writeFileSync(looksPath(models), damaged);
      expect(() => countLook(models, HOLDOUT, [trade(2)])).toThrow(expect.objectContaining({ code: 'LOOKS_FORMAT' }));
      expect(readFileSync(looksPath(models), 'utf8')).toBe(damaged);
    }
  });
});
