import { lacksModels, refusedRules } from '../../../../shared/rule_health.ts';
import { readAddress, urlOf } from '../../../../shared/address.ts';
import { readHalts, type Stop } from '../../../../shared/bundle/halts.ts';
import type { HomePaths } from '../../../../shared/home.ts';
import { barIntervalMs, shardsOf, type Shard } from '../../../../shared/policy/policy.ts';
import {
  activeModels,
  readStandingRejections,
  shownStanding,
  standingOverrides,
  type StandingRejections,
} from '../../admission/standing.ts';
import { lookAtDaemon } from '../../notify/watch/daemon_look.ts';
import { admissionPlaceOf } from '../admission.ts';
import type { Api, ApiContext } from '../context.ts';
import { readDaemonFigures } from '../daemon_figures.ts';
import { statusRoutes } from '../../schema/status.ts';

/** A status is cached for this long. */
const LOOK_MS = 1000;

/** `GET /api/status`, alias `GET /api/ml/status`. */
export function addStatusRoutes(api: Api, context: ApiContext): void {
  const { settings, paths, clock, retrainer, schedules } = context;
  const { market } = settings.minutehand;
  let looked: { readonly atMs: number; readonly daemons: Promise<Awaited<ReturnType<typeof look>>[]> } | null = null;

  /** None while the store does not answer. */
  const rejections = (): Promise<StandingRejections | undefined> =>
    readStandingRejections(paths.models, admissionPlaceOf(context).registered).catch(() => undefined);

  function lookAtAll(): Promise<Awaited<ReturnType<typeof look>>[]> {
    const nowMs = clock.nowMs();
    if (looked === null || nowMs - looked.atMs > LOOK_MS) {
      const daemons = Promise.all(shardsOf(settings.minutehand).map((shard) => look(context, shard)));
      looked = { atMs: nowMs, daemons };
    }
    return looked.daemons;
  }

  for (const name of ['GET /api/status', 'GET /api/ml/status'] as const)
    api.route({
      ...statusRoutes[name],
      async handler() {
        const daemons = await lookAtAll();
        const { active_version, direction_models, active_error, refused_models } = activeModels(settings, paths);
        const isWell = ({ presence, has_models, model_refused, ...daemon }: (typeof daemons)[number]) =>
          presence === 'up' &&
          has_models &&
          model_refused === null &&
          daemon.rules_refused.length + daemon.degradations.length + daemon.halts.length === 0;
        return {
          status: retrainer.runs()[0]?.status === 'running' ? ('training' as const) : ('idle' as const),
          market,
          bar_interval_ms: barIntervalMs(settings),
          time: new Date(clock.nowMs()).toISOString(),
          active_version,
          direction_models,
          active_error: active_error === undefined ? null : `${active_error.code}: ${active_error.message}`,
          refused_models,
          despite_gates: standingOverrides(paths.models, await rejections()).map((own) => ({
            ...shownStanding(own),
            gates: [...own.gates],
          })),
          stops: stopsIn(paths),
          policy_hash: settings.policyHash,
          is_ready: daemons.every(isWell) && refused_models.length === 0,
          daemons,
          schedules: schedules().map(({ name, cron, next }) => ({ name, cron, next: next()?.toISOString() ?? null })),
        };
      },
    });
}

/** Of a damaged file, daemons keep what they follow: their health says so. */
function stopsIn({ models }: HomePaths): Stop[] {
  try {
    return [...(readHalts(models).stops ?? [])];
  } catch {
    return [];
  }
}

async function look({ settings, paths, signals }: ApiContext, shard: Shard) {
  const { presence, health } = await lookAtDaemon(settings, paths, shard);
  const { host } = settings.minutehand.transports.daemon;
  const url =
    health === null ? null : urlOf(readAddress(paths.address(`daemon_${shard.name}`)) ?? { host, port: shard.port });
  return {
    shard: shard.name,
    presence,
    is_connected: signals.connected.get(shard.name) ?? false,
    model_version: health?.model_version ?? null,
    has_models: health !== null && !lacksModels(health),
    model_refused: health?.model_refused ?? null,
    rules_refused: health === null ? [] : refusedRules(health),
    degradations: health?.degradations ?? [],
    halts: health?.halts ?? [],
    silent: health?.silent_pairs ?? [],
    expired: health?.expired_pairs ?? [],
    redis: health?.redis ?? 'unknown',
    last_bars: health?.last_bars ?? {},
    ...(await readDaemonFigures(url)),
  };
}
