/** Parts that can be measured separately. Apart from the parts, so that `--help` need not load them. */
export const PARTS = [
  'end-to-end',
  'arrival',
  'instruments',
  'stations',
  'inference',
  'features',
  'growth',
  'rounding',
  'trainer',
  'search',
  'backtest',
  'swaps',
  'retraining',
  'browsers',
  'soak',
] as const;
export type Part = (typeof PARTS)[number];
