import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { OpenTime } from '../../../../shared/bar.ts';
import {
  activateAdmitted,
  endRule,
  endRuleShadow,
  setRuleShadow,
} from '../../../../shared/bundle/admission/activation.ts';
import { admit } from '../../../../shared/bundle/admission/admission.ts';
import { folderOfRule, readActiveRule, ruleFolder } from '../../../../shared/bundle/rule/active_rule.ts';
import { readRuleBundle, readRuleReport } from '../../../../shared/bundle/rule/rule_bundle.ts';
import { RULE_REPORT } from '../../../../shared/bundle/rule/rule_manifest.ts';
import { SIGNATURE_FILE } from '../../../../shared/bundle/signature.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { pathInside } from '../../../../shared/path_name.ts';
import { readStrategyText, type FormulaStrategy, type StrategyRead } from '../../../../shared/policy/strategy_file.ts';
import { spellRuled } from '../../../../shared/policy/ruled_subject.ts';
import { evolvingSearches } from '../../rules/evolving.ts';
import { judgedFigures } from '../../rules/judged_figures.ts';
import { keptRules, ruleShadows, servedRules } from '../../rules/kept_rules.ts';
import { ruleSentence } from '../../../learning/formula_rules/rule_sentence.ts';
import { configuredSpaces, configuredStrategies } from '../../schedule/rule_runs.ts';
import { isOfRules, requestTrigger, type RunKind } from '../../schedule/run.ts';
import { triedBefore } from '../../../jobs/kinds/trials_of_rule.ts';
import type { RunParameters } from '../../../jobs/kinds/run_parameters.ts';
import { admissionPlaceOf, NO_OVERRIDE, overrideOf } from '../admission.ts';
import type { Api, ApiContext } from '../context.ts';
import { clientLeft } from '../http_server.ts';
import { judgeParameters, placedProblem, searchParameters } from '../strategy_requests.ts';
import { shownRun } from './runs.ts';
import { strategyRoutes } from '../../schema/strategies.ts';
import { whenUnlocked } from '../../../../shared/process/home_lock.ts';
import { subjectOfRule } from '../../../../shared/subject/slot.ts';

const ENDED_RUNS = 10;
const SECONDS_PER_DAY = 86_400;

/** `/api/strategies/…`: rule files, searches of rules, and the rules that a daemon serves. */
export function addStrategyRoutes(api: Api, context: ApiContext): void {
  addReadRoutes(api, context);
  addRunRoutes(api, context);
  addServingRoutes(api, context);
  addShadowRoutes(api, context);
}

function addReadRoutes(api: Api, { paths, settings, retrainer }: ApiContext): void {
  api.route({
    ...strategyRoutes['GET /api/strategies'],
    handler: () =>
      Promise.resolve({
        rules: keptRules(paths.models)
          .map((rule) => ({ ...rule, failed_gates: [...rule.failed_gates], missing_gates: [...rule.missing_gates] }))
          .reverse(),
        spaces: configuredSpaces(),
        files: configuredStrategies(),
        instruments: [...settings.minutehand.instruments],
      }),
  });

  api.route({
    ...strategyRoutes['GET /api/strategies/status'],
    handler() {
      const runs = retrainer.runs().filter(({ kind }) => isOfRules(kind));
      const run = runs.find(({ status }) => status === 'running');
      return Promise.resolve({
        run: run === undefined ? null : shownRun(run),
        searches: run === undefined ? [] : evolvingSearches(run, settings, paths),
        ended: runs
          .filter(({ status }) => status !== 'running')
          .slice(0, ENDED_RUNS)
          .map(shownRun),
      });
    },
  });

  api.route({
    ...strategyRoutes['GET /api/strategies/{version}'],
    handler({ params: { version } }) {
      const folder = pathInside(ruleFolder(paths.models), version);
      const { manifest, strategy } = readRuleBundle(folder);
      const { tried_rules: _hashes, ...report } = readRuleReport(folder) as Record<string, unknown>;
      return Promise.resolve({
        version,
        served: Object.values(servedRules(paths.models)).includes(version),
        shadow: Object.values(ruleShadows(paths.models)).includes(version),
        is_signed: existsSync(join(folder, SIGNATURE_FILE)),
        sentence: sentencesOf(strategy),
        manifest,
        ...judgedFigures(report, join(folder, RULE_REPORT)),
        report,
      });
    },
  });

  api.route({
    ...strategyRoutes['POST /api/strategies/check'],
    handler({ body: { text } }) {
      const read = readStrategyText('text', text, settings.minutehand.windows);
      return Promise.resolve(
        Array.isArray(read)
          ? { valid: false, sentence: null, trials: null, searched: null, problems: read.map(placedProblem) }
          : checkedAnswer(read as StrategyRead, paths.models),
      );
    },
  });
}

function checkedAnswer({ document, strategy }: StrategyRead, models: string) {
  return { valid: true, sentence: sentencesOf(strategy), ...triedBefore(document, strategy, models), problems: [] };
}

