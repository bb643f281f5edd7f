/** A signal as docs/reference/PROTOCOL.md states. */
export interface Signal {
  readonly timestamp: string;
  readonly pair: string;
  readonly pair_id: string;
  readonly z_score: number | null;
  readonly return_prob: number | null;
  readonly risk_score: number | null;
  readonly entry: string;
  readonly confidence: number | null;
  readonly theta1: number | null;
  readonly theta2: number | null;
  readonly position_scale: number | null;
  readonly action: 'ENTER' | 'EXIT' | 'HOLD';
  readonly reason: string;
  readonly mode: 'OK' | 'WARMUP' | 'DEGRADED' | 'HALT';
  readonly target: -1 | 0 | 1;
  readonly position_id: string;
  readonly beta: number | null;
  readonly price_a: number | null;
  readonly price_b: number | null;
  readonly signal_id: string;
  readonly model_version: string;
  readonly policy_hash: string;
  readonly expected_net_bps: number | null;
  readonly generated_at_ms: number;
}

export interface Subject {
  readonly subject: string;
  readonly kind: 'pair' | 'instrument';
  readonly label: string;
  readonly symbols: readonly string[];
  readonly timeframe: string;
  readonly shard: string;
  readonly cost_bps: number | null;
  readonly break_even_cost_bps: number | null;
  readonly no_edge: boolean | null;
  readonly z_entry?: number | null;
  readonly z_exit?: number | null;
}

export interface Daemon {
  readonly shard: string;
  readonly presence: 'up' | 'mute' | 'down';
  readonly is_connected: boolean;
  readonly model_version: string | null;
  readonly degradations: readonly string[];
  readonly halts: readonly { readonly pair_id: string }[];
  readonly silent: readonly string[];
  readonly expired: readonly string[];
  readonly redis: string;
  readonly latency_us_p50: number | null;
  readonly latency_us_p99: number | null;
  readonly bars_total: number | null;
}

export interface Status {
  readonly status: 'idle' | 'training';
  readonly market: 'live' | 'simulated';
  readonly time: string;
  readonly active_version: string | null;
  readonly active_error: string | null;
  readonly policy_hash: string;
  readonly is_ready: boolean;
  readonly daemons: readonly Daemon[];
  readonly schedules: readonly { readonly name: string; readonly cron: string; readonly next: string | null }[];
}

export interface Run {
  readonly run_id: number;
  readonly kind: string;
  readonly trigger: string;
  readonly attempt: number;
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly status: string;
  readonly stage: string;
  readonly percent: number;
  readonly eta_seconds: number | null;
  readonly stages: readonly { readonly stage: string; readonly duration_ms: number }[];
  readonly model_version: string | null;
  readonly reasons: readonly string[];
  readonly error: string | null;
  readonly theta1: number | null;
  readonly theta2: number | null;
  readonly duration_ms: number | null;
}

export interface Model {
  readonly model_id: string;
  readonly model_name: string;
  readonly status: string;
  readonly is_active: boolean;
  readonly is_previous: boolean;
  readonly is_shadow: boolean;
  readonly created: string;
  readonly adopted_at: string | null;
  readonly removed_at: string | null;
  readonly reasons: readonly string[];
  readonly models: readonly {
    readonly model_type: string;
    readonly theta1: number | null;
    readonly theta2: number | null;
  }[];
}

export interface Gate {
  readonly name: string;
  readonly passed: boolean;
  readonly seen: string;
  readonly limit: string;
}

export interface ModelMetrics {
  readonly auc: number | null;
  readonly brier: number | null;
  readonly brier_baseline: number | null;
  readonly log_loss: number | null;
  readonly ece: number | null;
  readonly rows: number;
}

export interface Edge {
  readonly no_edge: boolean;
  readonly trades: number;
  readonly mean_gross_bps: number | null;
  readonly mean_net_bps: number | null;
  readonly lower_5_net_bps: number | null;
  readonly mean_cost_bps?: number | null;
  readonly break_even_cost_bps?: number | null;
}

export interface Manifest {
  readonly created: string;
  readonly period: { readonly from: string; readonly to: string; readonly holdout_from: string };
  readonly engine: { readonly name: string };
  readonly theta1: number;
  readonly theta2: number;
  readonly gates?: readonly Gate[];
  readonly metrics: Record<'ai1' | 'ai2' | 'ai3', { readonly holdout: ModelMetrics }>;
  readonly edge: Record<string, Edge>;
}

export interface CurrentModel {
  readonly version: string | null;
  readonly previous: string | null;
  readonly shadow: string | null;
  readonly age_seconds: number | null;
  readonly is_signed: boolean | null;
  readonly manifest: Manifest | null;
  readonly card: string | null;
}

export interface Alert {
  readonly alert_id: number;
  readonly key: string;
  readonly event: string;
  readonly title: string;
  readonly severity: 'critical' | 'warning' | 'info';
  readonly subject: string;
  readonly text: string;
  readonly command: string;
  readonly opened_ms: number;
  readonly last_ms: number;
  readonly count: number;
  readonly state: 'open' | 'acknowledged' | 'over';
  readonly acked_by: string | null;
}

export interface Condition {
  readonly name: string;
  readonly reason: string;
  readonly holds: boolean;
  readonly value: number | null;
  readonly limit: number | null;
  readonly relation: string | null;
  readonly change: number | null;
  readonly relative: number | null;
}

export interface ExplainedModel {
  readonly answer: number;
  readonly score: number | null;
  readonly expected: number | null;
  readonly contributions: readonly { readonly feature: string; readonly logits: number }[] | null;
  readonly code: string | null;
}

export interface Explanation {
  readonly subject: string;
  readonly time: string;
  readonly signal: Signal;
  readonly meaning: string;
  readonly reproduced: { readonly equal: boolean; readonly code: string | null };
  readonly features: readonly {
    readonly name: string;
    readonly unit: string;
    readonly value: number | null;
    readonly percentile: number | null;
  }[];
  readonly models: Record<'ai1' | 'ai2' | 'ai3', ExplainedModel> | null;
  readonly costs: {
    readonly round_trip_bps: number;
    readonly expected_net_bps: number;
    readonly expected_gross_bps: number;
    readonly break_even_prob: number | null;
  } | null;
  readonly conditions: readonly Condition[];
  readonly to_enter: readonly Condition[];
}

export interface Session {
  readonly name: string;
  readonly role: 'viewer' | 'operator' | 'approver';
  readonly csrf_token: string | null;
}

/** A refusal of the API: a code of docs/reference/ERRORS.md, what was seen, the next step. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly next: string;

  constructor(status: number, code: string, message: string, next: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.next = next;
  }
}

let csrfToken = '';

/** Sent with every write from now on. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token ?? '';
}

/** @throws ApiError */
export async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  const isWrite = method !== 'GET';
  const response = await fetch(path, {
    method,
    headers: {
      accept: 'application/json',
      ...(isWrite ? { 'x-csrf-token': csrfToken } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    throw new ApiError(0, 'UNREACHABLE', String(error), '');
  });
  const text = await response.text();
  const json: unknown = text === '' ? null : safeJson(text);
  if (response.ok) return json as T;
  const { error } = (json ?? {}) as { error?: { code: string; message: string; next: string } };
  throw new ApiError(
    response.status,
    error?.code ?? String(response.status),
    error?.message ?? response.statusText,
    error?.next ?? '',
  );
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export const get = <T>(path: string): Promise<T> => request<T>('GET', path);
export const post = <T>(path: string, body: unknown = {}): Promise<T> => request<T>('POST', path, body);
