import { MODEL_NAMES } from '../../shared/core/features/feature.ts';
import { featureDefinitions, warmupBars } from '../../shared/core/features/features.ts';
import type { Windows } from '../../shared/core/features/windows.ts';
import { table } from './table.ts';

/** docs/reference/FEATURES.md: every column from its own definition. */
export function renderFeaturesDoc(windows: Windows): string {
  const definitions = featureDefinitions(windows);
  const rows = definitions.map(({ name, formula, window, ddof, warmup_bars, unit, models, missing }) => [
    `\`${name}\``,
    formula.replace(/\|/g, '\\|'),
    String(window),
    String(ddof ?? '–'),
    String(warmup_bars),
    unit,
    models.length === MODEL_NAMES.length ? 'all' : models.join(', ') || 'none',
    missing ?? 'never',
  ]);
  const bars = warmupBars(windows);
  return `# Features

Generated from \`shared/core/features\` by \`npm run docs\`, for the windows of \`config/minutehand.yaml\`. Do not edit.

The ${definitions.length} columns have this order in the model input, in \`minutehand features\` and in the journal. The ordered
list with its windows hashes to \`feature_schema\`; a daemon refuses models with another one.

## Semantics

- **A bar counts when both legs have the minute.** Windows count such bars, not minutes. A minute with a missing, empty or
  suspect leg changes nothing. Distance in time affects only \`coverage\`, \`gap\` and the calendar columns.
- **Pure.** After ${bars} bars every feature is a function of the pair's last ${bars} bars, bit for bit, independent of where the
  run started and of other pairs. No feature looks ahead.
- **Rounding does not accumulate.** Windows are folds without subtraction (\`window/sliding_fold.ts\`): a value is within
  1e-9 · max(|value|, standard deviation of its column) of a recomputation from its window.
- **Gaps** reset no window: the first bar after one has the return over the gap.
- **Constant prices.** Log prices with a standard deviation below 1e-12 are constant: slope, correlation, z and its changes are
  0, and the half-life is at its maximum. When only leg B is constant, beta is 0 and the spread is that of A. A standard deviation
  of equal values is exactly 0; the ratio to a usual level of zero is 1.
- **Warm-up.** A column is missing until the bar in column "first at bar". A pair is decided on when all columns are present.
- **Missing** (NaN in float32 to the models, an empty cell in CSV) means that the source has no value, in training and live
  alike; trees learn a direction for it. One bar of volume 0 (unknown) makes \`liquidity_score\` missing until it leaves the
  window; a leg without a quoted spread does so for \`quoted_spread\`. Nothing else is missing after warm-up.
- **Finite.** A present value is finite for every valid bar (prices from 5e-324 to 1.7e308). Values beyond float32 are passed to
  the models as ±3.4e38.

## Columns

${table(
  ['column', 'formula', 'window (bars)', 'ddof', 'first at bar', 'unit', 'models', 'missing after warm-up'],
  rows,
)}

r = one-bar log return of closes; h = hedged return. Columns that no model uses depend on the scale of a price.
`;
}
