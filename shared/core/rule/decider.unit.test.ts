import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Side } from '../position/position.ts';
import { fact } from './conditions.ts';
import { deciderOf } from './decider.ts';
import type { Rule, RuleDecision } from './rule.ts';

/** Which conditions hold, by index: exits, then entries. */
interface Input {
  readonly exits: readonly boolean[];
  readonly entries: readonly boolean[];
  readonly entrySide: Side;
}

function ruleOf(exits: number, entries: number): Rule<Input> {
  const list = (kind: 'exits' | 'entries', count: number) =>
    Array.from({ length: count }, (_, index) =>
      fact<Input, string, string>({
        name: `${kind}_${index}`,
        reason: `${kind} ${index}`,
        limitFrom: 'policy',
        holds: (input) => input[kind][index]!,
      }),
    );
  return {
    exits: list('exits', exits),
    entries: list('entries', entries),
    entrySide: ({ entrySide }) => entrySide,
  };
}

/** The slow, obvious reference: one condition after the other. */
function decideInTurn(rule: Rule<Input>, side: Side, input: Input): RuleDecision<string> {
  if (side !== 0) {
    for (const exit of rule.exits) if (exit.holds(input)) return { action: 'EXIT', reason: exit.reason, target: 0 };
    return { action: 'HOLD', reason: 'IN_POSITION', target: side };
  }
  for (const entry of rule.entries) if (!entry.holds(input)) return { action: 'HOLD', reason: entry.reason, target: 0 };
  return { action: 'ENTER', reason: 'ENTRY', target: rule.entrySide(input) };
}

describe('a decision by a rule', () => {
  it('is that of its conditions one after the other', () => {
    const sizes = fc.record({ exits: fc.nat(8), entries: fc.nat(14) });
    const bits = (count: number) => fc.array(fc.boolean(), { minLength: count, maxLength: count });
    const cases = sizes.chain(({ exits, entries }) =>
      fc.record({
        rule: fc.constant(ruleOf(exits, entries)),
        side: fc.constantFrom<Side>(-1, 0, 1),
        input: fc.record({
          exits: bits(exits),
          // Mostly all hold.
          entries: fc.oneof(bits(entries), fc.constant(Array.from({ length: entries }, () => true))),
          entrySide: fc.constantFrom<Side>(-1, 1),
        }),
      }),
    );
    fc.assert(
      fc.property(cases, ({ rule, side, input }) => {
        expect(deciderOf(rule).decide(side, input)).toEqual(decideInTurn(rule, side, input));
      }),
      { numRuns: 500 },
    );
  });

  it('asks no condition behind the one that decides', () => {
    const asked: string[] = [];
    const noting = (name: string, holds: boolean) =>
      fact<null, string, string>({
        name,
        reason: name,
        limitFrom: 'policy',
        holds: () => {
          asked.push(name);
          return holds;
        },
      });
    const { decide } = deciderOf<null, string>({
      exits: [noting('a', false), noting('b', true), noting('c', true)],
      entries: [noting('d', true), noting('e', false), noting('f', false)],
      entrySide: () => 1,
    });
    decide(1, null);
    decide(0, null);
    expect(asked).toEqual(['a', 'b', 'd', 'e']);
  });
});
