import { MinutehandError } from '../shared/errors.ts';
import { homePaths } from '../shared/home.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { openFleet, type Fleet } from '../trainer/jobs/fleet/open_fleet.ts';
import type { FleetIdentity } from '../trainer/jobs/fleet/task_queue.ts';

/** @throws MinutehandError FLEET_ABSENT */
export async function requireFleet(): Promise<Fleet> {
  const fleet = await openFleet(loadSettings(), homePaths());
  if (fleet === null) throw new MinutehandError('FLEET_ABSENT');
  return fleet;
}

/** One build, as people compare it. */
export function buildText({ version, code, node, architecture }: FleetIdentity): string {
  return `${version} (build ${code.slice(0, 12)}), Node ${node}, ${architecture}`;
}
