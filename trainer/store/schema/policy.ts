import { BIGINT, NUMBERED, TEXT, optional, table, textOf, type RowOf } from './table.ts';

export const CHANGE_STATUSES = ['open', 'approved', 'rejected', 'expired', 'applied', 'failed'] as const;
export type ChangeStatus = (typeof CHANGE_STATUSES)[number];

/** Proposed changes of the configuration. */
const CHANGE_REQUESTS = table(
  'core.change_requests',
  {},
  {
    change_id: NUMBERED,
    /** JSON object: path of each value → proposed value. */
    changes: TEXT,
    /** JSON object: the values when it was proposed. */
    before: TEXT,
    reason: TEXT,
    status: textOf<ChangeStatus>(),
    proposed_by: TEXT,
    proposed_ms: BIGINT,
    expires_ms: BIGINT,
    decided_by: optional(TEXT),
    decided_ms: optional(BIGINT),
    /** Policy hash of the configuration it was proposed against. */
    policy_hash: TEXT,
    /** Branch, newest commit of the approved branch and commit of the proposal. */
    branch: optional(TEXT),
    base_commit: optional(TEXT),
    commit_id: optional(TEXT),
    /** The commit that was applied. */
    merge_commit: optional(TEXT),
    applied_ms: optional(BIGINT),
    pull_request_number: optional(BIGINT),
    pull_request_url: optional(TEXT),
    /** 1 = open. */
    pull_request_open: optional(BIGINT),
    /** Why the last step failed; null = it did not. */
    failure: optional(TEXT),
    /** JSON: see trainer/control/policy/evidence.ts. */
    evidence: optional(TEXT),
  },
);
export type ChangeRequestsTable = RowOf<typeof CHANGE_REQUESTS>;

/** One row for each change of a value of the configuration, its first value included. */
const CONFIG_CHANGES = table(
  'audit.config_changes',
  {},
  {
    change_id: NUMBERED,
    changed_at: TEXT,
    /** `core`, `retrain`, `signals` or `minutehand`. */
    part: TEXT,
    key: TEXT,
    /** JSON; null without an earlier value, or without a present one. */
    before: optional(TEXT),
    after: optional(TEXT),
    /** Of the whole configuration with this value; its signals have the same hash. */
    policy_hash: optional(TEXT),
    /** user@machine; null where unknown, as are the two below. */
    changed_by: optional(TEXT),
    /** The program that first ran with it: `trainer`, or `daemon` and its shard. */
    program: optional(TEXT),
    /** Why, as MINUTEHAND_CHANGE_REASON or the change request had it; null without a reason. */
    reason: optional(TEXT),
    /** Of an approved change request, as is the commit; else null. */
    approved_by: optional(TEXT),
    commit_id: optional(TEXT),
  },
);

/** Read position in the file of configurations that a daemon has started with. */
const CONFIG_STARTS = table(
  'core.config_starts',
  { key: ['file'] },
  {
    /** Machine and absolute path. */
    file: TEXT,
    read_lines: BIGINT,
  },
);

export const POLICY_TABLES = [CHANGE_REQUESTS, CONFIG_CHANGES, CONFIG_STARTS] as const;
