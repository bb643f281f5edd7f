import * as z from 'zod';
import { VERSION } from '../../../shared/bundle/bundle.ts';
import { ruleManifestSchema } from '../../../shared/bundle/rule/rule_manifest.ts';
import { runSchema } from './runs.ts';
import { overrideShape } from './override.ts';
import { ADMISSION_ERRORS, BODY_ERRORS, BUNDLE_ERRORS, RULE_RUN_ERRORS } from './route_errors.ts';
import { routes } from './routes.ts';

const keptRuleSchema = z
  .object({
    version: z.string(),
    served: z.boolean().describe('A running daemon serves it'),
    shadow: z.boolean().describe('Answers the same bars without publishing'),
    instrument: z.string().nullable().describe('null: it cannot be read'),
    name: z.string().nullable(),
    origin: z.string().nullable().describe('written by a person, or evolved'),
    no_edge: z.boolean().nullable().describe('Its holdout shows no edge'),
    failed_gates: z.array(z.string()),
    missing_gates: z.array(z.string()).describe('Gates without a verdict'),
    error: z.string().nullable().describe('Code and text if it is unusable'),
  })
  .meta({ id: 'KeptRule', description: 'A rule with its verdicts' });

const strategiesSchema = z.object({
  rules: z.array(keptRuleSchema).describe('Newest first'),
  spaces: z.array(z.string()).describe('Search spaces of config/strategies/spaces, without .yaml'),
  files: z.array(z.string()).describe('Strategy files of config/strategies, without .yaml'),
  instruments: z.array(z.string()).describe('Configured ones: a daemon serves rules of these'),
});

const sentenceSchema = z.object({ en: z.string(), ja: z.string() }).describe('The rule in words');

/** What a report of a judgement has of the trades of its rule. */
export const ruleTradeSchema = z
  .object({
    side: z.union([z.literal(-1), z.literal(1)]),
    entry_time: z.string().describe('Of the fill, UTC'),
    exit_time: z.string(),
    reason: z.string(),
    gross_bps: z.number(),
    cost_bps: z.number(),
    swap_bps: z.number().describe('Swaps and funding; positive is paid'),
    net_bps: z.number(),
  })
  .meta({ id: 'RuleTrade' });

const judgedFigures = z.object({
  trades: z.int(),
  net_bps: z.number().nullable().describe('Mean per trade after costs'),
  one_bar_later_net_bps: z.number().nullable().describe('With both fills one bar later'),
  series_one_bar_later_net_bps: z
    .number()
    .nullable()
    .describe('With each auxiliary series known one bar later; null for earlier rules, too'),
  doubled_costs_net_bps: z.number().nullable(),
});

const strategyDetailSchema = z
  .object({
    version: z.string(),
    served: z.boolean(),
    shadow: z.boolean().describe('Answers the same bars without publishing'),
    is_signed: z.boolean(),
    sentence: sentenceSchema,
    manifest: ruleManifestSchema.meta({ id: 'RuleManifest', description: 'The manifest of a rule' }),
    periods: z
      .object({ development: judgedFigures, holdout: judgedFigures })
      .nullable()
      .describe('null: the report has none'),
    front: z
      .array(z.object({ sentence: sentenceSchema, sharpe: z.number(), drawdown: z.number(), trades: z.int() }))
      .describe('First front of its search, the fittest first; empty for a rule that a person wrote'),
    lineage: z.array(sentenceSchema).describe('Rules that its search made it of, the parents first'),
    trades: z.array(ruleTradeSchema).describe('Of development period and holdout, in order; empty for earlier rules'),
    report: z
      .unknown()
      .describe('All figures of its judgement: of a search also front and lineage, without the hashes of its rules'),
  })
  .meta({ id: 'StrategyDetail' });

const market = {
  instrument: z
    .string()
    .min(1)
    .max(80)
    .describe('Such as BTCUSDT@1h; of a rule for pairs the pair, such as XAUUSD_XAGUSD@1h, which is judged only'),
  start_date: z.iso.date().or(z.iso.datetime()).optional().describe('First bar to decide on, UTC; default: all'),
  end_date: z.iso.date().or(z.iso.datetime()).optional().describe('End of the bars, UTC; default: now'),
  holdout_from: z.iso
    .date()
    .or(z.iso.datetime())
    .optional()
    .describe('Start of the holdout, UTC; default: the last holdout_fraction of the time'),
  direction: z
    .string()
    .max(60)
    .regex(VERSION)
    .optional()
    .describe('Version of the direction model whose probabilities formulas read'),
  seed: z.string().max(60).default('0').describe('Of the search and the bootstrap'),
  resamples: z.int().min(100).max(100_000).default(1000).describe('Of the bootstrap'),
};

