import { MODEL_NAMES } from '../../shared/core/features/feature.ts';
import { INSTRUMENT_WINDOWS, instrumentDefinitions } from '../../shared/core/features/instrument/definitions.ts';
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
    missing ?? '',
  ]);
  const ofInstruments = instrumentDefinitions(INSTRUMENT_WINDOWS).map(({ name, formula, unit, missing }) => [
    ...[`\`${name}\``, formula.replace(', σ = volatility_long', '').replace(/\|/g, '\\|'), unit, missing ?? ''],
  ]);
  const bars = warmupBars(windows);
  return `# Features

Generated from \`shared/core/features\` by \`npm run docs\`, for the windows of \`config/minutehand.yaml\`. Do not edit.

The ${definitions.length} columns have this order in the model input and in \`minutehand features\`. Columns and windows hash to
\`feature_schema\`; a daemon refuses models with another one.

## Semantics

- **A bar counts when both legs have the minute.** Windows count such bars, not minutes. Other minutes affect only
  \`coverage\`, \`gap\` and the calendar columns.
- **Pure.** After ${bars} bars every feature is a function of the pair's last ${bars} bars, bit for bit, without look-ahead.
- **Rounding does not accumulate.** A value is within 1e-9 · max(|value|, standard deviation of its column) of a
  recomputation from its window.
- **Gaps** reset no window; the next return spans the gap.
- **Constant prices** (log prices with a standard deviation below 1e-12): slope, correlation, z and its changes are 0, the
  half-life is at its maximum. With only leg B constant, the spread is that of A. A ratio to a zero level is 1.
- **Warm-up** ends when all columns have reached "first at bar".
- **Missing** (NaN to the models, an empty cell in CSV) means that the source has no value.
- **Finite.** Valid bars give finite values, clipped to ±3.4e38 for the models.

## Columns

${table(
  ['column', 'formula', 'window (bars)', 'ddof', 'first at bar', 'unit', 'models', 'missing after warm-up'],
  rows,
)}

r = one-bar log return of closes; h = hedged return.

## Columns of an instrument

Inputs of the direction model, as written by \`minutehand features --instrument BTCUSDT@1h\`; \`--model <bundle>\` adds
\`ML_UP_PROB\`, \`ML_DOWN_PROB\`, \`ML_RANGE_PROB\`. Windows count its own bars; σ is \`volatility_long\`. A series gives what had arrived by the close.

${table(['column', 'formula', 'unit', 'missing after warm-up'], ofInstruments)}
`;
}
