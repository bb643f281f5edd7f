import * as z from 'zod';
import { FormulaError } from '../../../shared/core/formula/formula_error.ts';
import { lookBackOnProbabilities } from '../../../shared/core/formula/probabilities.ts';
import { parseFormula, type Formula } from '../../../shared/core/formula/formula.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import { NO_LIMITS, type RuleLimits } from '../../../shared/strategies/formula_rule/formula_rule.ts';
import { faultText } from '../../../shared/policy/formula_fault.ts';
import { keyText, problemsError, valueText, type ConfigProblem } from '../../../shared/policy/problem.ts';
import { STRATEGY_SUBJECTS, strategySources, type StrategySubject } from '../../../shared/policy/strategy_file.ts';
import { readYamlFile } from '../../../shared/policy/yaml_file.ts';

/** Conditions of a space: each is evaluated once at every bar. */
export const MAX_CONDITIONS = 500;

const feature = z.strictObject({
  formula: z.string().min(1),
  windows: z.array(z.int().min(1)).min(1).optional(),
  thresholds: z.array(z.number()).min(1).optional(),
});

export const SPACE_SCHEMA = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/),
  description: z.string(),
  subject: z.enum(STRATEGY_SUBJECTS),
  features: z.array(feature).min(1),
  operators: z.array(z.enum(['and', 'or'])).min(1),
  sides: z.array(z.enum(['long', 'short'])).min(1),
  max_conditions: z.int().min(1).max(8),
  /** null: no stop, no target. */
  stop_bps: z.array(z.number().positive().nullable()).min(1),
  target_bps: z.array(z.number().positive().nullable()).min(1),
  max_age: z.array(z.int().min(1).max(65_536)).min(1),
  population: z.int().min(8).max(10_000),
  generations: z.int().min(1).max(1000),
  /** Annual net Sharpe ratio that a further condition must add. */
  complexity_penalty: z.number().min(0),
});
export type SpaceDocument = z.infer<typeof SPACE_SCHEMA>;

/** One condition of the grid: a feature above or below a threshold; a condition as it is written, or its negation. */
export interface GridCondition {
  readonly formula: Formula;
  /** Conditions of one feature are neighbors of each other. */
  readonly feature: number;
}

/** A declared search space. */
export interface SearchSpace {
  readonly document: SpaceDocument;
  readonly subject: StrategySubject;
  readonly conditions: readonly GridCondition[];
  /** All combinations of stop, target and maximum age. */
  readonly plans: readonly RuleLimits[];
}

/**
 * Reads and checks a search space.
 * @throws MinutehandError CONFIG_MISSING, CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY, CONFIG_INVALID with every problem and its
 * line
 */
export function readSpaceFile(file: string, windows: Windows): SearchSpace {
  const read = readYamlFile(file);
  if ('problems' in read) throw problemsError(read.problems);
  const { value, where } = read.yaml;
  const parsed = SPACE_SCHEMA.safeParse(value);
  if (!parsed.success)
    throw problemsError(
      parsed.error.issues.map((issue): ConfigProblem => {
        const key = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : issue.path;
        const seen = key.reduce<unknown>((at, step) => (at as Record<PropertyKey, unknown> | null)?.[step], value);
        const isUnknown = issue.code === 'unrecognized_keys';
        return {
          code: isUnknown ? 'CONFIG_UNKNOWN_KEY' : 'CONFIG_INVALID',
          where: where(key),
          key: keyText(key),
          text: isUnknown ? 'is no key of a search space' : `is ${valueText(seen)}: ${issue.message}`,
        };
      }),
    );
  return spaceOf(parsed.data, windows, where);
}

/** @throws MinutehandError CONFIG_INVALID */
export function spaceOf(
  document: SpaceDocument,
  windows: Windows,
  where: (path: readonly PropertyKey[]) => string,
): SearchSpace {
  const sources = strategySources(document.subject, windows);
  const problems: ConfigProblem[] = [];
  const byText = new Map<string, GridCondition>();
  document.features.forEach(({ formula, windows: grid = [NaN], thresholds }, index) => {
    const path = ['features', index, 'formula'];
    const refuse = (text: string): void =>
      void problems.push({ code: 'CONFIG_INVALID', where: where(path), key: keyText(path), text });
    try {
      for (const n of grid) {
        const numbers = new Map(Number.isNaN(n) ? [] : [['n', n]]);
        const whole = parseFormula(formula, { ...sources, numbers });
        if ((whole.type === 'boolean') !== (thresholds === undefined))
          return refuse(
            whole.type === 'boolean' ? 'is a condition: it takes no thresholds' : 'is a number: expected thresholds',
          );
        const texts = thresholds?.flatMap((own) => [`(${whole.text}) > ${own}`, `(${whole.text}) < ${own}`]);
        for (const text of texts ?? [whole.text, `not (${whole.text})`]) {
          const condition = parseFormula(text, sources);
          const lookBack = lookBackOnProbabilities(condition);
          if (lookBack !== null)
            return refuse(`looks back over probabilities in ${lookBack}, expected those of the bar alone`);
          if (!byText.has(condition.text)) byText.set(condition.text, { formula: condition, feature: index });
        }
      }
    } catch (error) {
      if (!(error instanceof FormulaError)) throw error;
      refuse(`is no formula: ${faultText(error)} (${error.code})`);
    }
  });
  if (byText.size > MAX_CONDITIONS)
    problems.push({
      code: 'CONFIG_INVALID',
      where: where(['features']),
      key: 'features',
      text: `make ${byText.size} conditions, expected at most ${MAX_CONDITIONS}`,
    });
  if (problems.length > 0) throw problemsError(problems);
  const { stop_bps, target_bps, max_age } = document;
  const plans = stop_bps.flatMap((stop) =>
    target_bps.flatMap((target) =>
      max_age.map((maxAgeBars): RuleLimits => ({
        ...NO_LIMITS,
        stopBps: stop ?? NO_LIMITS.stopBps,
        targetBps: target ?? NO_LIMITS.targetBps,
        maxAgeBars,
      })),
    ),
  );
  return { document, subject: document.subject, conditions: [...byText.values()], plans };
}