const searchRequest = z
  .strictObject({
    ...market,
    space: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,63}$/)
      .describe('Name of a search space: a file of config/strategies/spaces without .yaml'),
  })
  .meta({ id: 'StrategySearchRequest' });

const judgeRequest = z
  .strictObject({ ...market, text: z.string().max(20_000).describe('A strategy file, YAML') })
  .meta({ id: 'StrategyJudgeRequest' });

export type RuleRequest = z.infer<z.ZodObject<typeof market>>;

export const checkRequest = z
  .strictObject({ text: z.string().max(20_000).describe('A strategy file, YAML') })
  .meta({ id: 'StrategyCheckRequest' });

const searchedBeforeSchema = z
  .object({
    match: z
      .enum(['same', 'near'])
      .describe('near: it differs from a rule of a search in numbers, order of parts, exits or its other side alone'),
    trials: z.int().describe('Rules that these searches have tried'),
    searches: z.int(),
  })
  .meta({ id: 'SearchedBefore', description: 'Searches of this installation that have tried a rule' });

const checkedStrategySchema = z
  .object({
    valid: z.boolean(),
    sentence: sentenceSchema.nullable(),
    trials: z.int().nullable().describe('Rules that were tried before it, itself included; null: it is not valid'),
    searched: searchedBeforeSchema.nullable().describe('null: no search of this installation has tried it'),
    problems: z.array(
      z.object({
        code: z.string(),
        key: z.string().describe('Empty: the whole file'),
        line: z.int().nullable(),
        column: z.int().nullable(),
        text: z.string(),
      }),
    ),
  })
  .meta({ id: 'CheckedStrategy' });

const evolvingSchema = z
  .object({
    blocks: z.int().describe('Training blocks of this search: 16 is the one that proposes, the others walk forward'),
    generation: z.int().describe('Generations that are done'),
    rules: z.int().describe('Rules that were evaluated'),
    front: z
      .array(
        z.object({
          rule: z.string(),
          sharpe: z.number().describe('Of the training blocks, annual, after costs'),
          drawdown: z.number(),
          trades: z.int(),
          conditions: z.int(),
        }),
      )
      .describe('First front of Sharpe ratio, drawdown, trades and conditions (NSGA-II), the fittest first'),
  })
  .meta({ id: 'Evolving' });

const strategyStatusSchema = z.object({
  run: runSchema.nullable().describe('The search or judgement in progress'),
  searches: z.array(evolvingSchema).describe('Of the search in progress, after its last generation'),
  ended: z.array(runSchema).describe('The newest searches and judgements that have ended'),
});

const endShadowRequest = z
  .strictObject({ instrument: z.string().min(1).max(80), reason: z.string().max(500).optional() })
  .meta({ id: 'EndRuleShadowRequest' });

const ruleShadowSchema = z
  .object({ instrument: z.string(), version: z.string().nullable().describe('The rule in shadow; null: none') })
  .meta({ id: 'RuleShadow' });

const shadowQuery = z.strictObject({
  instrument: z.string().min(1).max(80),
  days: z.coerce.number().int().min(1).max(90).default(30).describe('How far back bars are compared'),
});

const answerFiguresSchema = z
  .object({
    entries: z.int(),
    trades: z.int().describe('Positions that were opened and closed on these bars'),
    net_bps: z
      .number()
      .nullable()
      .describe('Mean per trade from close to close, after the costs that the rule in shadow was judged with'),
  })
  .meta({ id: 'AnswerFigures' });

const shadowComparisonSchema = z
  .object({
    instrument: z.string(),
    version: z.string(),
    bars: z.int().describe('That both have answered'),
    from: z.string().nullable().describe('End of the first of them, UTC'),
    to: z.string().nullable(),
    equal: z.int().describe('Bars with the same action and the same side behind it'),
    publishers: z.array(z.string()).describe('Versions that published; empty text: nobody'),
    published: answerFiguresSchema,
    shadow: answerFiguresSchema,
  })
  .meta({ id: 'RuleShadowComparison' });

const endServingRequest = z
  .strictObject({ instrument: z.string().min(1).max(80), reason: z.string().max(500).optional() })
  .meta({ id: 'EndServingRequest' });

const rulePointerSchema = z
  .object({
    instrument: z.string(),
    version: z.string().nullable().describe('The rule that is served; null: none'),
    previous: z.string().nullable().describe('Its predecessor'),
  })
  .meta({ id: 'RulePointer' });

