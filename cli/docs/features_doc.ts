import { featureDefinitions, warmupBars } from '../../shared/core/features/features.ts';
import type { Windows } from '../../shared/core/features/windows.ts';

/** docs/FEATURES.md: every column from its own definition. */
export function renderFeaturesDoc(windows: Windows): string {
  const definitions = featureDefinitions(windows);
  const rows = definitions.map(
    ({ name, formula, window, ddof, warmup_bars, unit, models, missing }) =>
      `| \`${name}\` | ${formula.replace(/\|/g, '\\|')} | ${window} | ${ddof ?? '–'} | ${warmup_bars} | ${unit} | ${models.join(', ') || 'none'} | ${missing ?? 'never'} |`,
  );
  return `# Features

Generated from \`shared/core/features\` by \`minutehand docs\`, for the windows of \`config/minutehand.yaml\`. Do not edit.

The columns stand in this order in the model input, in \`minutehand features\` and in the journal. The ordered list with its
windows hashes to \`feature_schema\`; a daemon refuses models with another one.

## Semantics

- **A bar counts when both legs have the minute.** Windows are counted in such bars, not in minutes. A pair's features depend
  on nothing but these bars: a minute with a missing, empty or suspect leg moves nothing, and bars that are further apart give the same
  values but for \`coverage\`, \`gap\` and the calendar.
- **Pure.** After ${warmupBars(windows)} bars every feature is a function of the pair's last ${warmupBars(windows)} bars, to the bit,
  wherever the run began and whatever other pairs stand beside it. A run that is cut anywhere and given its last
  ${warmupBars(windows)} bars again goes on as if it had never stopped. No feature looks ahead.
- **Rounding does not accumulate.** Windows are folds without subtraction (\`window/sliding_fold.ts\`): after any number of bars a
  value is within 1e-9 · max(|value|, standard deviation of its column) of a recomputation from its window alone.
- **Gaps, weekends, session breaks** do not reset a window. The first bar after one has the return over the whole gap, its true
  range includes the jump, and \`gap\` and \`coverage\` say so.
- **Constant prices.** A series of log prices with a standard deviation below 1e-12 is constant: slope, correlation, z and its
  changes are 0, and the half-life is its longest. When only leg B is constant, beta is 0 and the spread is that of A alone. A
  standard deviation of equal values is exactly 0, and the ratio to a usual level of zero is 1 (as usual).
- **Warm-up.** A column is missing until the bar its warm-up names; a pair is decided on when all columns are there.
- **Missing** is a state of its own (NaN in float32 to the models, an empty cell in CSV): the trees learned a direction for it.
  It means that the source has no value, in training and live alike: one bar of volume 0 (unknown) makes \`liquidity_score\`
  missing until it has left the window, a leg without a quoted spread \`quoted_spread\`. Nothing else is ever missing after warm-up.
- **Finite.** A value that is not missing is finite for every valid bar, whatever its prices, volume and spread (from 5e-324 to
  1.7e308). What is too large for a float32 goes to the models as ±3.4e38.
- Models score float32; features are computed in float64.

## Columns

| column | formula | window (bars) | ddof | first at bar | unit | models | missing after warm-up |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}

r = one-bar log return of closes; h = hedged return; columns that no model uses are not free of the scale of a price.
`;
}
