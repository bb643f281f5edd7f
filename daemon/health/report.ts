import type { ActiveHalts } from '../infer/active_halts.ts';
import type { FollowedCalendar } from '../infer/followed_calendar.ts';
import type { FollowedDirections } from '../infer/followed_directions.ts';
import type { FollowedSlots } from '../infer/followed_slots.ts';
import type { RuleModel } from '../../shared/bundle/rule/rule_model.ts';
import type { FollowedModels } from '../infer/followed_models.ts';
import type { PipelineStatus } from '../status/pipeline_status.ts';
import type { Publishers } from '../publish/publishers.ts';
import { REMOTE_TRANSPORTS } from '../publish/transports.ts';
import type { RedisFeed } from '../feed/redis.ts';
import type { HealthReport, TransportsHealth } from './health.ts';

/** Values that do not change while a process runs. */
export type HealthIdentity = Pick<
  HealthReport,
  'market' | 'boot_id' | 'program_version' | 'shard' | 'feature_schema' | 'pairs'
> & {
  readonly instruments: number;
};

/** The server engine in use. */
export interface ServerEngine {
  readonly engine: string;
  /** As in `Server`. */
  readonly engineNote: string | null;
}

export interface HealthSources {
  readonly identity: HealthIdentity;
  readonly status: PipelineStatus;
  readonly models: Pick<FollowedModels, 'refused' | 'shadowVersion' | 'directionShadows' | 'rolloutRefused'>;
  readonly directions: Pick<FollowedDirections, 'refused' | 'missingSources'> | null;
  readonly rules: Pick<FollowedSlots<string, RuleModel>, 'refusals'> | null;
  readonly ruleShadows?: Pick<FollowedSlots<string, RuleModel>, 'versions'> | null;
  readonly halts: ActiveHalts;
  readonly calendar: Pick<FollowedCalendar, 'events' | 'fault'>;
  readonly links: Publishers['links'];
  redisFeed(): RedisFeed | null;
  lease(): HealthReport['lease'];
  lateBars(): HealthReport['late_bars'];
  /** By code, since the start. */
  refusedBars(): Readonly<Record<string, number>>;
  faults(): HealthReport['dependencies'];
  serverEngine(): ServerEngine;
  uptimeSeconds(): number;
}

/** Collects the daemon's health. */
export function healthReport(sources: HealthSources): HealthReport {
  const { identity, status, models: followed, directions, rules, halts, links } = sources;
  const rulesRefused = rules?.refusals ?? {};
  const ruleShadows = sources.ruleShadows?.versions ?? {};
  const { models, silentPairs, expiredPairs, haltedPairs, readyPairs, degradations } = status;
  const redisFeed = sources.redisFeed();
  const lease = sources.lease();
  const isUnpublished = lease !== null && lease.holder === null;
  const { pairs, instruments } = identity;
  const { engine, engineNote } = sources.serverEngine();
  const isWaiting =
    isUnpublished ||
    (pairs > 0 && (models === null || readyPairs < pairs)) ||
    (pairs === 0 && (status.readyInstruments < instruments || !hasStrategy(status)));
  const isRefused = followed.refused !== null || (directions?.refused ?? null) !== null || isAny(rulesRefused);
  const isDegraded = isRefused || degradations.size + silentPairs.length + haltedPairs.length > 0;
  return {
    status: isWaiting ? 'waiting' : isDegraded ? 'degraded' : 'ok',
    market: identity.market,
    boot_id: identity.boot_id,
    program_version: identity.program_version,
    shard: identity.shard,
    uptime_seconds: sources.uptimeSeconds(),
    server_engine: engine,
    server_engine_note: engineNote,
    inference_engines: models?.engines ?? null,
    inference_notes: models?.engineNotes ?? null,
    model_version: models?.version ?? null,
    model_market: models?.manifest.market ?? null,
    model_refused: followed.refused,
    shadow_version: followed.shadowVersion,
    rollout: rolloutOf(status),
    rollout_refused: followed.rolloutRefused,
    feature_schema: identity.feature_schema,
    policy_hash: status.policyHash,
    lease,
    pairs: identity.pairs,
    pairs_ready: readyPairs,
    ...(instruments > 0 && {
      direction: {
        instruments,
        instruments_ready: status.readyInstruments,
        versions: status.directions,
        inference_engines: status.directionEngines,
        inference_notes: status.directionEngineNotes,
        refused: directions?.refused ?? null,
        missing_sources: directions?.missingSources ?? [],
        ...(Object.keys(followed.directionShadows).length > 0 && { shadows: followed.directionShadows }),
        ...(isAny(status.rules) && { rules: status.rules }),
        ...(isAny(ruleShadows) && { rule_shadows: ruleShadows }),
        ...(isAny(rulesRefused) && { rules_refused: rulesRefused }),
      },
    }),
    silent_pairs: silentPairs,
    expired_pairs: expiredPairs,
    halted_pairs: haltedPairs,
    halts: halts.halts(),
    stops: halts.stops(),
    halts_refused: halts.refused(),
    news: status.stopsForNews ? { events: sources.calendar.events().length, fault: sources.calendar.fault() } : null,
    degradations: [...degradations],
    dependencies: sources.faults(),
    late_bars: sources.lateBars(),
    suspect_bars: Object.fromEntries(status.suspectBars),
    refused_bars: sources.refusedBars(),
    series: status.series,
    ...transportsHealth(links),
    bar_stream: redisFeed === null ? 'off' : (redisFeed.state ?? 'unknown'),
    bar_stream_refused: redisFeed?.refusal?.toJSON() ?? null,
    last_bars: Object.fromEntries(
      [...status.lastTimes].map(([symbol, time]) => [symbol, new Date(time * 1000).toISOString()]),
    ),
  };
}

function isAny(all: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(all).length > 0;
}

/** Whether a direction model or a rule answers for any instrument. */
function hasStrategy({ directions, rules }: PipelineStatus): boolean {
  return Object.keys(directions).length + Object.keys(rules).length > 0;
}

/** Without the key of the assignment. */
function rolloutOf({ rollout }: PipelineStatus): HealthReport['rollout'] {
  if (rollout === null) return null;
  const { key: _key, block_minutes: _block, ...shown } = rollout;
  return shown;
}

/** @param links of the transports that are used */
export function transportsHealth(links: Publishers['links']): TransportsHealth {
  const entries = REMOTE_TRANSPORTS.flatMap(({ name }) => {
    const link = links[name];
    return [
      [name, link === undefined ? 'off' : (link.state ?? 'unknown')],
      [`${name}_refused`, link?.refusal?.toJSON() ?? null],
      [`${name}_missed`, link?.missed ?? 0],
      [`${name}_resent`, link?.resent ?? 0],
    ];
  });
  return Object.fromEntries(entries) as TransportsHealth;
}
