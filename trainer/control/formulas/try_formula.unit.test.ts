import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { parsePair } from '../../../shared/pair.ts';
import { bar } from '../../../shared/store/journal_conformance.fixture.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { tinyBars } from '../../../test/tiny_models.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { pairValues } from '../../learning/formula_trial/formula_values.ts';
import { labelRelation } from '../../learning/formula_trial/label_relation.ts';
import { openStore } from '../../store/store.ts';
import { checkFormula, parseTried } from './check_formula.ts';
import { tryFormula, type FormulaTask, type TriedFormula } from './try_formula.ts';
import { FormulaTrials } from './try_thread.ts';

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const PAIR = 'XAUUSD_XAGUSD';
const FORMULA = 'abs(z_score)';
const { windows } = tinySettings().minutehand;
const LEGS = new Map([...tinyBars(tinySettings(), 9000)].filter(([symbol]) => /^XA[UG]USD$/.test(symbol)));
const TIME = LEGS.get('XAUUSD')!.time;
const LAST = TIME.at(-1)!;
const HOLDOUT = LAST - 60 * Math.floor((0.2 * (LAST - TIME[0]!)) / 60);

let folder: string;
/** File of a store with the bars of both legs. */
let recorded: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-formulas-'));
  recorded = await storeOf('recorded.db', LEGS);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A store with these bars. @returns its file */
async function storeOf(name: string, bars: ReadonlyMap<string, BarColumns>): Promise<string> {
  const path = join(folder, name);
  const store = await openStore(path);
  for (const columns of bars.values()) await store.bars.put('simulated', columns);
  await store.close();
  return path;
}

const task = (storeUrl: string | null, others: Partial<FormulaTask> = {}): FormulaTask => ({
  subject: PAIR,
  formula: FORMULA,
  days: 2,
  pairs: [PAIR],
  windows,
  holdoutFraction: 0.2,
  activeHoldout: null,
  market: 'simulated',
  screening: null,
  journals: [],
  storeUrl,
  ...others,
});

/** The bars of gold with other prices in these minutes. */
function moved(isMoved: (time: number) => boolean): ReadonlyMap<string, BarColumns> {
  const gold = LEGS.get('XAUUSD')!;
  const move = (column: Float64Array): Float64Array =>
    column.map((price, i) => (isMoved(TIME[i]!) ? price * (1 + 0.004 * Math.sin(i / 7)) : price));
  const open = move(gold.open);
  const close = move(gold.close);
  const high = move(gold.high).map((price, i) => Math.max(price, open[i]!, close[i]!));
  const low = move(gold.low).map((price, i) => Math.min(price, open[i]!, close[i]!));
  return new Map([...LEGS, ['XAUUSD', { ...gold, open, close, high, low }]]);
}

