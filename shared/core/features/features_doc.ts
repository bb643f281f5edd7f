import { featureDefinitions, warmupBars } from './features.ts';
import type { Windows } from './windows.ts';

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
  on nothing but these bars: a minute with a missing or empty leg moves nothing.
- **Pure.** After ${warmupBars(windows)} bars every feature is a function of the pair's last ${warmupBars(windows)} bars, to the bit,
  wherever the run began. Windows are folds without subtraction (\`window/sliding_fold.ts\`), so rounding does not accumulate.
- **Gaps, weekends, session breaks** do not reset a window. The first bar after one has the return over the whole gap, its true
  range includes the jump, and \`gap\` and \`coverage\` say so.
- **Constant prices.** A series of log prices with a standard deviation below 1e-12 is constant: slope, correlation and z are 0,
  ratios to a usual level of zero are 1. No feature is ever infinite.
- **Warm-up.** A column is missing until the bar its warm-up names; a pair is decided on when all columns are there.
- **Missing** is a state of its own (NaN in float32 to the models, an empty cell in CSV): the trees learned a direction for it.
  It means that the source does not know, e.g. volume 0, in training and live alike.
- Models score float32; features are computed in float64.

## Columns

| column | formula | window (bars) | ddof | first at bar | unit | models | missing after warm-up |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}

r = one-bar log return of closes; h = hedged return; columns that no model uses are not free of the scale of a price.
`;
}