const params = z.object({ version: z.string().max(60).regex(VERSION).describe('Version of a rule') });

/** Routes of `api/routes/strategies.ts`. */
export const strategyRoutes = routes({
  'GET /api/strategies': {
    role: 'viewer',
    errors: ['MODEL_MANIFEST', 'MODEL_FILE'],
    tags: ['strategies'],
    summary: 'Kept rules, strategy files and search spaces',
    response: { 200: strategiesSchema },
  },
  'GET /api/strategies/status': {
    role: 'viewer',
    tags: ['strategies'],
    summary: 'The search or judgement in progress, its generations and its front',
    response: { 200: strategyStatusSchema },
  },
  'GET /api/strategies/{version}': {
    role: 'viewer',
    errors: BUNDLE_ERRORS,
    tags: ['strategies'],
    summary: 'A rule: manifest, sentence, and all figures of its judgement',
    params,
    response: { 200: strategyDetailSchema },
  },
  'POST /api/strategies/check': {
    role: 'viewer',
    errors: ['LOOKS_FORMAT', ...BODY_ERRORS],
    tags: ['strategies'],
    summary: 'Check a strategy file: every problem with its line and column',
    body: checkRequest,
    response: { 200: checkedStrategySchema },
  },
  'POST /api/strategies/start': {
    role: 'operator',
    errors: RULE_RUN_ERRORS,
    tags: ['strategies'],
    summary: 'Search rules in a declared space, and judge the one that is proposed',
    description:
      'Begins a run of the kind `evolve`. The proposed rule of an instrument is kept with its verdicts, whatever they are, and the evaluation of the holdout is counted. Nothing is served before someone promotes it.',
    body: searchRequest,
    response: { 202: runSchema },
  },
  'POST /api/strategies/judge': {
    role: 'operator',
    errors: RULE_RUN_ERRORS,
    tags: ['strategies'],
    summary: 'Judge a rule',
    description:
      'Begins a run of the kind `judge`. Each judgement is an evaluation of the holdout and is counted. The rule of an instrument is kept with its verdicts, whatever they are.',
    body: judgeRequest,
    response: { 202: runSchema },
  },
  'POST /api/strategies/stop': {
    role: 'operator',
    errors: ['RETRAIN_IDLE'],
    tags: ['strategies'],
    summary:
      'Stop the search or judgement in progress; a search with the same body and an end_date continues from its last generation',
    response: { 202: runSchema },
  },
  'POST /api/strategies/{version}/promote': {
    role: 'approver',
    errors: [...ADMISSION_ERRORS, 'LOOKS_FORMAT', ...BODY_ERRORS],
    tags: ['strategies'],
    summary:
      'Refuse failed or unknown gates, and have the daemon serve the rule for its instrument. The predecessor is rolled back to',
    params,
    body: z.strictObject(overrideShape).nullish(),
    response: { 200: rulePointerSchema },
  },
  'POST /api/strategies/end': {
    role: 'approver',
    errors: ['MODEL_MISSING', 'HOME_LOCKED', 'NAME_UNSAFE', ...BODY_ERRORS],
    tags: ['strategies'],
    summary: 'End serving the rule of an instrument: its direction model answers again, if there is one',
    body: endServingRequest,
    response: { 200: rulePointerSchema },
  },
  'GET /api/strategies/shadow': {
    role: 'viewer',
    errors: ['NAME_UNSAFE', 'POINTER_MARK', ...BUNDLE_ERRORS],
    tags: ['strategies'],
    summary: 'What the rule in shadow of an instrument would have done, beside what was published',
    description: 'On the bars that both have answered. It proves nothing and promotes nothing.',
    querystring: shadowQuery,
    response: { 200: shadowComparisonSchema },
  },
  'POST /api/strategies/{version}/shadow': {
    role: 'approver',
    errors: [...ADMISSION_ERRORS, 'HOME_LOCKED', 'LOOKS_FORMAT'],
    tags: ['strategies'],
    summary: 'Verify a rule, and have a running daemon answer by it along, without publishing',
    description: 'Whatever its verdicts. Each instrument has one rule in shadow, beside whatever is served.',
    params,
    response: { 200: ruleShadowSchema },
  },
  'POST /api/strategies/end-shadow': {
    role: 'approver',
    errors: ['MODEL_MISSING', 'HOME_LOCKED', 'NAME_UNSAFE', ...BODY_ERRORS],
    tags: ['strategies'],
    summary: 'End the rule in shadow of an instrument',
    body: endShadowRequest,
    response: { 200: ruleShadowSchema },
  },
});
