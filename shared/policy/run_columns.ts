import type { RetrainPolicy, RetrainRunColumn } from './schema.ts';

/** A column of the table of runs as retrain_policy.yaml lists it: by its name, or as a map. */
export type RunColumnSetting = RetrainPolicy['retrain_runs_columns'][number];

export interface RunColumn {
  readonly name: RetrainRunColumn;
  /** As the policy has it; null where it gives none. */
  readonly type: string | null;
  readonly comment: string | null;
}

export function runColumn(setting: RunColumnSetting): RunColumn {
  if (typeof setting === 'string') return { name: setting, type: null, comment: null };
  return { name: setting.name, type: setting.type ?? null, comment: setting.comment ?? null };
}

/** Kind of a column's values; each database has a type for it. */
export type RunColumnKind = 'uuid' | 'time' | 'text' | 'integer' | 'number' | 'json';

const KINDS: Readonly<Partial<Record<RetrainRunColumn, RunColumnKind>>> = {
  run_id: 'uuid',
  started_at: 'time',
  ended_at: 'time',
  finished_at: 'time',
  retry_count: 'integer',
  run_number: 'integer',
  attempt: 'integer',
  seed: 'integer',
  peak_memory_bytes: 'integer',
  duration_ms: 'integer',
  gpu_memory_bytes: 'integer',
  theta1: 'number',
  theta2: 'number',
  cpu_seconds: 'number',
  gpu_seconds: 'number',
  metrics: 'json',
  gate: 'json',
};

export function runColumnKind(name: RetrainRunColumn): RunColumnKind {
  return KINDS[name] ?? 'text';
}

const WORDS: Readonly<Record<RunColumnKind, readonly string[]>> = {
  uuid: ['uuid'],
  time: ['timestamp', 'timestamptz', 'datetime'],
  text: ['text', 'varchar', 'char', 'character', 'string', 'enum'],
  integer: ['smallint', 'int', 'integer', 'bigint', 'int2', 'int4', 'int8', 'smallserial', 'serial'],
  number: ['numeric', 'decimal', 'real', 'float', 'float4', 'float8', 'double'],
  json: ['json', 'jsonb'],
};

/** The types of which a policy may name one for a column of this kind. */
export function typesOfKind(kind: RunColumnKind): readonly string[] {
  return WORDS[kind];
}

/** Returns whether a type that the policy names fits the values of the column. */
export function fitsKind(type: string, kind: RunColumnKind): boolean {
  return WORDS[kind].includes(/^[a-z0-9]+/i.exec(type)![0].toLowerCase());
}
