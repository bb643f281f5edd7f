import { describe, expect, it } from 'vitest';
import { ColumnPlanner } from './columns.ts';
import type { FeatureDefinition } from './feature.ts';

const feature = <Name extends string>(name: Name): FeatureDefinition & { readonly name: Name } => ({
  name,
  formula: '',
  window: 1,
  ddof: null,
  warmup_bars: 1,
  unit: '',
  models: [],
});

describe('ColumnPlanner', () => {
  it('gives each feature the column of its definition, group after group', () => {
    const planner = new ColumnPlanner();
    expect(planner.declare([feature('a'), feature('b')])).toEqual({ a: 0, b: 1 });
    expect(planner.declare([feature('c')])).toEqual({ c: 2 });
    expect(planner.definitions.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  it('refuses a name that is declared twice', () => {
    const planner = new ColumnPlanner();
    planner.declare([feature('a')]);
    expect(() => planner.declare([feature('b'), feature('a')])).toThrow(/feature a is declared twice/);
  });
});
