import { directionFolder } from '../../../shared/bundle/direction/active_direction.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { problemText, type ConfigProblem } from '../../../shared/policy/problem.ts';
import {
  readStrategyText,
  strategyReadsProbabilities,
  type StrategyRead,
  type StrategySubject,
} from '../../../shared/policy/strategy_file.ts';
import { symbolNames } from '../../../shared/policy/symbol_names.ts';
import { spellSubject } from '../../../shared/symbol/symbol.ts';
import { missingDirection } from '../../jobs/kinds/missing_direction.ts';
import { configuredSpace, configuredSpaces, ruleRunDefaults } from '../schedule/rule_runs.ts';
import type { RunParameters } from '../../jobs/kinds/run_parameters.ts';
import type { RuleRequest } from '../schema/strategies.ts';
import type { ApiContext } from './context.ts';
import { instantOf } from './training_options.ts';

/** Name of a text in the places of its problems. */
const TEXT = 'text';

type Place = Pick<ApiContext, 'settings' | 'paths' | 'clock'>;

/**
 * A request as the run of a search.
 * @throws MinutehandError REQUEST_INVALID for an unknown space; as configuredSpace
 */
export function searchParameters(request: RuleRequest & { readonly space: string }, place: Place): RunParameters {
  const known = configuredSpaces();
  if (!known.includes(request.space))
    throw new MinutehandError('REQUEST_INVALID', { seen: `space ${request.space}`, expected: known.join(', ') });
  const space = configuredSpace(request.space, place.settings);
  const output = { folder: null, candidate: space.subject === 'instrument' };
  return { rule_job: { kind: 'evolve', ...marketOf(request, space.subject, place), space, output } };
}

/**
 * A request as the run of a judgement.
 * @throws MinutehandError CONFIG_INVALID with every problem of the text; REQUEST_INVALID for one that reads
 * probabilities without a direction model
 */
export function judgeParameters(request: RuleRequest & { readonly text: string }, place: Place): RunParameters {
  const read = readStrategyText(TEXT, request.text, place.settings.minutehand.windows);
  if (Array.isArray(read))
    throw new MinutehandError('CONFIG_INVALID', { seen: read.map(problemText).join('; ').slice(0, 2000) });
  const { document: strategy, strategy: checked } = read as StrategyRead;
  if (request.direction === undefined && strategyReadsProbabilities(checked))
    throw missingDirection('REQUEST_INVALID', 'a rule', 'direction: its version');
  const output = { candidate: strategy.subject === 'instrument' };
  return { rule_job: { kind: 'judge', ...marketOf(request, strategy.subject, place), strategy, output } };
}

function marketOf(request: RuleRequest, kind: StrategySubject, { settings, paths, clock }: Place) {
  const { instrument, start_date, end_date, holdout_from, direction, seed, resamples } = request;
  const usual = ruleRunDefaults(settings, clock.nowMs());
  return {
    ...usual,
    subject: spellSubject(instrument, symbolNames(settings), kind),
    window: { from: instantOf(start_date) ?? null, to: instantOf(end_date, 'end') ?? usual.window.to },
    holdout_from: instantOf(holdout_from) ?? null,
    direction: direction === undefined ? null : pathInside(directionFolder(paths.models), direction),
    seed,
    resamples,
  };
}

/** A problem at its place in the text. */
export function placedProblem({ code, key, where, text }: ConfigProblem) {
  const [, line, column] = /:(\d+):(\d+)$/.exec(where) ?? [];
  return {
    code,
    key,
    line: line === undefined ? null : Number(line),
    column: column === undefined ? null : Number(column),
    text,
  };
}
