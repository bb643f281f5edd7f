import { ALL_PAIRS } from '../shared/bundle/halts.ts';
import { createRng } from '../shared/rng.ts';
import {
  checkBarsArrived,
  checkBounds,
  checkJournal,
  checkReplay,
  checkShadows,
  checkValues,
  fingerprintOf,
} from './end.ts';
import { checkLive, LIVENESS_BOUND_MS } from './liveness.ts';
import type { Violation } from './chronicle.ts';
import { NEEDS, type PlantedBug } from './planted.ts';
import { plantInCore } from './planted_core.ts';
import { watchRejections } from './rejections.ts';
import { simulatedSettings } from './settings.ts';
import { SIGHTINGS, type Sighting } from './sightings.ts';
import { scheduleStorm } from './storm.ts';
import { describeWeather, drawWeather, withJournalFaults, type Weather } from './swarm.ts';
import { prepareAtOnce, type Prepare } from './trainer.ts';
import { checkTwin } from './twin.ts';
import { describeVariety, drawVariety, isVaried, variedSettings } from './variety.ts';
import { createWorld, type World } from './world.ts';
import { describeKind, drawKind, settingsOfKind } from './world_kind.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Duration of a world's fault phase. */
const MIN_STORM_MS = 8 * MINUTE_MS;
const MAX_STORM_MS = 28 * MINUTE_MS;
/** Time that a recovered world must stay healthy. */
const PROOF_MS = 2.5 * MINUTE_MS;
/** A world ends in the idle part of a minute. */
const QUIET_MS = 45_000;
/** Time after the faults at which a training run replaces models that need it, and an operator lifts all halts. */
const TRAINING_MS = MINUTE_MS;
const MAX_VIOLATIONS = 50;
/** One world in this many is also replayed by `replayJournal`. */
const REPLAYED_SEEDS = 5;
const REPLAYED_VARIED_SEEDS = 2;

/** Maximum number of seeds within which a planted bug must be found. */
export const MAX_SEEDS_TO_FIND = 1000;

export interface SeedOptions {
  readonly seed: number;
  readonly planted?: PlantedBug | null;
  /** Gives the world faults of the journal, whatever else it has. */
  readonly hasJournalFaults?: boolean;
  /** Called with every event, one line each. */
  trace?(line: string): void;
  readonly prepare?: Prepare;
}

export interface SeedReport {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** Recovery time after the last fault. */
  readonly recoveredAfterMs: number;
  /** Excludes time that the machine slept. */
  readonly simulatedHours: number;
  readonly signals: number;
  readonly accepted: number;
  readonly opens: number;
  readonly boots: number;
  readonly powerCuts: number;
  readonly publishedModels: number;
  /** Journaled signals that the reference run recomputed. */
  readonly compared: number;
  readonly worksDone: number;
  readonly refusals: Readonly<Record<string, number>>;
  /** Coverage states that the world reached. */
  readonly sightings: readonly Sighting[];
  /** SHA-256 over everything published and journaled; depends on the seed only. */
  readonly fingerprint: string;
}

/** Runs one seed's world from start to end. */
export async function runSeed(options: SeedOptions): Promise<SeedReport> {
  const { seed, planted = null, trace = null, prepare = prepareAtOnce } = options;
  const rng = createRng(`sim ${seed}`);
  const drawn = drawWeather(rng);
  const weather = options.hasJournalFaults === true ? withJournalFaults(drawn, createRng(`journal ${seed}`)) : drawn;
  const stormMs = MIN_STORM_MS + rng.uniform() * (MAX_STORM_MS - MIN_STORM_MS);
  const variety = drawVariety(seed, stormMs);
  const kind = drawKind(seed);
  const settings = settingsOfKind(variedSettings(simulatedSettings(), variety), kind);
  const world = createWorld({ seed, settings, weather, variety, kind, planted, stormMs, trace, prepare });
  const minutes = (stormMs / MINUTE_MS).toFixed(1);
  world.trace(
    () =>
      `seed ${seed}, ${minutes} minutes of ${describeWeather(weather)}${describeVariety(variety)}${describeKind(kind)}`,
  );
  const takeOut = plantInCore(planted);
  const stopWatching = watchRejections((reason) => world.violate('unhandled rejection', describeReason(reason)));
  try {
    scheduleStorm(world, stormMs);
    await world.run(stormMs);
    world.endFaults();
    const peaceMs = world.timeline.nowMs;
    await runPeace(world, peaceMs);
    const recoveredAfterMs = checkLive(world, peaceMs);
    const compared = await checkEnd(world, weather, seed);
    const { oracle, timeline, machine } = world;
    return {
      seed,
      violations: world.violations.slice(0, MAX_VIOLATIONS),
      recoveredAfterMs,
      simulatedHours: (timeline.nowMs - world.sleptMs) / HOUR_MS,
      signals: oracle.published.size,
      accepted: oracle.accepted,
      opens: oracle.opens,
      boots: machine.boots,
      powerCuts: machine.powerCuts,
      publishedModels: world.trainer.published,
      compared,
      worksDone: timeline.worksDone,
      refusals: Object.fromEntries(oracle.refusals),
      sightings: [...world.sightings].sort(),
      fingerprint: fingerprintOf(world),
    };
  } finally {
    stopWatching();
    takeOut();
  }
}

