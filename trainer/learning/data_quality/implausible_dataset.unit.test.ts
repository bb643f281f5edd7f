import type { MarketKind } from '../../../shared/signal/signal.ts';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import type { DatasetRows } from '../dataset/dataset_rows.ts';
import { refuseImplausible } from './implausible_dataset.ts';

const PAIRS = ['AAAUSD_BBBUSD', 'CCCUSD_DDDUSD', 'EEEUSD_FFFUSD', 'GGGUSD_HHHUSD', 'IIIUSD_JJJUSD'];
const ROWS_OF_PAIR = 1200;
/** Of a pair whose rows are too few to tell chance from a leak. */
const FEW_ROWS = 12;
const NAMES = ['noise', 'leaked'];
/** Overlapping labels count for half of an independent row each. */
const UNIQUENESS = 0.5;

/** Rows of a coin. @param leakOf what the column `leaked` has in a row of a pair, by its label and a normal number */
function rowsOf(
  leakOf: (pair: number, label: number, noise: number) => number,
  rowsOfPair: (pair: number) => number = () => ROWS_OF_PAIR,
): DatasetRows {
  const rng = createRng('implausible');
  const pair = Int32Array.from(PAIRS.flatMap((_, own) => new Array<number>(rowsOfPair(own)).fill(own)));
  const rows = pair.length;
  const y = Float64Array.from(pair, () => (rng.uniform() < 0.5 ? 1 : 0));
  const values = new Float32Array(2 * rows);
  y.forEach((label, i) => values.set([rng.normal(), leakOf(pair[i]!, label, rng.normal())], 2 * i));
  const time = Float64Array.from(y.keys());
  const weights = new Float64Array(rows).fill(1);
  const x = { rows, columns: 2, values };
  return { x, y, time, labelEnd: time, pair, weights, effectiveRows: UNIQUENESS * rows };
}

function check(
  own: DatasetRows,
  ofSize = rowsOf((_pair, _label, normal) => normal),
  market: MarketKind = 'live',
  outside = ['leaked'],
): void {
  const noise = rowsOf((_pair, _label, normal) => normal);
  const dataset = {
    definitions: NAMES.map((name) => ({ name })),
    histories: PAIRS.map((id) => ({ pair: { id } })),
    train: { ai1: own, ai2: noise, ai3: ofSize },
    evaluation: { train: own, holdout: noise },
  };
  refuseImplausible(dataset as never, outside, 'table.csv', market);
}

describe('a column of a dataset', () => {
  it('of noise, or one that honestly tells a little, is no cheat', () => {
    check(rowsOf((_pair, _label, normal) => normal));
    check(rowsOf((_pair, label, normal) => 0.4 * label + normal));
  });

  it('may tell the size of a result better in the simulated market, but not the label itself', () => {
    const noise = rowsOf((_pair, _label, normal) => normal);
    const strong = rowsOf((_pair, label, normal) => 2.35 * label + normal);
    expect(() => check(noise, strong)).toThrow(/leaked with an AUC of 0\.9[45]\d for the label of ai3/);
    check(noise, strong, 'simulated');
    const label = rowsOf((_pair, own) => own);
    expect(() => check(noise, label, 'simulated')).toThrow(/leaked with an AUC of 1\.000 for the label of ai3/);
    expect(() => check(strong, noise, 'simulated')).toThrow(/for the label of ai1/);
  });

  it('that is the label of every pair is refused by name', () => {
    const seen = 'table.csv: leaked with an AUC of 1.000 for the label of ai1';
    expect(() => check(rowsOf((_pair, label) => label))).toThrow(
      expect.objectContaining({ code: 'FEATURE_FORESIGHT', seen }),
    );
  });

  it('that is the label of one pair alone, or nearly so, is refused by name, with the pair', () => {
    const leaks = (noise: number) => rowsOf((pair, label, normal) => (pair === 3 ? label + noise * normal : normal));
    const seen = 'table.csv: leaked with an AUC of 1.000 in GGGUSD_HHHUSD for the label of ai1';
    expect(() => check(leaks(0))).toThrow(expect.objectContaining({ code: 'FEATURE_FORESIGHT', seen }));
    expect(() => check(leaks(0.5))).toThrow(/leaked with an AUC of 0\.9\d\d in GGGUSD_HHHUSD/);
  });

  it('that tells the size of a result within one pair is no cheat, and one that tells it in all pairs is', () => {
    const noise = rowsOf((_pair, _label, normal) => normal);
    check(
      noise,
      rowsOf((pair, label, normal) => (pair === 3 ? label : normal)),
    );
    const inAll = rowsOf((_pair, label) => label);
    expect(() => check(noise, inAll)).toThrow(/leaked with an AUC of 1\.000 for the label of ai3/);
  });

  it('that the daemon computes may tell the size of a result, as one of lasting volatility does, but no reversion', () => {
    const noise = rowsOf((_pair, _label, normal) => normal);
    const strong = rowsOf((_pair, label, normal) => 2.6 * label + normal);
    expect(() => check(noise, strong)).toThrow(/for the label of ai3/);
    check(noise, strong, 'live', []);
    expect(() => check(strong, noise, 'live', [])).toThrow(/for the label of ai1/);
  });

  it('that agrees with the few rows of one pair is no cheat: chance does that, too', () => {
    check(
      rowsOf(
        (pair, label, normal) => (pair === 3 ? label : normal),
        (pair) => (pair === 3 ? FEW_ROWS : ROWS_OF_PAIR),
      ),
    );
  });
});
