import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import type { HomePaths } from '../../../shared/home.ts';
import type { ErrorCode } from '../../../shared/errors.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { Clock } from '../../../shared/ports.ts';
import type { FleetLook } from '../fleet/fleet_look.ts';
import type { Monitor } from '../monitor/monitor.ts';
import type { FileImports } from '../imports/file_imports.ts';
import type { JobRunner } from '../jobs/job_runner.ts';
import type { PolicyService } from '../policy/policy_service.ts';
import type { RolloutWatch } from '../rollout/watch.ts';
import type { BacktestRunner } from '../schedule/backtest_runner.ts';
import type { Retrainer } from '../schedule/retrainer.ts';
import type { Store } from '../../store/store.ts';
import type { Identity, Role } from './access/role.ts';
import type { AuditEntry } from './audit.ts';
import type { EventHub } from './events/hub.ts';
import type { SlowReadThread } from './slow_reads_thread.ts';
import type { DaemonSignals } from './events/daemon_signals.ts';

/** A server with requests typed by their zod schemas. */
export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** State shared by the routes of the API. */
export interface ApiContext {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly log: Logger;
  readonly clock: Clock;
  readonly retrainer: Retrainer;
  readonly monitor: Pick<Monitor, 'status'>;
  /** @throws MinutehandError STORE_UNUSABLE */
  store(): Promise<Store>;
  /** Records a write that has happened, or was refused. Never rejects. */
  audit(entry: AuditEntry): Promise<void>;
  readonly backtests: BacktestRunner;
  readonly jobs: JobRunner;
  readonly fileImports: FileImports;
  readonly reads: Pick<SlowReadThread, 'ask'>;
  readonly fleet: Pick<FleetLook, 'isUsed' | 'now' | 'ask'>;
  /** The last evaluation of the active rollout. */
  readonly rollout: Pick<RolloutWatch, 'state'>;
  readonly hub: EventHub;
  readonly signals: DaemonSignals;
  readonly policy: Pick<PolicyService, 'propose' | 'approve' | 'reject' | 'takeBack'>;
  /** Schedules, with the next time of each. */
  schedules(): readonly { readonly name: string; readonly cron: string; next(): Date | null }[];
}

/** Changes made by a write, for the audit. */
export interface Written {
  readonly target: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Role required by a route; `public` routes need none. Every route below /api has one. */
    role?: Role | 'public';
    /** Own errors of a route, besides those of every route; null where they are not declared. */
    errors?: readonly ErrorCode[] | null;
    /** The body is a file of at most so many bytes, of any content; absent: the route takes JSON alone. */
    maxFileBytes?: number;
  }
  interface FastifyRequest {
    /** Set by the guard; null on public routes without credentials. */
    identity: Identity | null;
    /** The body of a route that takes a file: its handler receives it once it has admitted it. */
    fileBody: IncomingMessage | null;
    /** Set by a write for the audit. */
    written: Written | null;
    /** Set when credentials are refused, for the audit: their kind and origin. */
    refusedLogin: string | null;
  }
}
