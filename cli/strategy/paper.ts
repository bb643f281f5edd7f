import { appendFileSync, readFileSync } from 'node:fs';
import { closeTimestamp, type OpenTime } from '../../shared/bar.ts';
import type { ConditionState } from '../../shared/core/rule/conditions.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { RuleExplainer } from '../../trainer/learning/formula_rules/explain_rule.ts';
import type { RuleSubject } from '../../trainer/learning/formula_rules/rule_subject.ts';
import { isThere } from '../../shared/files.ts';

export const PAPER_SCHEMA = 'minutehand.rule_paper/1';

/** What a paper account is kept of; its first line states it, so that another rule or period is not continued. */
export interface PaperHeader {
  readonly strategy: object;
  readonly subject: string;
  /** Close of the first decided bar. */
  readonly from: string;
}

/**
 * One line of JSON per bar: action, reason, position, and every condition with value, limit and distance. A function of
 * rule and bars: more bars add lines and change none, so that a run after each bar, one run over all of them and a
 * later recomputation have the same bytes.
 * @param from first decided bar @param to bars from here on are not decided on
 */
export function paperText(
  header: PaperHeader,
  { history }: RuleSubject,
  explainer: RuleExplainer,
  from: number,
  to: number,
): string {
  const lines = [JSON.stringify({ schema: PAPER_SCHEMA, ...header })];
  for (let t = from; t < to; t++) {
    const { formulas, exits, ...decision } = explainer.at(t);
    const conditions = Object.entries(formulas).map(([name, states]) => [name, states.map(conditionLine)] as const);
    lines.push(
      JSON.stringify({
        closed: closeTimestamp(history.time[t]! as OpenTime),
        ...decision,
        conditions: Object.fromEntries(conditions),
        exits: exits.map(conditionLine),
      }),
    );
  }
  return `${lines.join('\n')}\n`;
}

function conditionLine({ name, holds, value, relation, limit, change }: ConditionState): object {
  return { name, holds, ...(relation !== null && { value, relation, limit, change }) };
}

export interface KeptPaper {
  /** Lines of bars that the file had, and that were added. */
  readonly kept: number;
  readonly added: number;
}

/**
 * Appends what a file of decisions lacks. What a kill left of a last line is completed.
 * @param text of all decisions
 * @throws MinutehandError PAPER_DIFFERS where the file has other decisions
 */
export function keepPaper(path: string, text: string): KeptPaper {
  const before = isThere(path) ? readFileSync(path, 'utf8') : '';
  if (!text.startsWith(before) && !before.startsWith(text))
    throw new MinutehandError('PAPER_DIFFERS', { seen: `${path}, line ${firstDifference(before, text)}` });
  if (text.length > before.length) appendFileSync(path, text.slice(before.length), { flush: true });
  const kept = barLines(before);
  return { kept, added: Math.max(0, barLines(text) - kept) };
}

/** Whole lines without the first. */
function barLines(text: string): number {
  return Math.max(0, text.split('\n').length - 2);
}

/** From 1. */
function firstDifference(a: string, b: string): number {
  const others = b.split('\n');
  return a.split('\n').findIndex((line, i) => line !== others[i]) + 1;
}
