import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import type { DatasetRows } from '../dataset/dataset_rows.ts';
import { refuseImplausible } from './implausible_dataset.ts';

const PAIRS = ['AAAUSD_BBBUSD', 'CCCUSD_DDDUSD', 'EEEUSD_FFFUSD', 'GGGUSD_HHHUSD', 'IIIUSD_JJJUSD'];
const ROWS_OF_PAIR = 1200;
const NAMES = ['noise', 'leaked'];
/** Overlapping labels count for half of an independent row each. */
const UNIQUENESS = 0.5;

/** Rows of a coin. @param leakOf what the column `leaked` has in a row of a pair, by its label and a normal number */
function rowsOf(leakOf: (pair: number, label: number, noise: number) => number): DatasetRows {
  const rng = createRng('implausible');
  const rows = PAIRS.length * ROWS_OF_PAIR;
  const pair = Int32Array.from({ length: rows }, (_, i) => Math.floor(i / ROWS_OF_PAIR));
  const y = Float64Array.from(pair, () => (rng.uniform() < 0.5 ? 1 : 0));
  const values = new Float32Array(2 * rows);
  y.forEach((label, i) => values.set([rng.normal(), leakOf(pair[i]!, label, rng.normal())], 2 * i));
  const time = Float64Array.from(y.keys());
  const weights = new Float64Array(rows).fill(1);
  const x = { rows, columns: 2, values };
  return { x, y, time, labelEnd: time, pair, weights, effectiveRows: UNIQUENESS * rows };
}

function check(own: DatasetRows): void {
  const noise = rowsOf((_pair, _label, normal) => normal);
  const dataset = {
    definitions: NAMES.map((name) => ({ name })),
    histories: PAIRS.map((id) => ({ pair: { id } })),
    train: { ai1: own, ai2: noise, ai3: noise },
    evaluation: { train: own, holdout: noise },
  };
  refuseImplausible(dataset as never, 'table.csv');
}

describe('a column of a dataset', () => {
  it('of noise, or one that honestly tells a little, is no cheat', () => {
    check(rowsOf((_pair, _label, normal) => normal));
    check(rowsOf((_pair, label, normal) => 0.4 * label + normal));
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
});
