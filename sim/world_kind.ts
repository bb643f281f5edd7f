import { createRng } from '../shared/rng.ts';
import { LEASE_SECONDS, type LeaseWeather } from './lease_world.ts';
import type { Settings } from '../shared/policy/policy.ts';

/** One world of so many has models of subject groups, one of so many a lease, and one of so many other symbols. */
const SHARE = 8;

/** What worlds of any subjects may have. */
export interface WorldKind {
  /** Bundles have groups of pairs with models and thresholds of their own. */
  readonly groups: boolean;
  /** Formulas of bundles read symbols other than the legs of a pair, which waits for them. */
  readonly others: boolean;
  /** The daemon publishes under a lease that another machine also requests; null = none. */
  readonly lease: LeaseWeather | null;
}

export const PLAIN_KIND: WorldKind = { groups: false, others: false, lease: null };

export function drawKind(seed: number): WorldKind {
  const rng = createRng(`kind ${seed}`);
  const groups = rng.integer(SHARE) === 0;
  const others = !groups && createRng(`other symbols ${seed}`).integer(SHARE) === 0;
  if (rng.integer(SHARE) !== 0) return { groups, others, lease: null };
  const maybe = (low: number, high: number): number => {
    const isOn = rng.integer(2) === 0;
    const value = low * (high / low) ** rng.uniform();
    return isOn ? value : 0;
  };
  const losesData = rng.integer(2) === 0;
  const lease: LeaseWeather = {
    rivals: 4 + 16 * rng.uniform(),
    cuts: maybe(3, 20),
    downs: maybe(2, 10),
    slows: maybe(2, 10),
    // The fence could fall where a server loses its data and its clock is set back.
    losses: losesData ? maybe(2, 10) : 0,
    serverSteps: losesData ? 0 : maybe(2, 10),
  };
  return { groups, others, lease };
}

/** The settings of a world of this kind. */
export function settingsOfKind(settings: Settings, { lease }: WorldKind): Settings {
  if (lease === null) return settings;
  const { minutehand } = settings;
  return { ...settings, minutehand: { ...minutehand, lease: { ...minutehand.lease, seconds: LEASE_SECONDS } } };
}

/** In one line. */
export function describeKind({ groups, others, lease }: WorldKind): string {
  const faults = Object.entries(lease ?? {}).filter(([, value]) => value > 0);
  const texts = faults.map(([name, value]) => `${name} ${Number(value.toPrecision(2))}`);
  return `${groups ? '; groups' : ''}${others ? '; other symbols' : ''}${lease === null ? '' : `; lease: ${texts.join(', ')}`}`;
}