function addRunRoutes(api: Api, context: ApiContext): void {
  const { retrainer } = context;
  const begin = async (kind: RunKind, parameters: RunParameters) => {
    const run = await retrainer.request({ kind, trigger: requestTrigger('api', parameters), parameters });
    if (run === null) throw new MinutehandError('RETRAIN_RUNNING');
    return run;
  };

  api.route({
    ...strategyRoutes['POST /api/strategies/start'],
    async handler(request, reply) {
      request.written = { target: `search of rules ${request.body.instrument}` };
      const run = await begin('evolve', searchParameters(request.body, context));
      request.written = { target: `run ${run.run_id}`, after: request.body };
      return reply.status(202).send(shownRun(run));
    },
  });

  api.route({
    ...strategyRoutes['POST /api/strategies/judge'],
    async handler(request, reply) {
      request.written = { target: `judgement of a rule ${request.body.instrument}` };
      const run = await begin('judge', judgeParameters(request.body, context));
      request.written = { target: `run ${run.run_id}`, after: request.body };
      return reply.status(202).send(shownRun(run));
    },
  });

  api.route({
    ...strategyRoutes['POST /api/strategies/stop'],
    async handler(request, reply) {
      const current = retrainer.runs().find(({ status }) => status === 'running');
      const run = current !== undefined && isOfRules(current.kind) ? retrainer.cancel(request.identity!.name) : null;
      if (run === null) throw new MinutehandError('RETRAIN_IDLE');
      request.written = { target: `run ${run.run_id}` };
      return reply.status(202).send(shownRun(run));
    },
  });
}

function addServingRoutes(api: Api, context: ApiContext): void {
  const { paths, settings } = context;
  api.route({
    ...strategyRoutes['POST /api/strategies/{version}/promote'],
    async handler(request) {
      const { version } = request.params;
      request.written = { target: `rule ${version}` };
      const override = overrideOf(request.body ?? NO_OVERRIDE, request);
      const folder = folderOfRule(paths.models, version);
      const { instrument } = readRuleBundle(folder).manifest;
      const before = pointerOf(paths.models, instrument);
      const door = version === before?.previous ? 'rollback' : 'promotion';
      const admitted = await admit(admissionPlaceOf(context), { door, folder, override });
      const after = { instrument, ...(await whenUnlocked(() => activateAdmitted(admitted, paths))) };
      const { despite } = admitted;
      request.written = { target: `rule ${version}`, before, after: { ...after, ...(despite && { despite }) } };
      return after;
    },
  });

  api.route({
    ...strategyRoutes['POST /api/strategies/end'],
    async handler(request) {
      const { reason } = request.body;
      const instrument = spellRuled(request.body.instrument, settings);
      request.written = { target: `rule ${instrument}` };
      const version = await whenUnlocked(() => endRule(instrument, paths));
      if (version === null)
        throw new MinutehandError('MODEL_MISSING', { seen: `no rule is served for ${instrument.slice(0, 60)}` });
      request.written = {
        target: `rule ${instrument}`,
        before: { version },
        after: { version: null, ...(reason !== undefined && { reason }) },
      };
      return { instrument, version: null, previous: null };
    },
  });
}

function addShadowRoutes(api: Api, context: ApiContext): void {
  const { paths, settings, clock, reads } = context;
  const spelled = (instrument: string): string => spellRuled(instrument, settings);

  api.route({
    ...strategyRoutes['GET /api/strategies/shadow'],
    async handler({ query: { instrument: given, days } }, reply) {
      const instrument = spelled(given);
      const since = Math.floor(clock.nowMs() / 1000 - days * SECONDS_PER_DAY) as OpenTime;
      const compared = await reads.ask('shadow', { instrument, since }, clientLeft(reply.raw));
      if (compared === null) throw noShadow(instrument);
      return { ...compared, publishers: [...compared.publishers] };
    },
  });

  api.route({
    ...strategyRoutes['POST /api/strategies/{version}/shadow'],
    async handler(request) {
      const { version } = request.params;
      request.written = { target: `rule ${version}` };
      const folder = folderOfRule(paths.models, version);
      const admitted = await admit(admissionPlaceOf(context), { door: 'shadow', folder });
      const instrument = subjectOfRule(admitted.slot);
      const before = { instrument, version: await whenUnlocked(() => setRuleShadow(admitted, paths)) };
      const after = { instrument, version };
      request.written = { target: `rule ${version}`, before, after };
      return after;
    },
  });

  api.route({
    ...strategyRoutes['POST /api/strategies/end-shadow'],
    async handler(request) {
      const { reason } = request.body;
      const instrument = spelled(request.body.instrument);
      const target = `rule ${instrument}`;
      request.written = { target };
      const version = await whenUnlocked(() => endRuleShadow(instrument, paths));
      if (version === null) throw noShadow(instrument);
      const after = { version: null, ...(reason !== undefined && { reason }) };
      request.written = { target, before: { version }, after };
      return { instrument, version: null };
    },
  });
}

function noShadow(instrument: string): MinutehandError {
  return new MinutehandError('MODEL_MISSING', { seen: `no rule is in shadow for ${instrument.slice(0, 60)}` });
}

function pointerOf(models: string, instrument: string) {
  try {
    return readActiveRule(models, instrument);
  } catch (error) {
    if (error instanceof MinutehandError) return null;
    throw error;
  }
}

function sentencesOf(strategy: FormulaStrategy) {
  return { en: ruleSentence(strategy, 'en'), ja: ruleSentence(strategy, 'ja') };
}
