import type { Windows } from '../core/features/windows.ts';
import type { FeatureSchema } from './feature_schema.ts';

/** A schema of any columns, for what does not care which features there are. */
export function anySchema(columns: number): FeatureSchema {
  const definitions = Array.from({ length: columns }, (_, i) => ({
    name: `x${i}`,
    formula: '',
    window: 1,
    ddof: null,
    warmup_bars: 1,
    unit: '',
    models: [],
  }));
  return { hash: 'fedcba9876543210', definitions, windows: {} as Windows };
}