describe('a trial of a formula', () => {
  it('has the values of the newest days, to the bit, wherever the reading began', async () => {
    const tried = (await tryFormula(task(recorded)))!;
    const formula = parseTried(FORMULA, parsePair(PAIR), windows);
    const all = pairValues(
      formula,
      { a: LEGS.get('XAUUSD')!, b: LEGS.get('XAGUSD')! },
      windows,
      parsePair('XAUUSD_XAGUSD'),
    );
    const first = all.time.findIndex((time) => time >= LAST - 2 * 86_400);
    const values = all.values.subarray(first);
    expect(tried.distribution).toMatchObject({ bars: values.length, values: values.length });
    expect([tried.chart.least.length, tried.chart.time.at(-1)]).toEqual([600, LAST]);
    expect(Math.min(...(tried.chart.least as number[]))).toBe(Math.min(...values));
    expect(Math.max(...(tried.chart.greatest as number[]))).toBe(Math.max(...values));
    expect(tried.histogram!.counts.reduce((sum, count) => sum + count)).toBe(values.length);
    expect(tried.microseconds_per_bar).toBeGreaterThan(0);
  });

  it('compares with the label before the holdout alone, and before that of the active models', async () => {
    const labelOf = async (store: string, others?: Partial<FormulaTask>) =>
      (await tryFormula(task(store, { days: 1, ...others })))!.label;
    const seen = (await labelOf(recorded))!;
    expect(seen.rows).toBeGreaterThan(100);
    expect(Date.parse(seen.before) / 1000).toBe(HOLDOUT);
    const active = HOLDOUT - 86_400;
    expect(
      await labelOf(
        await storeOf(
          'holdout.db',
          moved((time) => time >= HOLDOUT),
        ),
      ),
    ).toEqual(seen);
    const later = await storeOf(
      'later.db',
      moved((time) => time >= active),
    );
    expect(await labelOf(later)).not.toEqual(seen);
    const earlier = (await labelOf(recorded, { activeHoldout: active }))!;
    expect([Date.parse(earlier.before) / 1000, earlier.rows < seen.rows]).toEqual([active, true]);
    expect(await labelOf(later, { activeHoldout: active })).toEqual(earlier);
  });

  it('counts no candidate whose label is known in the holdout only, wherever that begins', () => {
    const pair = parsePair(PAIR);
    const formula = parseTried(FORMULA, pair, windows);
    const relationOf = (legs: ReadonlyMap<string, BarColumns>, holdoutFrom: number) => {
      const [a, b] = [legs.get('XAUUSD')!, legs.get('XAGUSD')!];
      const values = pairValues(formula, { a, b }, windows, pair);
      return labelRelation({ pair, a, b, windows, holdoutFrom }, values, TIME[0]!);
    };
    const rows = new Set<number>();
    for (let minute = 0; minute < 180; minute += 15) {
      const from = HOLDOUT - 60 * minute;
      const seen = relationOf(LEGS, from)!;
      rows.add(seen.rows);
      // Gold doubles: every position that is open then ends.
      const doubled = (column: Float64Array): Float64Array =>
        column.map((price, i) => (TIME[i]! >= from ? 2 * price : price));
      const gold = LEGS.get('XAUUSD')!;
      const [open, high, low, close] = [gold.open, gold.high, gold.low, gold.close].map(doubled);
      const jumped = new Map([...LEGS, ['XAUUSD', { ...gold, open: open!, high: high!, low: low!, close: close! }]]);
      expect(relationOf(jumped, from), `holdout ${minute} minutes earlier`).toEqual(seen);
    }
    // There are candidates around each of these beginnings.
    expect(rows.size).toBeGreaterThan(5);
  });

  it('compares with nothing where all bars of the pair are in the holdout of a training of all pairs', async () => {
    const gold = LEGS.get('XAUUSD')!;
    const time = gold.time.map((at) => at - 60 * 86_400);
    const others = ['EURUSD', 'GBPUSD'].map((symbol) => [symbol, { ...gold, symbol, time }] as const);
    const store = await storeOf('long.db', new Map([...LEGS, ...others]));
    expect(await tryFormula(task(store, { pairs: [PAIR, 'EURUSD_GBPUSD'], days: 1 }))).toMatchObject({ label: null });
  });

  it('reads what daemons have journaled, and is nothing without bars', async () => {
    expect(await tryFormula(task(null))).toBeNull();
    const path = join(folder, 'journal.db');
    const journal = openJournal(path);
    const rows = Array.from({ length: 200 }, (_, i) => ['XAUUSD', 'XAGUSD'].map((symbol) => bar(symbol, i))).flat();
    journal.append(rows, []);
    journal.close();
    const tried = (await tryFormula(task(null, { journals: [path, join(folder, 'absent.db')], formula: 'a.close' })))!;
    expect(tried.distribution).toMatchObject({ bars: 200, values: 200 });
    const instrument = task(null, { journals: [path], subject: 'XAUUSD@5m', formula: 'close - open' });
    expect(await tryFormula(instrument)).toMatchObject({ label: null, distribution: { bars: 40 } });
  });
});

describe('the check of a formula', () => {
  const check = (text: string, subject = parsePair(PAIR)) => checkFormula(text, subject, windows);

  it('has its fault with position and the name that was meant', () => {
    expect(check('mean(z_scroe, 5)')).toEqual({
      code: 'FORMULA_NAME',
      column: 6,
      text: expect.stringMatching(/^column 6: .*z_scroe.*did you mean "z_score"/),
    });
  });

  it('says whether it can be a column of the next training', () => {
    expect(check('mean(z_score, 5)')).toMatchObject({ is_column: true, unit: 'number' });
    expect(check('a.close > a.volume')).toMatchObject({ code: 'FORMULA_UNIT' });
    expect(check('a.close')).toMatchObject({ is_column: false, unit: 'price' });
    expect(
      checkFormula('close / open', { id: 'BTCUSDT@1h', a: 'BTCUSDT', b: 'BTCUSDT', barSeconds: 3600 }, windows),
    ).toMatchObject({ is_column: true });
  });
});

describe('trials of viewers', () => {
  /** Threads whose trials never end by themselves. */
  function hanging() {
    const opened: { isClosed: boolean }[] = [];
    const open = () => {
      const state = { isClosed: false };
      opened.push(state);
      const { promise, reject } = Promise.withResolvers<TriedFormula | null>();
      const close = async (): Promise<void> => {
        state.isClosed = true;
        reject(new Error('a thread ended with 1'));
      };
      return { run: () => promise, close };
    };
    return { opened, trials: new FormulaTrials(open) };
  }

  it('are refused beyond eight, and those of viewers who left end, or do not begin', async () => {
    const { opened, trials } = hanging();
    const leaving = new AbortController();
    const asked = Array.from({ length: 40 }, () => trials.run(task(recorded), leaving.signal));
    const refused = await Promise.allSettled(asked.slice(8));
    expect(new Set(refused.map((one) => (one as PromiseRejectedResult).reason.code))).toEqual(
      new Set(['REQUESTS_TOO_MANY']),
    );
    leaving.abort(new Error('gone'));
    for (const one of await Promise.allSettled(asked.slice(0, 8)))
      expect(one).toMatchObject({ reason: { message: 'gone' } });
    expect(opened).toEqual([{ isClosed: true }]);
    const staying = new AbortController();
    void trials.run(task(recorded), staying.signal).catch(() => undefined);
    await expect.poll(() => opened).toHaveLength(2);
  });
});
