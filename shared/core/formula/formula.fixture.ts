import fc from 'fast-check';
import { expect } from 'vitest';
import type { OracleBar } from './formula.oracle.ts';
import type { Formula, Node, Operation } from './formula.ts';
import { FormulaEngine } from './engine.ts';
import { isConstant } from './operator.ts';
import { OPERATORS } from './operators.ts';
import { MINUTE_SOURCE, symbolSources, type Sources } from './sources.ts';

const FIELDS = ['open', 'high', 'low', 'close', 'volume', 'spread'];
/** Fields of another symbol: `marketBars` generates their values. */
const OTHER_FIELDS = ['symbol("EURUSD").close', 'symbol("EURUSD").volume'];

/** What random formulas read. */
export const RANDOM_SOURCES: Sources = symbolSources();

/** Random text of a number over the fields of a bar. */
function numberText(depth: number, longest: number): fc.Arbitrary<string> {
  const leaf = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...FIELDS) },
    { weight: 1, arbitrary: fc.constantFrom(...OTHER_FIELDS) },
    { weight: 1, arbitrary: fc.constantFrom('0.5', '2', '-1', '1000', '1e-3') },
  );
  return depth === 0
    ? leaf
    : fc.oneof({ weight: 1, arbitrary: leaf }, { weight: 5, arbitrary: operationText('number', depth, longest) });
}

function conditionText(depth: number, longest: number): fc.Arbitrary<string> {
  return operationText('boolean', Math.max(1, depth), longest);
}

function operationText(type: 'number' | 'boolean', depth: number, longest: number): fc.Arbitrary<string> {
  const candidates = OPERATORS.filter(
    (operator) => operator.type === type && (depth > 1 || operator.parameters.every(({ kind }) => kind !== 'boolean')),
  );
  return fc.constantFrom(...candidates).chain((operator) => {
    const parts = operator.parameters
      .filter((parameter) => !('implicit' in parameter && parameter.implicit === MINUTE_SOURCE))
      .map((parameter) => {
        if (isConstant(parameter)) {
          const { kind, least, most, isInteger } = parameter;
          if (kind === 'window') {
            // Of smoothed means the window is a multiple.
            const factor = operator.name === 'ema' ? 4 : ['wilder', 'rsi', 'atr'].includes(operator.name) ? 8 : 1;
            return fc.integer({ min: least, max: Math.max(least, Math.floor(longest / factor)) }).map(String);
          }
          if (isInteger) return fc.integer({ min: least, max: Math.min(most, 4) }).map(String);
          return fc.constantFrom('0', '0.25', '0.5', '1').map(String);
        }
        return parameter.kind === 'boolean' ? conditionText(depth - 1, longest) : numberText(depth - 1, longest);
      });
    return fc.tuple(...parts).map((texts) => {
      const { sign, name } = operator;
      if (sign === undefined) return `${name}(${texts.join(', ')})`;
      return texts.length === 1 ? `(${sign} ${texts[0]})` : `(${texts[0]} ${sign} ${texts[1]})`;
    });
  });
}

/** Random formulas of the whole language, to be parsed with `RANDOM_SOURCES`; units may not fit. */
export function formulaText(depth: number, longest: number): fc.Arbitrary<string> {
  return fc.oneof(numberText(depth, longest), conditionText(depth, longest));
}

/** A random market with gaps, repeated prices, and values that are missing. */
export function marketBars(length: number): fc.Arbitrary<OracleBar[]> {
  const step = fc.record({
    gap: fc.oneof(
      { weight: 12, arbitrary: fc.constant(1) },
      { weight: 2, arbitrary: fc.integer({ min: 2, max: 9 }) },
      { weight: 1, arbitrary: fc.integer({ min: 10, max: 5000 }) },
    ),
    move: fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: -50, max: 50 }) },
      { weight: 1, arbitrary: fc.constant(0) },
    ),
    up: fc.integer({ min: 0, max: 20 }),
    down: fc.integer({ min: 0, max: 20 }),
    volume: fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 1, max: 900 }) },
      { weight: 1, arbitrary: fc.constant(NaN) },
    ),
  });
  return fc
    .tuple(fc.integer({ min: 1_000_000, max: 30_000_000 }), fc.array(step, { minLength: length, maxLength: length }))
    .map(([start, steps]) => {
      let number = start;
      let price = 20_000;
      return steps.map(({ gap, move, up, down, volume }) => {
        number += gap;
        const open = price / 100;
        price = Math.max(100, price + move);
        const close = price / 100;
        const high = Math.max(open, close) + up / 100;
        const low = Math.min(open, close) - down / 200;
        const spread = up > 15 ? NaN : up / 1000;
        const other = {
          'symbol("EURUSD").close': down > 17 ? NaN : 1 + (up + down) / 40,
          'symbol("EURUSD").volume': up * down === 0 ? NaN : up * down,
        };
        return { number, values: { open, high, low, close, volume, spread, ...other, [MINUTE_SOURCE]: number } };
      });
    });
}

const isKnown = (value: number): boolean => !Number.isNaN(value);

