import { describe, expect, it } from 'vitest';
import { tinyBars, tinySettings } from '../../../test/tiny_models.ts';
import { columnsOf, copyBars, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { barAt } from '../../../shared/bar_file/bar_file.ts';
import { columnsOfOthers, symbolsReadBy } from '../../../shared/bar_file/other_bars.ts';
import { legBars } from '../../../shared/bar_file/resampled_bars.ts';
import type { Bar } from '../../../shared/bar.ts';
import { featureDefinitions, PairFeatures } from '../../../shared/core/features/features.ts';
import { GroupSections } from '../../../shared/core/features/group_sections.ts';
import { comparedPairsOf } from '../../../shared/core/formula/awaited_symbols.ts';
import { isSection } from '../../../shared/core/formula/cross_section.ts';
import { bits } from '../../../shared/core/formula/formula.fixture.ts';
import { formulasText } from '../../../shared/core/formula/named_formulas.ts';
import { OPERATORS } from '../../../shared/core/formula/operators.ts';
import { parsePair, type Pair } from '../../../shared/pair.ts';
import { pairKeys } from '../strategies/pair_reversion/dataset/pair_cache.ts';
import { datasetPolicy } from '../strategies/pair_reversion/dataset/dataset_policy.ts';
import { crossSectionsOf, groupsIn, legsIn, withFormulaBars } from './cross_sections.ts';
import { buildPairHistory, matchMinutes } from './pair_history.ts';

const settings = tinySettings();
const IDS = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD', 'AUDUSD_USDCAD'];
const ARGUMENT = 'rank(spread - delay(spread), 12)';
const written = settings.minutehand.windows;

const windowsOf = (members: readonly string[]) => ({
  ...written,
  formulas: formulasText([
    { name: 'place', text: 'cs_rank(z_abs)', subjects: members },
    { name: 'apart', text: 'cs_zscore(z_score)', subjects: members },
    { name: 'lately', text: `mean(cs_mean(${ARGUMENT}), 3)`, subjects: members },
  ]),
});
const windows = windowsOf(IDS);

/** Three pairs of simulated legs, in two of which minutes are missing. */
const bars = market();

function market(): ReadonlyMap<string, BarColumns> {
  const own = tinyBars(settings, 900);
  const legs = [own.get('XAUUSD')!, own.get('XAGUSD')!];
  const moved = (
    symbol: string,
    leg: number,
    size: number,
    isDropped: (i: number) => boolean,
  ): [string, BarColumns] => {
    const of = legs[leg]!;
    const rows: Bar[] = [];
    for (let i = 0; i < of.length; i++) {
      if (isDropped(i)) continue;
      const { spread: _, ...bar } = barAt(of, i);
      const factor = 1 + size * Math.sin(i / (7 + leg + size * 1000));
      const prices = [bar.open, bar.high, bar.low, bar.close].map((price) => price * factor);
      const [open, high, low, close] = prices as [number, number, number, number];
      rows.push({ ...bar, symbol, open, high, low, close });
    }
    return [symbol, columnsOf(symbol, rows)];
  };
  return new Map([
    ['XAUUSD', legs[0]!],
    ['XAGUSD', legs[1]!],
    moved('EURUSD', 0, 0.002, (i) => i % 11 === 3),
    moved('GBPUSD', 1, 0.001, (i) => i > 500 && i < 530),
    moved('AUDUSD', 1, 0.003, () => false),
    moved('USDCAD', 0, 0.001, (i) => i % 17 === 5),
  ]);
}

const historyOf = (pair: Pair, own: ReadonlyMap<string, BarColumns>, of = windows) =>
  buildPairHistory(pair, legBars(own, pair, 'a')!, legBars(own, pair, 'b')!, of, () => true);

/** What each pair compares at each time, bar by bar. */
function compared(
  text: string,
  own: ReadonlyMap<string, BarColumns>,
): ReadonlyMap<string, ReadonlyMap<number, number>> {
  const schema = { ...written, formulas: `x = ${text}` };
  const found = IDS.map((id): [string, ReadonlyMap<number, number>] => {
    const pair = parsePair(id);
    const features = new PairFeatures(schema, pair);
    const a = legBars(own, pair, 'a')!;
    const b = legBars(own, pair, 'b')!;
    const { length, inA, inB } = matchMinutes(a, b);
    const values = new Map<number, number>();
    for (let i = 0; i < length; i++) {
      features.step(barAt(a, inA[i]!), barAt(b, inB[i]!));
      values.set(a.time[inA[i]!]!, features.values.at(-1)!);
    }
    return [id, values];
  });
  return new Map(found);
}

describe('cross-sections of pairs', () => {
  it('have the bits of the slow definition at each time, over the pairs that have a value then', () => {
    const own = withFormulaBars(bars, windows);
    const names = featureDefinitions(windows).map(({ name }) => name);
    for (const [name, operator, text] of [
      ['place', 'cs_rank', 'z_abs'],
      ['apart', 'cs_zscore', 'z_score'],
    ] as const) {
      const slow = compared(text, bars);
      const { oracle } = OPERATORS.find((one) => isSection(one) && one.name === operator)!;
      for (const id of IDS) {
        const history = historyOf(parsePair(id), own);
        expect(history.length).toBeGreaterThan(150);
        for (let t = 0; t < history.length; t++) {
          const time = history.time[t]!;
          const others = IDS.filter((one) => one !== id).map((one) => slow.get(one)!.get(time) ?? NaN);
          const expected = oracle([[slow.get(id)!.get(time)!, ...others]], []);
          const seen = history.features[history.row[t]! * names.length + names.indexOf(name)]!;
          expect(bits([seen]), `${id} ${name} ${t}`).toEqual(bits([Math.fround(expected)]));
        }
      }
    }
  });

  it('have the bits of a daemon, which takes the bars of the group time by time, wherever it begins', () => {
    const trained = crossSectionsOf(legsIn(bars), windows, groupsIn(windows));
    const [compared] = comparedPairsOf(groupsIn(windows));
    const times = [...new Set([...bars.values()].flatMap(({ time }) => [...time]))].sort((x, y) => x - y);
    const places = new Map([...bars].map(([symbol, { time }]) => [symbol, new Map([...time].map((t, i) => [t, i]))]));
    for (const begin of [0, 137, 400]) {
      const group = new GroupSections(compared!, windows);
      const seen = new Map(IDS.map((id) => [id, 0]));
      const out = new Float64Array(group.sources.length);
      for (const time of times.slice(begin)) {
        const at = [...bars].flatMap(([symbol, own]): [string, Bar][] => {
          const place = places.get(symbol)!.get(time);
          return place === undefined ? [] : [[symbol, { ...barAt(own, place), symbol }]];
        });
        group.take({ time: time as Bar['time'], bars: new Map(at) }, null);
        group.forgetBefore(time);
        expect(group.length).toBe(1);
        for (const id of IDS) {
          const { time: own, values } = trained.get(id)!;
          const row = own.indexOf(time);
          if (row < 0) continue;
          seen.set(id, seen.get(id)! + 1);
          // What is compared is warm for all of them.
          if (begin > 0 && times.indexOf(time) < begin + 2 * group.warmupBars) continue;
          group.write(group.placeOf(id)!, time, out);
          const expected = group.sources.map((source) => values.get(source)![row]!);
          expect(bits([...out]), `${id} ${time}`).toEqual(bits(expected));
        }
      }
      expect(Math.min(...seen.values())).toBeGreaterThan(400);
    }
  });

  it('do not depend on the order of the pairs, on later bars, or on where the bars of others begin', () => {
    const all = crossSectionsOf(legsIn(bars), windows, groupsIn(windows));
    const turned = groupsIn(windows).map((group) => ({ ...group, members: group.members.toReversed() }));
    const again = crossSectionsOf(legsIn(bars), windows, turned);
    const last = bars.get('XAUUSD')!.time[700]!;
    const cut = new Map(
      [...bars].map(([symbol, own]) => [
        symbol,
        copyBars(
          own,
          0,
          own.time.findIndex((at) => at > last),
        ),
      ]),
    );
    const past = crossSectionsOf(legsIn(cut), windows, groupsIn(windows));
    const first = bars.get('XAUUSD')!.time[640]!;
    const part = crossSectionsOf(legsIn(bars), windows, groupsIn(windows), { first, last });
    for (const id of IDS)
      for (const [text, values] of all.get(id)!.values) {
        const { time } = all.get(id)!;
        expect(bits([...again.get(id)!.values.get(text)!])).toEqual(bits([...values]));
        const end = time.findIndex((at) => at > last);
        expect(bits([...past.get(id)!.values.get(text)!])).toEqual(bits([...values.subarray(0, end)]));
        const begin = time.findIndex((at) => at >= first);
        const own = part.get(id)!;
        const from = own.time.findIndex((at) => at >= first);
        expect(bits([...own.values.get(text)!.subarray(from)])).toEqual(bits([...values.subarray(begin, end)]));
      }
  });

  it('are others without one of the pairs, and so are the keys of cached pairs', () => {
    const fewer = windowsOf(IDS.slice(0, 2));
    const pair = parsePair(IDS[0]!);
    const own = withFormulaBars(bars, windows);
    const without = withFormulaBars(bars, fewer);
    expect(bits([...historyOf(pair, own).features])).not.toEqual(bits([...historyOf(pair, without, fewer).features]));
    const changed = new Map(bars);
    const usdcad = bars.get('USDCAD')!;
    changed.set('USDCAD', { ...usdcad, close: usdcad.close.map((close, i) => (i === 600 ? close * 1.0001 : close)) });
    const keyOf = (known: ReadonlyMap<string, BarColumns>): string => {
      const policy = { ...datasetPolicy(settings), windows, share: 1, holdoutFrom: Infinity };
      const task = { pair, a: legBars(known, pair, 'a')!, b: legBars(known, pair, 'b')!, policy };
      return pairKeys([task])[0]!;
    };
    expect(keyOf(withFormulaBars(changed, windows))).not.toBe(keyOf(own));
    expect(keyOf(withFormulaBars(new Map(bars), windows))).toBe(keyOf(own));
  });

  it('are computed once, and of pairs whose bars are there', () => {
    expect(withFormulaBars(bars, windows)).toBe(withFormulaBars(bars, windows));
    expect(withFormulaBars(bars, written)).toBe(bars);
    expect(symbolsReadBy(windows)).toEqual(['AUDUSD', 'USDCAD', 'EURUSD', 'GBPUSD', 'XAUUSD', 'XAGUSD']);
    expect(columnsOfOthers(windows)).toEqual(['place', 'apart', 'lately']);
    const alone = new Map([...bars].filter(([symbol]) => symbol.startsWith('XA')));
    const history = historyOf(parsePair(IDS[0]!), withFormulaBars(alone, windows));
    const width = featureDefinitions(windows).length;
    expect(history.features.at(width - 1)).toBe(NaN);
    expect(() => historyOf(parsePair(IDS[0]!), bars)).toThrow('nobody has computed cs_');
  });

  it('compare pairs of one timeframe', () => {
    const mixed = windowsOf(['XAUUSD_XAGUSD', 'EURUSD_GBPUSD@5m', 'AUDUSD_USDCAD@5m']);
    const found = crossSectionsOf(legsIn(bars), mixed, groupsIn(mixed));
    const known = (id: string): number =>
      [...found.get(id)!.values.get('cs_rank(z_abs)')!].filter((one) => !Number.isNaN(one)).length;
    expect([known('XAUUSD_XAGUSD'), known('EURUSD_GBPUSD@5m') > 0]).toEqual([0, known('AUDUSD_USDCAD@5m') > 0]);
  });
});
