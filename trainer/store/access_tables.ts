import type { Generated } from 'kysely';

export type Role = 'viewer' | 'operator' | 'approver';

/** Bearer tokens of the API. Times are epoch ms. */
export interface ApiTokensTable {
  token_id: string;
  /** Name of the person or program that uses it. */
  name: string;
  role: Role;
  salt: string;
  /** scrypt of the secret. */
  hash: string;
  created_ms: number;
  expires_ms: number;
  revoked_ms: number | null;
}

/** One-time login links. */
export interface ApiLoginsTable {
  /** sha256 of the code. */
  code_hash: string;
  name: string;
  role: Role;
  created_ms: number;
  expires_ms: number;
  used_ms: number | null;
}

/** Sessions of browsers. */
export interface ApiSessionsTable {
  /** sha256 of the cookie. */
  session_hash: string;
  name: string;
  role: Role;
  /** The token with which it was opened, revoked together; null after a login by link. */
  token_id: string | null;
  created_ms: number;
  expires_ms: number;
  ended_ms: number | null;
}

/** Every write by the API or a command, each row chained to the previous one by its hash. Never updated or deleted. */
export interface ApiWritesTable {
  entry_id: Generated<number>;
  /** ISO 8601 in UTC. */
  at: string;
  actor: string;
  role: string;
  /** `session`, `token`, `cli`, `loopback` (a request without credentials) or `trainer` (a command that it started). */
  via: string;
  /** Method and route, e.g. `POST /api/ml/models/{model_name}/load`, or a command. */
  action: string;
  target: string;
  /** JSON; null without an earlier, or later, value. */
  before: string | null;
  after: string | null;
  /** `done`, or the error code of a refusal. */
  outcome: string;
  previous_hash: string;
  /** sha256 of all other columns but entry_id. */
  hash: string;
}

export const CHANGE_STATUSES = ['open', 'approved', 'rejected', 'expired', 'applied', 'failed'] as const;
export type ChangeStatus = (typeof CHANGE_STATUSES)[number];

/** Proposed changes of the configuration. */
export interface ChangeRequestsTable {
  change_id: Generated<number>;
  /** JSON object: path of each value → proposed value. */
  changes: string;
  /** JSON object: the values when it was proposed. */
  before: string;
  reason: string;
  status: ChangeStatus;
  proposed_by: string;
  proposed_ms: number;
  expires_ms: number;
  decided_by: string | null;
  decided_ms: number | null;
  /** Policy hash of the configuration it was proposed against. */
  policy_hash: string;
  /** Branch, newest commit of the approved branch and commit of the proposal; null in rows of earlier versions. */
  branch: string | null;
  base_commit: string | null;
  commit_id: string | null;
  /** The commit that was applied. */
  merge_commit: string | null;
  applied_ms: number | null;
  pull_request_number: number | null;
  pull_request_url: string | null;
  /** 1 = open. */
  pull_request_open: number | null;
  /** Why the last step failed; null = it did not. */
  failure: string | null;
  /** JSON: see trainer/control/policy/evidence.ts. */
  evidence: string | null;
}

export interface AccessTables {
  'core.api_tokens': ApiTokensTable;
  'core.api_logins': ApiLoginsTable;
  'core.api_sessions': ApiSessionsTable;
  'core.change_requests': ChangeRequestsTable;
  'audit.api_writes': ApiWritesTable;
}
