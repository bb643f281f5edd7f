import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BarSink } from '../../shared/bar_file/bar_sink.ts';
import { folderSink } from './folder_sink.ts';
import { importBars, type ImportResult } from './import.ts';
import { jsonLines } from './json_rows.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'json-'));
});
afterEach(() => rm(folder, { recursive: true }));

const START_MS = 1_736_150_400_000;

interface Kept {
  readonly result: ImportResult;
  readonly series: Record<string, number[][]>;
}

async function imported(name: string, content: string | Buffer): Promise<Kept> {
  const source = join(folder, name);
  await writeFile(source, content);
  const series: Record<string, number[][]> = {};
  const into: BarSink = {
    ...(await folderSink(join(folder, 'out'))),
    putSeries: (symbol, kind, time, value) => {
      series[`${symbol} ${kind}`] = [...time].map((one, i) => [one, value[i]!]);
      return Promise.resolve({ added: time.length, duplicates: 0, conflicts: 0 });
    },
  };
  return { result: await importBars({ source, into }), series };
}

const funding = [0, 1, 2].map((i) => ({
  symbol: 'BTCUSDT',
  fundingTime: START_MS + i * 28_800_000 + i,
  fundingRate: ['0.00010000', '-0.00002500', '0'][i]!,
  markPrice: '94000.10000000',
}));

describe('answers of exchanges', () => {
  it('with funding rates are read as JSON and as CSV with their names', async () => {
    const expected = [
      [START_MS / 1000, 0.0001],
      [START_MS / 1000 + 28_800, -0.000025],
      [START_MS / 1000 + 57_600, 0],
    ];
    const header = 'symbol,fundingTime,fundingRate,markPrice';
    const csv = [header, ...funding.map((row) => Object.values(row).join(','))].join('\n');
    const bybit = funding.map(({ symbol, fundingTime, fundingRate }) => ({
      symbol,
      fundingRate,
      fundingRateTimestamp: String(fundingTime),
    }));
    const contents: [string, string | Buffer][] = [
      ['rates.json', JSON.stringify(funding)],
      ['pretty.json', `\ufeff${JSON.stringify(funding, null, 2)}`],
      ['packed.json.gz', gzipSync(JSON.stringify(funding))],
      ['rates.csv', csv],
      ['bybit.json', JSON.stringify({ retCode: 0, result: { category: 'linear', list: bybit }, time: 1 })],
    ];
    for (const [name, content] of contents)
      expect([name, (await imported(name, content)).series]).toEqual([name, { 'BTCUSDT funding_rate': expected }]);
  });

  it('with klines and open interest are read as their files', async () => {
    const klines = Array.from({ length: 30 }, (_, i) => {
      const open = 94_000 + 7 * i;
      return [START_MS + 60_000 * i, `${open}.10`, `${open + 9}.50`, `${open - 4}.2`, `${open + 5}.3`, '1.5'];
    });
    const { result } = await imported('BTCUSDT-1m.json', JSON.stringify(klines));
    expect(result.symbols).toMatchObject([{ symbol: 'BTCUSDT', added: 30, rejected_count: 0, imported: true }]);
    const openInterest = [{ symbol: 'ETHUSDT', sumOpenInterest: '20403.5', timestamp: START_MS }];
    const { series } = await imported('oi.json', JSON.stringify(openInterest));
    expect(series).toEqual({ 'ETHUSDT open_interest': [[START_MS / 1000, 20_403.5]] });
  });
});

describe('JSON that is no table', () => {
  it.each([
    ['an error', '{"code":-1121,"msg":"Invalid symbol."}', 'without a list of rows'],
    ['an empty list', '[ ]', 'without a list of rows'],
    ['a document that is cut', JSON.stringify(funding).slice(0, 60), 'no sound JSON'],
    ['an object in each line', funding.map((row) => JSON.stringify(row)).join('\n'), 'an object of JSON in each line'],
  ])('is refused by name: %s', async (_, content, seen) => {
    await expect(imported('BTCUSDT.json', content)).rejects.toMatchObject({
      code: 'DATA_FORMAT',
      seen: expect.stringContaining(seen) as string,
    });
  });

  it('however deep, ends without an overflow', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(jsonLines('x.json', deep)).toEqual(['…']);
  });
});
