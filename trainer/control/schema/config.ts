import * as z from 'zod';
import { APPLIES, KEEPERS, type Applies } from '../../../shared/policy/applies.ts';
import { evidenceSchema } from '../policy/evidence_schema.ts';
import { CHANGE_STATUSES } from '../../store/schema/policy.ts';

import { CONFIG_ERRORS, GIT_ERRORS } from './route_errors.ts';
import { routes } from './routes.ts';

const part = z.enum(['core', 'retrain', 'signals', 'minutehand']);
const applies = z.enum(Object.keys(APPLIES) as [Applies, ...Applies[]]);
const inUse = z
  .object({
    active_models: z.number().int().describe('Pairs and instruments with active models'),
    quoted_spreads: z.array(z.string()).describe('Symbols of which one of the newest bars quotes its spread'),
    paper_accounts: z.array(z.string()).describe('Running paper accounts'),
  })
  .describe('What this installation uses that keeps its values when the configuration changes');
const key = z
  .string()
  .max(200)
  .regex(/^(core|retrain|signals|minutehand)(\.[a-z][a-z0-9_]*)+$/i)
  .describe('File and path of a value, e.g. core.theta1_initial');

const configSchema = z
  .object({
    policy_hash: z.string().describe('Hash of this configuration'),
    loaded_policy_hash: z
      .string()
      .describe('Hash of the configuration loaded by the trainer, which takes over another one between two trainings'),
    config: z.record(part, z.record(z.string(), z.unknown())).describe('Values by file; passwords are hidden'),
    overrides: z
      .array(z.object({ variable: z.string(), setting: z.string() }))
      .describe('Environment variables that override a file'),
  })
  .meta({ id: 'Config' });

const proposalRequest = z
  .strictObject({
    changes: z
      .record(key, z.unknown())
      .refine((changes) => Object.keys(changes).length >= 1 && Object.keys(changes).length <= 100, '1 to 100 changes')
      .describe('Values by key'),
    reason: z.string().min(1).max(2000).describe('Why'),
  })
  .meta({ id: 'ChangeProposal' });

const resetRequest = z.strictObject({ reason: z.string().min(1).max(2000).describe('Why') });

const changeSchema = z
  .object({
    change_id: z.number().int(),
    status: z.enum(CHANGE_STATUSES),
    changes: z.record(z.string(), z.unknown()).describe('Proposed values by key'),
    before: z.record(z.string(), z.unknown()).describe('Values when it was proposed'),
    reason: z.string(),
    proposed_by: z.string(),
    proposed_ms: z.number().describe('Epoch ms, as all times here'),
    expires_ms: z.number().describe('Expiry of an undecided change'),
    decided_by: z.string().nullable(),
    decided_ms: z.number().nullable(),
    policy_hash: z.string().describe('Hash of the configuration it was proposed against'),
    applies: z.record(z.string(), applies).describe('When each value takes effect'),
    branch: z.string().nullable(),
    base_commit: z.string().nullable().describe('Newest commit when it was proposed'),
    commit_id: z.string().nullable().describe('Commit of the proposal; null until it is made'),
    merge_commit: z.string().nullable().describe('Commit that was applied'),
    applied_ms: z.number().nullable(),
    pull_request_url: z.string().nullable(),
    failure: z.string().nullable().describe('Why the last step failed'),
    evidence: evidenceSchema.nullable(),
  })
  .meta({ id: 'Change', description: 'A proposed change of the configuration' });

const changesSchema = z.object({
  changes: z.array(changeSchema).describe('Newest first'),
  two_person_rule: z
    .boolean()
    .describe('Whether a change needs an approver other than its author (retrain.change_two_person_rule)'),
  in_use: inUse,
});

const takeBackRequest = z.strictObject({ reason: z.string().min(1).max(2000).describe('Why') });

export const policySchema = z.object({
  policy_hash: z.string(),
  entries: z
    .array(
      z.object({
        key: z.string().describe('As in a change proposal'),
        part,
        value: z.unknown(),
        delivered: z.unknown().describe('Default; null for minutehand.yaml'),
        label_ja: z.string().nullable().describe('Japanese label'),
        description: z.string(),
        allowed: z.string().describe('Allowed values'),
        applies: applies.describe('When a change of it takes effect'),
        kept_by: z.array(z.enum(KEEPERS)).describe('What keeps or has another value then'),
      }),
    )
    .describe('Every value of the four files'),
  in_use: inUse,
});

const changeParams = z.object({ change_id: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) });

/** Routes of `api/routes/config.ts`. */
export const configRoutes = routes({
  'GET /api/ml/config': {
    role: 'viewer',
    tags: ['configuration'],
    summary: 'The approved configuration',
    response: { 200: configSchema },
  },
  'PUT /api/ml/config': {
    role: 'operator',
    errors: CONFIG_ERRORS,
    tags: ['configuration'],
    summary: 'Propose a configuration change: a commit on a separate branch, applied after approval by another user',
    body: proposalRequest,
    response: { 202: changeSchema },
  },
  'POST /api/ml/config/reset': {
    role: 'operator',
    errors: CONFIG_ERRORS,
    tags: ['configuration'],
    summary: 'Propose the delivered values of the three policy files',
    body: resetRequest,
    response: { 202: changeSchema },
  },
  'GET /api/policy': {
    role: 'viewer',
    tags: ['configuration'],
    summary: 'Values with labels and descriptions',
    response: { 200: policySchema },
  },
  'GET /api/changes': {
    role: 'viewer',
    tags: ['configuration'],
    summary: 'Change requests',
    querystring: z.object({ limit: z.coerce.number().int().min(1).max(1000).default(100) }),
    response: { 200: changesSchema },
  },
  'POST /api/changes/{change_id}/approve': {
    role: 'approver',
    errors: ['CHANGE_UNKNOWN', 'CHANGE_OWN', 'CHANGE_CONFLICT', ...GIT_ERRORS],
    tags: ['configuration'],
    summary: 'approve an open change request, as another person than its author',
    params: changeParams,
    response: { 200: changeSchema },
  },
  'POST /api/changes/{change_id}/reject': {
    role: 'approver',
    errors: ['CHANGE_UNKNOWN', ...GIT_ERRORS],
    tags: ['configuration'],
    summary: 'reject an open change request',
    params: changeParams,
    response: { 200: changeSchema },
  },
  'POST /api/changes/{change_id}/take-back': {
    role: 'operator',
    errors: ['CHANGE_UNKNOWN', 'CHANGE_CONFLICT', ...GIT_ERRORS],
    tags: ['configuration'],
    summary: 'Propose the values from before an applied change, to be approved as every change',
    params: changeParams,
    body: takeBackRequest,
    response: { 202: changeSchema },
  },
});
