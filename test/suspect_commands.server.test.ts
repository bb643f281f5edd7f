import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { copyBars, viewBars, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { mergeBars } from '../shared/bar_file/bar_merge.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { tinyBars, tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const AT = 1500;
let place: Workplace;
let models: string;
/** Folders of the same bars: with a minute of XAUUSD × 1000, and without that minute. */
let spoilt: string;
let without: string;
beforeAll(async () => {
  place = createWorkplace();
  const bars = tinyBars(place.settings, 2400);
  const gold = bars.get('XAUUSD')!;
  spoilt = await place.writeBars('spoilt', new Map(bars).set('XAUUSD', timesThousand(gold, AT)));
  const rest = mergeBars(viewBars(gold, 0, AT), viewBars(gold, AT + 1, gold.length)).columns;
  without = await place.writeBars('without', new Map(bars).set('XAUUSD', rest));
  models = (await tinyModels(place.models, { settings: place.settings })).path;
});
afterAll(() => place.remove());

function timesThousand(columns: BarColumns, at: number): BarColumns {
  const copy = copyBars(columns, 0, columns.length);
  for (const name of ['open', 'high', 'low', 'close'] as const) copy[name][at]! *= 1000;
  return copy;
}

/** Output of a command for both folders, without parts that depend on folder or machine. */
async function both(...args: string[]): Promise<[string, string]> {
  // Sequential, because a home accepts one training at a time.
  const runs: Awaited<ReturnType<Workplace['run']>>[] = [];
  for (const data of [spoilt, without]) runs.push(await place.run([...args, '--data', data]));
  const [first, second] = runs.map(({ code, stdout }) => {
    expect(code, stdout).toBe(0);
    return stdout
      .replaceAll(spoilt, '')
      .replaceAll(without, '')
      .replace(/"seconds": *[\d.]+/g, '');
  });
  return [first!, second!];
}

describe('a bar × 1000', () => {
  it('affects features, backtest and training as if it were missing, and is counted by bars check', async () => {
    const [rows, fewer] = await both('features', '--pair', 'XAUUSD_XAGUSD');
    expect(rows.split('\n')).toHaveLength(2400 + 1);
    expect(rows).toBe(fewer);
    const [report, other] = await both('backtest', '--models', models, '--json');
    expect(report).toContain('"trades"');
    expect(report).toBe(other);
    const trained = await both('train', '--seed', '7', '--trials', '0', '--json');
    const [metrics, others] = trained.map((text) => (JSON.parse(text) as { models: unknown }).models);
    expect(metrics).toEqual(others);
    const { stdout } = await place.run(['bars', 'check', spoilt, '--json']);
    const counts = (JSON.parse(stdout) as { symbol: string; suspects: number }[]).map((one) => [
      one.symbol,
      one.suspects,
    ]);
    expect(counts.filter(([, suspects]) => suspects !== 0)).toEqual([['XAUUSD', 1]]);
  });
});
