import { availableParallelism, freemem, hostname, loadavg } from 'node:os';
import * as z from 'zod';
import type { HomePaths } from '../../../shared/home.ts';
import { installationOf } from '../../../shared/owner/owner.ts';
import { shardsOf, type Settings, type Shard } from '../../../shared/policy/policy.ts';
import { daemonMetrics } from '../../../shared/process/daemon_metrics.ts';
import { daemonState } from '../../../shared/process/daemon_state.ts';
import { isTaken } from '../../../shared/process/process_state.ts';
import { ownIdentity } from '../../jobs/fleet/fit_identity.ts';
import type { FleetDaemon, Installation } from '../../jobs/fleet/installation.ts';

const MIB = 2 ** 20;
/** What a signal waits for; the journal and shadows follow it. */
const STATION = /^minutehand_station_seconds_sum\{station="(?:features|infer|decide|publish)"\} (\S+)$/gm;
const SIGNALS = /^minutehand_signals_total\{[^}]*\} (\S+)$/gm;

const healthSchema = z.looseObject({
  shard: z.string(),
  degradations: z.array(z.string()),
  lease: z
    .looseObject({ role: z.enum(['holder', 'standby']) })
    .nullable()
    .default(null),
});

/** What this machine says of itself to its fleet. Never rejects. */
export async function ownInstallation(settings: Settings, paths: HomePaths): Promise<Installation> {
  return {
    name: installationOf(paths.home),
    host: hostname(),
    market: settings.minutehand.market,
    identity: ownIdentity(),
    cores: availableParallelism(),
    load: loadavg()[0]!,
    freeMemoryMb: Math.floor(freemem() / MIB),
    hasTrainer: isTaken(paths.lock('trainer')) === true,
    daemons: await Promise.all(shardsOf(settings.minutehand).map((shard) => daemonOf(settings, paths, shard))),
  };
}

async function daemonOf(settings: Settings, paths: HomePaths, shard: Shard): Promise<FleetDaemon> {
  const { name, pairs, instruments } = shard;
  const { presence, health, url } = await daemonState(settings, paths, shard, healthSchema);
  return {
    shard: name,
    presence,
    role: health?.lease?.role === 'standby' ? 'standby' : 'active',
    hasStandby: isTaken(paths.lock(`standby_${name}`)) === true,
    subjects: pairs.length + instruments.length,
    degradations: health?.degradations ?? [],
    signalUs: health === null ? null : signalUsOf(await daemonMetrics(url!)),
    budgetMs: settings.minutehand.feed.budget_ms,
  };
}

/** @param metrics in the text format of Prometheus @returns null without a signal */
export function signalUsOf(metrics: string): number | null {
  const sum = (pattern: RegExp): number =>
    [...metrics.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);
  const signals = sum(SIGNALS);
  return signals === 0 ? null : (1e6 * sum(STATION)) / signals;
}
