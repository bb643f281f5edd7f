import { describe, expect, it } from 'vitest';
import { parseFormula, type Node } from './formula.ts';
import { conditionsOf, conditionText, explainedCondition, partsOf } from './formula_conditions.ts';
import { symbolSources } from './sources.ts';

const rootOf = (text: string): Node => parseFormula(text, symbolSources()).root;

describe('the conditions of a formula', () => {
  it('are the parts that `and` joins; a part of another kind stays whole', () => {
    const root = rootOf('close > 5 and (volume < 2 or open > 1) and not (high <= 3) and rsi(close, 14) < 30');
    expect(conditionsOf(root).map(conditionText)).toHaveLength(4);
    expect(conditionsOf(rootOf('close > 5 or volume < 2'))).toHaveLength(1);
  });

  it.each([
    ['close > 5', 'close > 5', 3],
    ['5 < close', 'close > 5', 3],
    ['close >= 5', 'close >= 5', 3],
    ['close < 5', 'close < 5', 3],
    ['5 >= close', 'close <= 5', 3],
    ['close < open', 'close < open', 3],
    ['not (close < 5)', 'not (close < 5)', 1],
  ])('%s is said as %s, which parses to the same', (text, said, parts) => {
    const [condition] = conditionsOf(rootOf(text)) as [Node];
    expect(rootOf(conditionText(condition)).text).toBe(condition.text);
    expect([conditionText(condition), partsOf(condition).length]).toEqual([said, parts]);
  });

  it('state value, limit and distance at a bar, and no distance where they hold', () => {
    const values = new Map<string, number>();
    const valuesOf =
      ({ text }: Node) =>
      (): number =>
        values.get(text)!;
    const [condition] = conditionsOf(rootOf('close > 5')) as [Node];
    const [whole, value, limit] = partsOf(condition) as [Node, Node, Node];
    const at = (holds: number, close: number): object => {
      values.set(whole.text, holds).set(value.text, close).set(limit.text, 5);
      return explainedCondition(condition, valuesOf)(0);
    };
    const said = { name: 'close > 5', reason: 'close > 5', limit: 5, relation: '>' };
    expect(at(1, 6)).toEqual({ ...said, holds: true, value: 6, change: 0, relative: 0 });
    expect(at(0, 4)).toEqual({ ...said, holds: false, value: 4, change: 1, relative: 0.2 });
    const [either] = conditionsOf(rootOf('close > 5 or volume < 2')) as [Node];
    values.set(either.text, 0);
    expect(explainedCondition(either, valuesOf)(0)).toMatchObject({ holds: false, value: null, limit: null });
  });
});
