import type { FleetIdentity } from './fleet_identity.ts';

/** A daemon of an installation, as its own machine has seen it last. */
export interface FleetDaemon {
  readonly shard: string;
  /** mute: it has its place and does not answer; down: there is none. */
  readonly presence: 'up' | 'mute' | 'down';
  /** standby: another machine holds the lease and publishes. */
  readonly role: 'active' | 'standby';
  /** A daemon of the same machine waits to take over. */
  readonly hasStandby: boolean;
  /** Pairs and instruments. */
  readonly subjects: number;
  /** What is wrong by its own account; empty: nothing. */
  readonly degradations: readonly string[];
  /** Time of its stations for one signal, µs, over all since its start; null: it has published none, or is not up. */
  readonly signalUs: number | null;
  /** Within which a minute must be answered, ms: `feed.budget_ms`. */
  readonly budgetMs: number;
}

/** A machine of a fleet, which says this of itself: its trainer does, or `minutehand fleet announce`. */
export interface Installation {
  /** `<home id>@<host>`. */
  readonly name: string;
  readonly host: string;
  readonly market: string;
  readonly identity: FleetIdentity;
  readonly cores: number;
  /** Processes that want a core, a mean of a minute; 0 on Windows. */
  readonly load: number;
  readonly freeMemoryMb: number;
  /** Absent: an earlier version, of which trainers alone announced themselves. */
  readonly hasTrainer?: boolean;
  readonly daemons: readonly FleetDaemon[];
}

export interface SeenInstallation extends Installation {
  /** Since it was last heard of. */
  readonly silentMs: number;
}

/**
 * How many subjects a daemon would answer within its budget if each took as long as one does now. An upper bound of one
 * thread: consumers, disk and Redis are the limit before that (docs/guides/FLEET.md).
 */
export function subjectsWithin({ signalUs, budgetMs }: FleetDaemon): number | null {
  return signalUs === null || signalUs <= 0 ? null : Math.floor((1000 * budgetMs) / signalUs);
}