/** Values of formulas at bars that come in blocks of these sizes, in turn. */
export function run(
  formulas: readonly Formula[],
  bars: readonly OracleBar[],
  blocks: readonly number[] = [256],
): number[][] {
  const engine = new FormulaEngine(formulas);
  const state = engine.createState();
  const values: number[][] = formulas.map(() => []);
  let turn = 0;
  for (let at = 0; at < bars.length;) {
    const count = Math.min(blocks[turn++ % blocks.length]!, bars.length - at, engine.capacity);
    for (let i = 0; i < count; i++) {
      const bar = bars[at + i]!;
      engine.numbers[i] = bar.number;
      for (const [name, column] of engine.inputs) column[i] = bar.values[name]!;
    }
    engine.run(state, count);
    engine.outputs.forEach((output, j) => values[j]!.push(...output.subarray(0, count)));
    at += count;
  }
  return values;
}

/**
 * Values of formulas of subjects that take their next bars together: [subject][formula][bar].
 * @param isAbsent whether a subject has no bar in a turn
 */
export function runTogether(
  formulas: readonly Formula[],
  subjects: readonly (readonly OracleBar[])[],
  isAbsent: (turn: number, subject: number) => boolean,
): number[][][] {
  const engine = new FormulaEngine(formulas);
  const states = engine.createStates(subjects.length);
  const values: number[][][] = subjects.map(() => formulas.map(() => []));
  let isLeft = true;
  for (let turn = 0; isLeft; turn++) {
    const left = [...subjects.keys()].filter((subject) => states[subject]!.bars < subjects[subject]!.length);
    isLeft = left.length > 0;
    // Neither their order nor their places mean anything.
    const present = left.filter((subject) => !isAbsent(turn, subject)).toReversed();
    present.forEach((subject, place) => {
      const bar = subjects[subject]![states[subject]!.bars]!;
      engine.numbers[place] = bar.number;
      for (const [name, column] of engine.inputs) column[place] = bar.values[name]!;
    });
    engine.runEach(
      present.map((subject) => states[subject]!),
      present.length,
    );
    present.forEach((subject, place) =>
      engine.outputs.forEach((output, j) => values[subject]![j]!.push(output[place]!)),
    );
  }
  return values;
}

/** The bits of doubles, so that −0 and 0 differ and each NaN is itself. */
export function bits(values: readonly number[]): BigUint64Array {
  return new BigUint64Array(Float64Array.from(values).buffer);
}

/** Every part of a formula, inner ones first. */
export function partsOf(formula: Formula): Node[] {
  const found = new Map<string, Node>();
  const visit = (node: Node): void => {
    if (found.has(node.text)) return;
    if (node.kind === 'operation') node.inputs.forEach(visit);
    found.set(node.text, node);
  };
  visit(formula.root);
  return [...found.values()];
}

/**
 * Values of a part against an oracle's, given those of its inputs: 1e-9 of the value, or the rounding of doubles of the
 * size of the inputs where the result is a small difference of great ones.
 * @param inputRounding relative difference of the inputs of both; 0: they are the same
 */
export function expectClose(
  seen: readonly number[],
  expected: readonly number[],
  inputs: readonly (readonly number[])[],
  part: Operation,
  inputRounding = 0,
): void {
  const { name } = part.operator;
  const bars = part.operator.bars(part.constants);
  const isRatio = ['zscore', 'corr', 'beta_of', 'bollinger', 'resid', 'skew', 'kurt'].includes(name);
  expected.forEach((value, i) => {
    if (Object.is(value, seen[i])) return;
    const windows = inputs.map((input) => input.slice(Math.max(0, i + 1 - bars), i + 1));
    const sizes = windows.map((window) => Math.max(0, ...window.filter(isKnown).map(Math.abs)));
    const spreads = windows.map((window) => Math.max(...window.filter(isKnown)) - Math.min(...window.filter(isKnown)));
    // Windows as flat as doubles can tell have no second moment to speak of.
    if (isRatio && sizes.some((size, j) => spreads[j]! <= 1e-7 * size)) return;
    const size = name === 'var' ? sizes[0]! ** 2 : name === 'cov' ? sizes[0]! * sizes[1]! : Math.max(0, ...sizes);
    const unitRounding = name === 'std' ? 1e-9 : part.operator.family === 'pointwise' ? 0 : 1e-13;
    // A ratio of differences within a window: those lose the digits that the values have in common, and the sums over
    // the window round once a bar.
    const lost = sizes.reduce((sum, own, j) => sum + own / spreads[j]!, 0);
    const slope = name === 'beta_of' ? spreads[0]! / spreads[1]! : 1;
    const ofRatio = Math.max(1e-14, 4 * Number.EPSILON * bars) * lost * (name === 'resid' ? spreads[0]! : slope);
    const ofOperation = isRatio ? ofRatio : unitRounding * (name === 'rsi' ? 1 : size);
    const allowed = 1e-9 * Math.abs(value) + ofOperation + inputRounding * size;
    const isClose = Math.abs(seen[i]! - value) <= allowed;
    if (!isClose)
      expect.fail(`${part.text} at ${i}: ${seen[i]} in place of ${value}; windows ${JSON.stringify(windows)}`);
  });
}
