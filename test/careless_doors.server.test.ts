import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { OpenTime } from '../shared/bar.ts';
import { columnsOf, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { writeRandomBundle } from '../shared/bundle/random_bundle.fixture.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { barsOf } from './careless_bars.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

/** Four weeks. */
const MINUTES = 29_000;
const PAIR = 'EURUSD_GBPUSD';

let place: Workplace;
let models: string;
beforeAll(async () => {
  place = createWorkplace({ minutehand: { pairs: [PAIR] } });
  const recorded = tinyBars(place.settings, MINUTES);
  const late = (columns: BarColumns): BarColumns =>
    columnsOf(
      columns.symbol,
      barsOf(columns).map((bar) => ({ ...bar, time: (bar.time + 3 * 3600) as OpenTime })),
    );
  await place.writeBars('right', new Map(recorded));
  await place.writeBars('late', new Map([...recorded].map(([symbol, columns]) => [symbol, late(columns)])));
  const schema = featureSchema(place.settings.minutehand.windows);
  models = writeRandomBundle(join(place.folder, 'random'), { schema, trees: 5, leaves: 4, seed: '1', pairs: [PAIR] });
});
afterAll(() => place.remove());

const commands = (): Readonly<Record<string, readonly string[]>> => ({
  'train --dry-run': ['train', '--dry-run'],
  backtest: ['backtest', '--models', models],
  scan: ['scan', '--out', join(place.folder, 'scan')],
  'dataset export': ['dataset', 'export', '--out', join(place.folder, 'table.csv')],
  'train --strategy direction': ['train', '--strategy', 'direction', '--symbols', 'EURUSD', '--timeframe', '1h'],
});

describe('a folder whose clock is three hours late', () => {
  it.each(['train --dry-run', 'backtest', 'scan', 'dataset export', 'train --strategy direction'])(
    'is refused by `%s`',
    async (name) => {
      const { code, stdout, stderr } = await place.call([...commands()[name]!, '--data', 'late']);
      expect(code, stdout + stderr).toBe(1);
      expect(stderr).toMatch(/BARS_REFUSED[\s\S]*late: (EUR|GBP)USD, .*: SHIFTED by \+3 h/);
      expect(stderr).toContain('accepted.json');
    },
  );

  it('is read where a person accepted the verdict, and the bars of the right clock without a word', async () => {
    const right = await place.call(['train', '--dry-run', '--data', 'right']);
    expect(right.code, right.stderr).toBe(0);
    const accepted = { EURUSD: ['SHIFTED'], GBPUSD: ['SHIFTED'] };
    const path = join(place.folder, 'late', 'accepted.json');
    writeFileSync(path, JSON.stringify(accepted));
    const taken = await place.call(['train', '--dry-run', '--data', 'late']);
    expect(taken.code, taken.stderr).toBe(0);
    writeFileSync(path, JSON.stringify({ EURUSD: ['SHFTED'] }));
    const misspelt = await place.call(['train', '--dry-run', '--data', 'late']);
    expect(misspelt.stderr).toMatch(/DATA_FORMAT[\s\S]*SHFTED/);
  });

  it('that an import accepted keeps that', async () => {
    const refused = await place.call(['bars', 'import', 'late/EURUSD.csv', '--out', 'imported']);
    expect(refused.code, refused.stdout).toBe(1);
    const taken = await place.call(['bars', 'import', 'late/EURUSD.csv', '--out', 'imported', '--accept', 'SHIFTED']);
    expect(taken.code, taken.stderr).toBe(0);
    const kept = JSON.parse(readFileSync(join(place.folder, 'imported', 'accepted.json'), 'utf8')) as object;
    expect(kept).toEqual({ EURUSD: ['SHIFTED'] });
  });
});

describe('a holdout that begins after the last bar', () => {
  it('is refused before anything is learned', async () => {
    const { code, stderr } = await place.call([
      'train',
      '--dry-run',
      '--data',
      'right',
      '--holdout-from',
      '2099-01-01',
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/DATA_TOO_SHORT[\s\S]*a holdout from 2099-01-01T00:00Z, which has no bar/);
  });
});
