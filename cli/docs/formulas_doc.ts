import { signatureOf } from '../../shared/core/formula/formula.ts';
import {
  MAX_DEPTH,
  MAX_DOUBLES,
  MAX_FORMULAS,
  MAX_LENGTH,
  MAX_LOOK_BACK,
  MAX_NODES,
  MAX_SORTED_WINDOW,
  MAX_SUBJECT_DOUBLES,
  MAX_WINDOW,
} from '../../shared/core/formula/limits.ts';
import { isConstant, type Operator } from '../../shared/core/formula/operator.ts';
import { OPERATORS } from '../../shared/core/formula/operators.ts';
import { BAR_SOURCES, OTHER_FIELDS, PROBABILITY_SOURCES, SERIES_SOURCES } from '../../shared/core/formula/sources.ts';
import { unitName } from '../../shared/core/formula/unit.ts';
import { table } from './table.ts';

/** docs/reference/FORMULAS.md: every operator and source from its own definition. */
export function renderFormulasDoc(): string {
  const sources = [...BAR_SOURCES, ...SERIES_SOURCES, ...PROBABILITY_SOURCES].map(({ name, meaning, unit }) => [`\`${name}\``, meaning, unitName(unit)]);
  const operators = OPERATORS.map((operator) => [
    `\`${escaped(signatureOf(operator))}\``,
    escaped(operator.meaning),
    windowLimits(operator),
    lookBack(operator),
    operator.type === 'boolean' ? 'condition' : 'number',
    operator.cost,
    escaped(operator.source),
  ]);
  return `# Formulas

Generated from \`shared/core/formula\` by \`npm run docs\`. Do not edit.

A formula yields one number per bar: \`ema(close, 24) / close - 1\`, \`zscore(log(a.close) - log(b.close), 240)\`. Try one with
\`minutehand features --formula '…'\`; in \`config/features.yaml\` it is a column of the next training and of its models
([how to](../guides/extend/WRITE_A_FEATURE.md)).

## Language

- **Numbers** \`1\`, \`0.5\`, \`1e-3\`; **signs** \`+ - * /\`, \`< <= > >= == !=\`, \`and or not\`, in the usual order of precedence;
  brackets. Everything else is a source or an operator. \`a < b < c\` is refused: write \`a < b and b < c\`.
- **Windows are bars** of the subject that exist, and are written out: \`mean(close, 60)\`, \`mean(close, 24 * 60)\`.
- **Types.** A condition is not a number: \`where(close > open, 1, 0)\`.
- **Units** are powers of price and volume. Sums and comparisons of different units are refused; a number that is written
  out fits any unit.
- **Equal formulas are one**, such as \`a + b\` and \`b + a\`, \`a > b\` and \`b < a\`: they have one canonical text, and are
  computed once.

## Semantics

- **Pure.** A value depends on the last N bars alone, bit for bit: not on where the stream began, on the sizes of the
  blocks in which it is computed, or on other formulas. N is the look-back: one bar, and for each operator of the deepest
  path its bars − 1. Before N bars there is no value.
- **Missing.** A missing argument, or a missing value in a window, makes the result missing; exceptions are \`coalesce\`,
  \`is_missing\` and the branch that \`where\` does not choose. A result that is not finite (x / 0, log of 0) is missing.
- **One zero, one NaN.** −0 is 0, and missing is one bit pattern.
- **No look-ahead.** No operator reads a later bar.
- **Rounding does not accumulate.** Nothing is subtracted that has left a window
  ([ADR 3](../adr/0003-folds-without-subtraction.md)).
- **The same bits on any machine and version of Node**: arithmetic of IEEE 754, and \`shared/elementary.ts\`.

## Limits

${table(
  ['limit', 'value', 'error'],
  [
    ['characters', String(MAX_LENGTH), 'FORMULA_LENGTH'],
    ['brackets and signs inside each other', String(MAX_DEPTH), 'FORMULA_DEPTH'],
    ['numbers, sources and operators', String(MAX_NODES), 'FORMULA_NODES'],
    ['bars of a window', String(MAX_WINDOW), 'FORMULA_WINDOW'],
    ['bars of a window that is kept sorted', String(MAX_SORTED_WINDOW), 'FORMULA_WINDOW'],
    ['look-back in bars', String(MAX_LOOK_BACK), 'FORMULA_LOOK_BACK'],
    ['numbers that its windows keep per subject', String(MAX_DOUBLES), 'FORMULA_MEMORY'],
    ['formulas of a subject', String(MAX_FORMULAS), 'FORMULA_MEMORY'],
    ['numbers that all formulas of a subject keep', String(MAX_SUBJECT_DOUBLES), 'FORMULA_MEMORY'],
  ],
)}

## Sources

A symbol reads the fields of its bars by name; a pair reads \`a.close\`, \`b.close\` and so on, but for
\`taker_buy_volume\` and \`trades\`, every column of [FEATURES.md](FEATURES.md) by its name, and auxiliary series of its legs,
\`a.series("funding_rate")\`. An instrument (\`features --instrument BTCUSDT@1h --formula '…'\`) reads the fields of
its bars but for \`spread\` and \`trades\`, the columns of its matrix by name, and auxiliary series.

A pair and a symbol also read the bars of **other symbols**, \`symbol("EURUSD").close\`:
${OTHER_FIELDS.map(({ name }) => `\`${name}\``).join(', ')}. It is the bar that closed one bar of the
subject earlier, in its timeframe and made of the other symbol's own minutes; without one, or live where it has not come
when the bar of the subject is answered, the value is missing. No older bar is read in its place, and nothing waits for
it ([ADR 52](../adr/0052-symbols-one-bar-earlier.md)). Windows count the bars of the subject. Models that read a symbol
of which the daemon of the pair gets no bars are refused (MODEL_SYMBOLS). Rules, and
formulas of instruments, cannot read other symbols.

${table(['source', 'meaning', 'unit'], sources)}

## Operators

"Bars" is how far an operator looks back, the current bar included. Its cost per bar does not depend on the window, or is a
binary search and a move of at most half of the window.

${table(['operator', 'meaning', 'window n', 'bars', 'yields', 'cost', 'source'], operators)}
`;
}

function escaped(text: string): string {
  return text.replace(/\|/g, '\\|');
}

function windowLimits({ parameters }: Operator): string {
  const window = parameters.find(({ kind }) => kind === 'window');
  return window !== undefined && isConstant(window) ? `${window.least} … ${window.most}` : '';
}

/** The bars as a rule of n, found from two windows. */
function lookBack({ parameters, bars }: Operator): string {
  if (!parameters.some(({ kind }) => kind === 'window')) return String(bars([]));
  const slope = bars([11]) - bars([10]);
  const rest = bars([10]) - 10 * slope;
  return `${slope === 1 ? '' : slope}n${rest === 0 ? '' : ` + ${rest}`}`;
}
