import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { BarColumns } from '../shared/bar_file/bar_file.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const BARS = 1500;
let place: Workplace;
let bars: ReadonlyMap<string, BarColumns>;
let data: string;
beforeAll(async () => {
  place = createWorkplace();
  bars = tinyBars(place.settings, BARS);
  data = await place.writeBars('bars', new Map(bars));
});
afterAll(() => place.remove());

const features = (...args: string[]): ReturnType<Workplace['run']> => place.call(['features', '--data', data, ...args]);

describe('minutehand features --formula', () => {
  it('writes the values of a symbol', async () => {
    const out = join(place.folder, 'values.csv');
    const { code, stdout } = await features(
      '--symbol',
      'XAUUSD',
      '--formula',
      'close / delay(close) - 1',
      '--out',
      out,
    );
    expect(code, stdout).toBe(0);
    const { time, close } = bars.get('XAUUSD')!;
    const expected = [...close].map((now, i) => `${time[i]},${i === 0 ? '' : now / close[i - 1]! - 1}`);
    expect(readFileSync(out, 'utf8')).toBe(`time,"(close / delay(close, 1)) - 1"\n${expected.join('\n')}\n`);
    expect(stdout).toContain('XAUUSD · number · looks back over 2 bars');
    expect(stdout).toContain(`${BARS} bars`);
  });

  it('reads what takers bought of a symbol, where its file has that', async () => {
    const gold = bars.get('XAUUSD')!;
    const takerBuyVolume = gold.volume.map((volume) => volume / 4);
    const folder = await place.writeBars(
      'flow',
      new Map([['XAUUSD', { ...gold, flow: { takerBuyVolume, trades: null } }]]),
    );
    const out = join(place.folder, 'flow.csv');
    const args = ['features', '--data', folder, '--symbol', 'XAUUSD', '--formula', 'taker_buy_volume / volume'];
    const { code, stdout, stderr } = await place.call([...args, '--out', out]);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(`${BARS} bars`);
    const values = readFileSync(out, 'utf8').trimEnd().split('\n').slice(1);
    expect(new Set(values.map((line) => line.split(',')[1]))).toEqual(new Set(['0.25']));
    const pair = await features('--pair', 'XAUUSD_XAGUSD', '--formula', 'a.taker_buy_volume / a.volume');
    expect(pair.stderr).toContain('a pair has no source a.taker_buy_volume');
  });

  it('reads a series of a leg by its arrival', async () => {
    const { time } = bars.get('XAUUSD')!;
    const first = time[0]!;
    mkdirSync(join(data, 'series'), { recursive: true });
    const rows = [`${first},${first + 90},40`, `${first + 600},${first + 600},60`].join('\n');
    writeFileSync(join(data, 'series', 'XAUUSD.sentiment.csv'), `event_time,arrival_time,value\n${rows}\n`);
    const out = join(place.folder, 'mood.csv');
    const args = ['--pair', 'XAUUSD_XAGUSD', '--formula', 'a.series("sentiment") - 50', '--out', out];
    const { code, stderr } = await features(...args);
    expect(code, stderr).toBe(0);
    const values = readFileSync(out, 'utf8').trimEnd().split('\n').slice(1);
    for (const line of values) {
      const [at, value] = line.split(',');
      const close = Number(at) + 60 - first;
      expect(value, line).toBe(close < 90 ? '' : close < 600 ? '-10' : '10');
    }
    expect(values.length).toBeGreaterThan(1000);
  });

  it('says what the formula of a pair tells of the label, and never looks at the holdout', async () => {
    const long = new Map([...tinyBars(place.settings, 9000)].filter(([symbol]) => /^XA[UG]USD$/.test(symbol)));
    const { time } = long.get('XAUUSD')!;
    const holdoutFrom = time.at(-1)! - 0.25 * (time.at(-1)! - time[0]!);
    const args = ['--pair', 'XAUUSD_XAGUSD', '--formula', 'abs(z_score)', '--json'];
    const relation = async (name: string, of: typeof long): Promise<{ rows: number; before: string; auc: number }> => {
      const { code, stdout, stderr } = await place.call([
        'features',
        '--data',
        await place.writeBars(name, of),
        ...args,
      ]);
      expect(code, stderr).toBe(0);
      return (JSON.parse(stdout) as { label: { rows: number; before: string; auc: number } }).label;
    };
    const seen = await relation('labeled', long);
    expect(seen.rows).toBeGreaterThan(100);
    expect(Math.abs(Date.parse(seen.before) / 1000 - holdoutFrom)).toBeLessThanOrEqual(60);
    // Other prices in the holdout alone.
    const gold = long.get('XAUUSD')!;
    const change = (column: Float64Array): Float64Array =>
      column.map((price, i) => (time[i]! < holdoutFrom ? price : price * (1 + 0.004 * Math.sin(i / 7))));
    const high = change(gold.high);
    const low = change(gold.low);
    const changed = { ...gold, open: change(gold.open), high, low, close: change(gold.close) };
    expect(await relation('changed', new Map([...long, ['XAUUSD', changed]]))).toEqual(seen);
    const earlier = gold.close.map((price, i) => (time[i]! < holdoutFrom - 86_400 ? price : changed.close[i]! * 1.001));
    const moved = {
      ...changed,
      close: earlier,
      high: earlier.map((price, i) => Math.max(price, high[i]!, changed.open[i]!)),
      low: earlier.map((price, i) => Math.min(price, low[i]!, changed.open[i]!)),
    };
    expect(await relation('moved', new Map([...long, ['XAUUSD', moved]]))).not.toEqual(seen);
  });

  it('reads legs and hand-written features of a pair', async () => {
    const own = join(place.folder, 'own.csv');
    const matrix = join(place.folder, 'matrix.csv');
    const run = await features('--pair', 'XAUUSD_XAGUSD', '--formula', 'z_score * 2', '--out', own);
    expect(run.code, run.stdout).toBe(0);
    await features('--pair', 'XAUUSD_XAGUSD', '--out', matrix);
    const rows = readFileSync(matrix, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(','));
    const column = rows[0]!.indexOf('z_score');
    // A value of the matrix exists before its warm-up ends nowhere.
    const expected = rows
      .slice(1)
      .map((cells) => `${cells[0]},${cells[column] === '' ? '' : Number(cells[column]) * 2}`);
    expect(readFileSync(own, 'utf8').trimEnd().split('\n').slice(1)).toEqual(expected);
  });

  it('reads bars, hand-written features and series of an instrument, each as known at the close', async () => {
    const folder = join(place.folder, 'instrument');
    const begin = Date.parse('2024-01-01') / 1000;
    const hours = Array.from({ length: 400 }, (_, i) => begin + 3600 * i);
    const lines = hours.map((time, i) => {
      const close = 100 + 3 * Math.sin(i / 7) + (i % 5) / 10;
      return [time, close - 0.5, close + 1, close - 1, close, 10 + (i % 9)].join();
    });
    mkdirSync(join(folder, 'series'), { recursive: true });
    writeFileSync(join(folder, 'BTCUSDT-1h.csv'), `time,open,high,low,close,volume\n${lines.join('\n')}\n`);
    // Settled every eight hours, known half an hour later; one is two hours late, and one is revised.
    const settled = hours.filter((_, i) => i % 8 === 0 && i !== 200);
    const observed = settled.map((event, i) => ({ event, arrival: event + (i === 10 ? 7200 : 1800), value: i / 1e4 }));
    observed.push({ event: settled[20]!, arrival: settled[20]! + 5 * 3600, value: 0.5 });
    const rows = observed.map(({ event, arrival, value }) => `${event},${arrival},${value}`);
    writeFileSync(
      join(folder, 'series', 'BTCUSDT.funding_rate.csv'),
      `event_time,arrival_time,value\n${rows.join('\n')}\n`,
    );
    const valuesOf = async (formula: string): Promise<string[]> => {
      const out = join(place.folder, 'instrument.csv');
      const args = ['features', '--data', folder, '--instrument', 'BTCUSDT@1h', '--formula', formula, '--out', out];
      const { code, stderr } = await place.call(args);
      expect(code, stderr).toBe(0);
      return readFileSync(out, 'utf8')
        .trimEnd()
        .split('\n')
        .slice(1)
        .map((line) => line.split(',')[1]!);
    };
    const expected = hours.map((time) => {
      const close = time + 3600;
      const known = observed.filter(({ arrival }) => arrival <= close);
      const newest = Math.max(...known.map(({ event }) => event));
      const last = known
        .filter(({ event }) => event === newest)
        .toSorted((a, b) => a.arrival - b.arrival)
        .at(-1);
      return last === undefined || close - newest > 12 * 3600 ? '' : String(last.value);
    });
    expect(expected).toContain('');
    expect(expected).toContain('0.5');
    expect(await valuesOf('series("funding_rate")')).toEqual(expected);

    const matrix = join(place.folder, 'instrument_matrix.csv');
    await place.call(['features', '--data', folder, '--instrument', 'BTCUSDT@1h', '--out', matrix]);
    const table = readFileSync(matrix, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(','));
    const column = table[0]!.indexOf('funding_mean');
    const means = await valuesOf('mean(series("funding_rate"), 72) - funding_mean');
    expect(means.map((cell) => cell === '')).toEqual(table.slice(1).map((cells) => cells[column] === ''));
    const found = means.filter((cell) => cell !== '').map(Number);
    expect(found.length).toBeGreaterThan(100);
    expect(Math.max(...found.map(Math.abs))).toBeLessThan(1e-15);
  });

  it('draws pictures with --plot, and answers programs with --json', async () => {
    const args = ['--pair', 'XAUUSD_XAGUSD', '--formula', 'zscore(a.close/b.close, 60)'];
    const { stdout } = await features(...args, '--plot');
    expect(stdout).toMatch(/┤.*•/);
    expect(stdout).toMatch(/█+ \d+\.\d %/);
    const json = JSON.parse((await features(...args, '--json')).stdout) as Record<string, unknown>;
    expect(json).toMatchObject({
      formula: 'zscore(a.close / b.close, 60)',
      subject: 'XAUUSD_XAGUSD',
      look_back_bars: 60,
      sources: ['a.close', 'b.close'],
      distribution: { bars: BARS, values: BARS - 59 },
    });
  });

  it('marks a fault, and refuses options that do not fit', async () => {
    const fault = await features('--symbol', 'XAUUSD', '--formula', 'delta(close) + rank(close, 1)');
    expect(fault.code).not.toBe(0);
    const mark = `  delta(close) + rank(close, 1)\n${' '.repeat(29)}^\n`;
    expect(fault.stderr).toContain(mark);
    expect(fault.stderr).toContain('FORMULA_WINDOW: A window of the formula is not allowed. Seen: column 28');
    const misspelled = await features('--instrument', 'BTCUSDT@1h', '--formula', 'series("funding_rat")');
    expect(misspelled.stderr).toContain('there is no series("funding_rat") (did you mean "series("funding_rate")"?)');
    const ofPair = await features('--pair', 'XAUUSD_XAGUSD', '--formula', 'z_score + series("funding_rate")');
    expect(ofPair.stderr).toContain(
      'column 11: a pair has two of series("funding_rate"); write a.series("funding_rate") or',
    );
    const plot = await features('--pair', 'XAUUSD_XAGUSD', '--plot');
    expect(plot.stderr).toContain('--plot without --formula');
    const model = await features('--symbol', 'XAUUSD', '--formula', 'close', '--model', 'x');
    expect(model.stderr).toContain('--model with --formula');
    const both = await features('--symbol', 'XAUUSD', '--pair', 'XAUUSD_XAGUSD', '--formula', 'close');
    expect(both.stderr).toContain('one of them');
  });
});
