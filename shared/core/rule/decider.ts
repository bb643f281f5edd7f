import type { Side } from '../position/position.ts';
import type { Condition, Rule, RuleDecision } from './rule.ts';

/** A rule, made ready to decide. */
export interface Decider<Input, Reason extends string> {
  /**
   * Decides at the close of a bar: a pure function of its arguments, the same one live, in replay and in backtest.
   * @param side of the position before the bar
   */
  decide(side: Side, input: Input): RuleDecision<Reason>;
}

/** The decisions of a rule. Made once for each rule, when its module is loaded. */
export function deciderOf<Input, Reason extends string>(rule: Rule<Input, Reason>): Decider<Input, Reason> {
  const firstExit = firstCondition(rule.exits, true);
  const firstRefusal = firstCondition(rule.entries, false);
  const exits = rule.exits.map(({ reason }) => ({ action: 'EXIT' as const, reason, target: 0 as const }));
  const refusals = rule.entries.map(({ reason }) => ({ action: 'HOLD' as const, reason, target: 0 as const }));
  return {
    decide(side, input) {
      if (side !== 0) {
        const exit = firstExit(input);
        return exit < 0 ? { action: 'HOLD', reason: 'IN_POSITION', target: side } : exits[exit]!;
      }
      const refusal = firstRefusal(input);
      return refusal < 0 ? { action: 'ENTER', reason: 'ENTRY', target: rule.entrySide(input) } : refusals[refusal]!;
    },
  };
}

/** Index of the first condition that holds, or that fails; −1 = none. Allocates nothing. */
type FirstCondition<Input> = (input: Input) => number;

/**
 * Finds the first condition that holds (`wanted` true) or fails (`wanted` false) of an ordered list.
 *
 * The loop over the list is unrolled into generated code, once for each rule: `h0`, `h1`, … are the conditions'
 * `holds`. In a loop all conditions share one call site, and V8 inlines no call whose site has seen more
 * than four functions: a decision of a pair took 57 ns in a loop and takes 9 ns like this, as it does written by hand
 * (four million bars). The text consists of numbers alone; nothing that a user, a bundle or a policy contains gets into
 * it.
 */
function firstCondition<Input>(conditions: readonly Condition<Input>[], wanted: boolean): FirstCondition<Input> {
  const names = conditions.map((_, index) => `h${index}`);
  const not = wanted ? '' : '!';
  const lines = names.map((name, index) => `if (${not}${name}(input)) return ${index};`);
  const text = `return (input) => { ${lines.join(' ')} return -1; };`;
  // oxlint-disable-next-line no-new-func, no-implied-eval -- see above
  const make = new Function(...names, text) as (...holds: Condition<Input>['holds'][]) => FirstCondition<Input>;
  return make(...conditions.map(({ holds }) => holds));
}
