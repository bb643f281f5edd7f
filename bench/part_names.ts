/** Parts that can be measured separately. A separate file, so that `--help` does not load the parts. */
export const PARTS = [
  'end-to-end',
  'floor',
  'arrival',
  'instruments',
  'stations',
  'inference',
  'features',
  'formulas',
  'sequences',
  'growth',
  'rounding',
  'trainer',
  'search',
  'evolve',
  'gates',
  'backtest',
  'swaps',
  'retraining',
  'browsers',
  'soak',
] as const;
export type Part = (typeof PARTS)[number];
