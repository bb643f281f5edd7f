import * as z from 'zod';
import { APPLIES, KEEPERS, type Applies } from '../../../shared/policy/applies.ts';
import { evidenceSchema } from '../policy/evidence_schema.ts';
import { CHANGE_STATUSES } from '../../store/schema/policy.ts';

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

export const configSchema = z
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

export const proposalRequest = z
  .strictObject({
    changes: z
      .record(key, z.unknown())
      .refine((changes) => Object.keys(changes).length >= 1 && Object.keys(changes).length <= 100, '1 to 100 changes')
      .describe('Values by key'),
    reason: z.string().min(1).max(2000).describe('Why'),
  })
  .meta({ id: 'ChangeProposal' });

export const resetRequest = z.strictObject({ reason: z.string().min(1).max(2000).describe('Why') });

export const changeSchema = z
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

export const changesSchema = z.object({
  changes: z.array(changeSchema).describe('Newest first'),
  two_person_rule: z
    .boolean()
    .describe('Whether a change needs an approver other than its author (retrain.change_two_person_rule)'),
  in_use: inUse,
});

export const takeBackRequest = z.strictObject({ reason: z.string().min(1).max(2000).describe('Why') });

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
