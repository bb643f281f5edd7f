import { join } from 'node:path';
import { readActive, readManifest } from '../../../../shared/bundle/bundle.ts';
import type { Manifest } from '../../../../shared/bundle/manifest.ts';
import { directionFolder, readActiveDirection } from '../../../../shared/bundle/direction/active_direction.ts';
import { pairFillCostBps } from '../../../../shared/core/cost/fill_cost.ts';
import { pairCosts } from '../../../../shared/policy/costs.ts';
import { readDirectionBundle } from '../../../../shared/bundle/direction/direction_bundle.ts';
import type { DirectionManifest } from '../../../../shared/bundle/direction/direction_manifest.ts';
import {
  barSecondsOf,
  instrumentLabel,
  isInstrument,
  pairLabel,
  timeframeOf,
  type Pair,
  type Timeframe,
} from '../../../../shared/pair.ts';
import { shardsOf, shardSubjects, type Settings } from '../../../../shared/policy/policy.ts';
import { ruleOpener } from '../../../../shared/bundle/rule/active_rule.ts';
import { quietly } from '../../../../shared/quietly.ts';
import { servedRules } from '../../rules/kept_rules.ts';
import type { Api, ApiContext } from '../context.ts';
import { subjectRoutes } from '../../schema/subjects.ts';

/** `GET /api/subjects`, `GET /api/spelling`. */
export function addSubjectRoutes(api: Api, { settings: { minutehand }, paths }: ApiContext): void {
  api.route({
    ...subjectRoutes['GET /api/subjects'],
    handler() {
      const edge = activeEdge(paths.models);
      const ruled = servedRules(paths.models);
      const subjects = shardsOf(minutehand).flatMap(({ name: shard }) =>
        shardSubjects(minutehand, shard).map((own) => ({
          subject: own.id,
          shard,
          timeframe: timeframeOf(barSecondsOf(own)),
          ...(isInstrument(own) ? instrumentOf(own, paths.models) : pairOf(own, minutehand, edge)),
          ...ruleOf(paths.models, ruled[own.id]),
        })),
      );
      return Promise.resolve({ market: minutehand.market, subjects });
    },
  });

  api.route({
    ...subjectRoutes['GET /api/spelling'],
    // Spelled before it is validated, as the subjects of every route.
    handler: ({ query }) => Promise.resolve({ subject: query.subject }),
  });
}

/** What a rule that is served says in place of the models. */
function ruleOf(models: string, version: string | undefined) {
  if (version === undefined) return {};
  const rule = quietly(() => ruleOpener(models)(version));
  return { model_version: version, no_edge: rule?.manifest.edge.no_edge ?? null };
}

/** A round trip at the configured spreads, where no backtest has traded the pair. */
function equalLegsCost(pair: Pair, symbols: PairSettings['symbols']): number {
  return 2 * pairFillCostBps(pairCosts(symbols, pair), 1, 0);
}

type PairSettings = Pick<Settings['minutehand'], 'decision' | 'symbols'>;

function pairOf(pair: Pair, { decision, symbols }: PairSettings, active: ActiveEdge | null) {
  const { z_entry, z_exit, stop } = decision;
  const own = active?.edge[pair.id];
  return {
    kind: 'pair' as const,
    label: pairLabel(pair),
    symbols: [pair.a, pair.b],
    z_entry,
    z_exit,
    z_stop: z_entry + stop,
    cost_bps: own?.mean_cost_bps ?? equalLegsCost(pair, symbols),
    break_even_cost_bps: own?.break_even_cost_bps ?? null,
    theta_up: null,
    theta_down: null,
    model_version: active?.version ?? null,
    no_edge: own?.no_edge ?? null,
  };
}

function instrumentOf(instrument: Pair, models: string) {
  const timeframe = timeframeOf(barSecondsOf(instrument));
  const active = activeDirection(models, timeframe);
  const { theta_up = null, theta_down = null } = active?.strategy ?? {};
  const label = `${instrumentLabel(instrument)} ${timeframe}`;
  return {
    kind: 'instrument' as const,
    label,
    symbols: [instrument.a],
    z_entry: null,
    z_exit: null,
    z_stop: null,
    cost_bps: null,
    break_even_cost_bps: null,
    theta_up,
    theta_down,
    model_version: active?.version ?? null,
    no_edge: active === null ? null : (active.edge[instrument.a]?.no_edge ?? true),
  };
}

/** null without an active bundle of the timeframe, or if it cannot be read. */
function activeDirection(models: string, timeframe: Timeframe): DirectionManifest | null {
  try {
    const active = readActiveDirection(models, timeframe);
    return active === null ? null : readDirectionBundle(join(directionFolder(models), active.version)).manifest;
  } catch {
    return null;
  }
}

interface ActiveEdge {
  readonly version: string;
  readonly edge: Manifest['edge'];
}

/** null without an active bundle, or if it cannot be read. */
function activeEdge(models: string): ActiveEdge | null {
  try {
    const active = readActive(models);
    return active === null ? null : { version: active.version, edge: readManifest(join(models, active.version)).edge };
  } catch {
    return null;
  }
}
