import { MinutehandError } from '../shared/errors.ts';
import { homePaths } from '../shared/home.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { openFleet, type Fleet } from '../trainer/jobs/fleet/open_fleet.ts';

/** @throws MinutehandError FLEET_ABSENT */
export async function requireFleet(): Promise<Fleet> {
  const fleet = await openFleet(loadSettings(), homePaths());
  if (fleet === null) throw new MinutehandError('FLEET_ABSENT');
  return fleet;
}