/** The phase without faults, in which an operator repairs what does not recover automatically. */
async function runPeace(world: World, peaceMs: number): Promise<void> {
  world.timeline.at(peaceMs + TRAINING_MS, () => {
    if (world.needsNewModels) world.trainer.publish();
    world.directions.publish();
    if (world.variety?.hasRules === true) world.rules.serveAll(world.rng, false);
    world.trainer.resume(ALL_PAIRS);
  });
  const proofMs = peaceMs + LIVENESS_BOUND_MS + PROOF_MS;
  await world.run(proofMs);
  await world.run(proofMs + ((QUIET_MS - (world.trueMs() % MINUTE_MS) + MINUTE_MS) % MINUTE_MS));
}

/**
 * Checks the journal and the observers at the end of a world.
 * @param weather its fault rates
 * @returns the number of recomputed signals
 */
async function checkEnd(world: World, weather: Weather, seed: number): Promise<number> {
  checkJournal(world);
  checkShadows(world);
  checkValues(world);
  checkBounds(world);
  const { lost, late, requestLost } = weather.feed;
  if (lost + late + requestLost + weather.clockSteps + weather.sleeps === 0) checkBarsArrived(world);
  world.shadowWatch.check();
  const { compared, leftOver, lostHeartbeats, seen } = checkTwin({
    journal: world.journal,
    settings: world.settings,
    models: await world.trainer.references(),
    directions: (version) => world.directions.trained(version),
    rules: world.rules,
    failedIn: (bootId) => world.machine.failedIn(bootId),
    shadowsGoOn: weather.journalFaults === 0,
    onViolation: (rule, what) => world.violate(rule, what),
  });
  for (const name of seen.keys()) world.see(name);
  if (leftOver > 0) world.see('minute answered by the next process');
  const isReplayable = leftOver + lostHeartbeats === 0 && !world.machine.hasFailedModels;
  const isChosen = seed % (world.variety === null ? REPLAYED_SEEDS : REPLAYED_VARIED_SEEDS) === 0;
  if (isReplayable && isChosen) await checkReplay(world);
  return compared;
}

function describeReason(reason: unknown): string {
  return reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
}

export interface SeedsReport {
  readonly seeds: number;
  readonly simulatedHours: number;
  readonly simulatedHoursPerSecond: number;
  readonly signals: number;
  readonly compared: number;
  readonly accepted: number;
  readonly opens: number;
  readonly boots: number;
  readonly powerCuts: number;
  /** The slowest recovery after the last fault. */
  readonly slowestRecoveryMs: number;
  /** Number of seeds that reached each coverage state. */
  readonly sightings: Readonly<Record<Sighting, number>>;
  /** Seeds with violations, and the first violation of each. */
  readonly failed: readonly { readonly seed: number; readonly rule: string; readonly what: string }[];
}

/** Runs the worlds of the seeds `from` to `to`, inclusive, in sequence. */
export async function runSeeds(options: {
  readonly from: number;
  readonly to: number;
  readonly hasJournalFaults?: boolean;
  onSeed?(report: SeedReport): void;
}): Promise<SeedsReport> {
  const startMs = performance.now();
  const sums = { simulatedHours: 0, signals: 0, compared: 0, accepted: 0, opens: 0, boots: 0, powerCuts: 0 };
  const failed: { seed: number; rule: string; what: string }[] = [];
  const sightings = Object.fromEntries(SIGHTINGS.map((name) => [name, 0])) as Record<Sighting, number>;
  let seeds = 0;
  let slowestRecoveryMs = 0;
  for (let seed = options.from; seed <= options.to; seed++) {
    const report = await runSeed({ seed, hasJournalFaults: options.hasJournalFaults === true });
    seeds++;
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += report[name];
    for (const name of report.sightings) sightings[name]++;
    slowestRecoveryMs = Math.max(slowestRecoveryMs, report.recoveredAfterMs);
    const first = report.violations[0];
    if (first !== undefined) failed.push({ seed, rule: first.rule, what: first.what });
    options.onSeed?.(report);
  }
  const seconds = (performance.now() - startMs) / 1000;
  return {
    seeds,
    ...sums,
    simulatedHoursPerSecond: sums.simulatedHours / seconds,
    slowestRecoveryMs,
    sightings,
    failed,
  };
}

function canShow(planted: PlantedBug, seed: number): boolean {
  const need = NEEDS[planted];
  if (need === undefined) return true;
  return need === 'variety' ? isVaried(seed) : Boolean(drawKind(seed)[need]);
}

/**
 * Looks for a planted bug, seed by seed.
 * @returns the first seed that shows it, with the violation; null when none up to MAX_SEEDS_TO_FIND does
 */
export async function findPlanted(
  planted: PlantedBug,
  onSeed: (seed: number) => void = () => undefined,
): Promise<{ readonly seed: number; readonly rule: string } | null> {
  for (let seed = 1; seed <= MAX_SEEDS_TO_FIND; seed++) {
    onSeed(seed);
    if (!canShow(planted, seed)) continue;
    const { violations } = await runSeed({ seed, planted });
    if (violations.length > 0) return { seed, rule: violations[0]!.rule };
  }
  return null;
}
