import type { HomePaths } from '../../shared/home.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { ShelfName, StrategyName } from '../../shared/strategies/registry.ts';
import { instrumentsWithRule, readActiveRule, ruleOpener } from '../../shared/bundle/rule/active_rule.ts';
import { trainerMarks } from '../../shared/bundle/pointer_marks.ts';
import { describeError } from '../../shared/errors.ts';
import { standingName, standingRejections, type Standing } from '../../trainer/control/admission/standing.ts';
import { modelProblems } from '../status/model_findings.ts';
import type { CheckResult } from '../check_result.ts';
import { DIRECTION_COMMANDS } from './direction/commands.ts';
import { PAIR_REVERSION_COMMANDS } from './pair_reversion/commands.ts';
import type { StrategyCommands } from './strategy_commands.ts';

const COMMANDS: Readonly<Record<StrategyName, StrategyCommands>> = {
  pair_reversion: PAIR_REVERSION_COMMANDS,
  direction: DIRECTION_COMMANDS,
};

/** What commands ask of each strategy. */
export const ALL_COMMANDS: readonly StrategyCommands[] = Object.values(COMMANDS);

export function commandsOfShelf(name: ShelfName): StrategyCommands {
  return ALL_COMMANDS.find(({ shelf }) => shelf === name)!;
}

export function commandsOfStrategy(strategy: StrategyName): StrategyCommands {
  return COMMANDS[strategy];
}

/** Loads what is active as a daemon of this program does, and asks whether it may be in use. */
export async function checkActiveModels(settings: Settings, paths: HomePaths): Promise<CheckResult[]> {
  const checked: CheckResult[] = [];
  for (const own of ALL_COMMANDS) checked.push(...(await own.checkActive(settings, paths)));
  for (const instrument of instrumentsWithRule(paths.models)) checked.push(checkRule(instrument, paths));
  const problems = modelProblems(settings, paths, await standingRejections(paths));
  const isLoaded = (place: Standing): boolean =>
    checked.some(({ what, verdict }) => what === checkNameOf(place) && verdict !== 'error');
  const own = problems.filter((problem) => problem.role !== 'active' || isLoaded(problem));
  return [
    ...checked.filter(({ what }) => own.every((problem) => checkNameOf(problem) !== what)),
    ...own.map(({ slot, role, isStated, text, next }): CheckResult => {
      return { what: checkNameOf({ slot, role }), verdict: isStated ? 'warning' : 'error', detail: `${text} ${next}` };
    }),
  ];
}

function checkNameOf(place: Standing): string {
  const name = standingName(place);
  return name === 'pairs' ? 'models' : name;
}

function checkRule(instrument: string, paths: HomePaths): CheckResult {
  const what = `rule ${instrument}`;
  try {
    const active = readActiveRule(paths.models, instrument, trainerMarks(paths, `rule_${instrument}`))!;
    const { edge } = ruleOpener(paths.models)(active.version).manifest;
    return { what, verdict: 'ok', detail: `${active.version} verified${edge.no_edge ? ', without an edge' : ''}` };
  } catch (error) {
    const { code, message, next } = describeError(error);
    return { what, verdict: 'error', detail: `${code}: ${message} ${next}` };
  }
}
