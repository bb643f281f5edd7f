import type { RuleGateCode } from '../../../shared/bundle/gates/gate_codes.ts';
import type { GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import type { Evidence, Unit } from '../../../shared/bundle/gates/gate_schema.ts';
import type { RuleReport } from './rule_report.ts';

export const MIN_DEFLATED_SHARPE = 0.95;
export const MAX_OVERFITTING = 0.1;
export const MAX_SPA_P = 0.05;

/** One requirement of a rule with its value; a value that is missing fails. */
export interface RuleCheck {
  readonly code: 'TRADES' | 'DEFLATED_SHARPE' | 'OVERFITTING' | 'SPA' | 'WALK_FORWARD' | 'HOLDOUT' | 'ONE_BAR_LATER';
  readonly passed: boolean;
  readonly value: number | null;
  readonly relation: '>=' | '<=' | '<' | '>';
  readonly limit: number;
}

export function ruleCheck(
  code: RuleCheck['code'],
  value: number | null | undefined,
  relation: RuleCheck['relation'],
  limit: number,
): RuleCheck {
  const known = value === undefined || Number.isNaN(value) ? null : value;
  return { code, passed: known !== null && holds(known, relation, limit), value: known, relation, limit };
}

/**
 * A result above 0 with both fills a bar later, and one with each auxiliary series a bar later: by the worse of both.
 */
export function oneBarLaterCheck(report: LaterResults | undefined): RuleCheck {
  const { one_bar_later_net_bps: fills = null, series_one_bar_later_net_bps: series = null } = report ?? {};
  const worse = fills === null || series === null ? null : Math.min(fills, series);
  return ruleCheck('ONE_BAR_LATER', worse, '>', 0);
}

type LaterResults = Pick<RuleReport, 'one_bar_later_net_bps' | 'series_one_bar_later_net_bps'>;

function holds(value: number, relation: RuleCheck['relation'], limit: number): boolean {
  switch (relation) {
    case '>=':
      return value >= limit;
    case '<=':
      return value <= limit;
    case '<':
      return value < limit;
    case '>':
      return value > limit;
  }
}

const UNITS: Readonly<Partial<Record<RuleCheck['code'], Unit>>> = { TRADES: 'count', ONE_BAR_LATER: 'bps' };

/** The verdicts that a bundle carries. @param look number of the evaluation of the holdout */
export function ruleGates(checks: readonly RuleCheck[], look: number): GateResult[] {
  return checks.map(({ code, passed, value, relation, limit }) => {
    const evidence: Evidence = code === 'HOLDOUT' ? { look } : {};
    const gate = `rule_${code.toLowerCase()}` as RuleGateCode;
    return { code: gate, role: null, passed, value, relation, limit, unit: UNITS[code] ?? 'score', evidence };
  });
}

/** A check for a person. */
export function checkLine({ code, passed, value, relation, limit }: RuleCheck): string {
  const shown = value === null ? 'no value' : String(Number(value.toPrecision(4)));
  return `${code.padEnd(16)} ${passed ? 'passes' : 'fails '}  ${shown} ${relation} ${String(Number(limit.toPrecision(4)))}`;
}
