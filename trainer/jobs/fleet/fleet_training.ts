import { hostname } from 'node:os';
import { join } from 'node:path';
import { describeError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { bootIdAt } from '../../../shared/signal/boot_id.ts';
import { openSearchThreads } from '../../learning/evolve/search_threads.ts';
import type { AdvanceSearch } from '../../learning/evolve/judge.ts';
import type { SearchMarket } from '../../learning/evolve/search_market.ts';
import { openFitPool, type FitPool, type OpenFitPool } from '../../learning/learners/trees/fit_pool.ts';
import { installedEngines } from '../../learning/learners/trees/engines/engines.ts';
import { ownIdentity } from './fit_identity.ts';
import { runWorker } from './fit_worker.ts';
import { differenceLine } from './fleet_view.ts';
import { fitTrace, type FitTrace, type TracedFit } from './fit_trace.ts';
import { fleetPool } from './fleet_pool.ts';
import { fleetSearches, type FleetSearchesOptions } from './fleet_searches.ts';
import { openFleet, type Fleet } from './open_fleet.ts';
import { lastAnswer } from './patient_queue.ts';
import { RULE_SEARCH } from './search_task.ts';

/** Of arrays that a worker keeps in memory: those of ten pairs are a tenth of this. */
const WORKER_MEMORY_BYTES = 2 ** 30;

/** Two weekly trainings share what did not change. */
const UNUSED_MS = 15 * 86_400_000;

/** What a training uses in place of threads of its own. */
export interface FleetOfTraining {
  readonly openPool: OpenFitPool;
  close(): Promise<void>;
}

/**
 * The fleet that the environment names: fits become tasks, which this process does as well, with as many threads as it
 * would have without a fleet.
 * @param usesKnown whether fits whose result is there are not done again
 * @returns null without MINUTEHAND_QUEUE
 */
export async function fleetOfTraining(
  settings: Settings,
  paths: HomePaths,
  usesKnown: boolean,
  print: (line: string) => void,
): Promise<FleetOfTraining | null> {
  const fleet = await openFleet(settings, paths);
  if (fleet === null) return null;
  await fleet.queue.lead(ownIdentity());
  const trace = fitTrace();
  const name = `${bootIdAt(Date.now())}_${process.pid}`;
  return {
    openPool: (workers) => withOwnWorker(fleet, workers, usesKnown, print, trace.note),
    async close() {
      tellTrace(trace, join(paths.fleetTraces, `${name}.json`), print);
      await fleet.blobs.prune(UNUSED_MS).catch(() => 0);
      await fleet.close();
    },
  };
}

/** A trace that cannot be written, as on a full disk, takes nothing from its training. */
function tellTrace(trace: FitTrace, path: string, print: (line: string) => void): void {
  for (const line of trace.lines()) print(line);
  try {
    if (trace.write(path)) print(`When and where each fit was done: ${path}, for Perfetto or chrome://tracing`);
  } catch (error) {
    print(`The trace of the fits was not written: ${describeError(error).message}`);
  }
}

/** What a search of rules uses in place of its own thread. */
export interface FleetOfSearches {
  readonly searchElsewhere: (market: SearchMarket) => AdvanceSearch;
  close(): Promise<void>;
}

/**
 * The fleet that the environment names: generations become tasks, which this process does as well, on one thread.
 * @returns null without MINUTEHAND_QUEUE
 */
export async function fleetOfSearches(
  settings: Settings,
  paths: Pick<HomePaths, 'home'>,
  search: Pick<FleetSearchesOptions, 'space' | 'windows' | 'seed' | 'usesKnown'>,
  print: (line: string) => void,
): Promise<FleetOfSearches | null> {
  const fleet = await openFleet(settings, paths);
  if (fleet === null) return null;
  const { queue, blobs, leaseMs } = fleet;
  await queue.lead(ownIdentity());
  const closing = new AbortController();
  const threads = openSearchThreads(1);
  const facts = { name: `${hostname()}/evolution ${process.pid}`, learners: [RULE_SEARCH], slots: 1 };
  const working = runWorker(
    { facts, queue, blobs, pool: openFitPool(0), searches: threads, memoryBytes: WORKER_MEMORY_BYTES, leaseMs, print },
    closing.signal,
  );
  return {
    searchElsewhere: fleetSearches({ ...search, queue, blobs, signal: closing.signal }),
    async close() {
      closing.abort(new Error('the search was closed'));
      await working;
      await threads.close();
      await blobs.prune(UNUSED_MS).catch(() => 0);
      await fleet.close();
    },
  };
}

function withOwnWorker(
  { queue, blobs, leaseMs }: Fleet,
  workers: number,
  usesKnown: boolean,
  print: (line: string) => void,
  onFit: (fit: TracedFit) => void,
): FitPool {
  const pool = fleetPool(queue, blobs, usesKnown, onFit);
  const own = openFitPool(workers);
  const ending = new AbortController();
  const told = new Set<string>();
  const tell = (line: string): void => {
    if (told.has(line)) return;
    told.add(line);
    print(line);
  };
  const facts = {
    name: `${hostname()}/training ${process.pid}`,
    learners: installedEngines(),
    slots: Math.max(1, workers),
    // As without a fleet: its data are here, and `train.device` is meant for this machine.
    gpu: true,
  };
  const working = runWorker(
    {
      facts,
      queue,
      blobs,
      pool: own,
      // No generation comes to a worker whose learners do not name them.
      searches: openSearchThreads(0),
      memoryBytes: WORKER_MEMORY_BYTES,
      leaseMs,
      print: tell,
    },
    ending.signal,
  );
  return {
    fit: pool.fit,
    async close() {
      // Also those that a worker elsewhere has found.
      const differences = await lastAnswer(pool.differences(), AbortSignal.abort()).catch(() => []);
      for (const difference of differences) tell(differenceLine(difference));
      await pool.close();
      ending.abort();
      await working;
      await own.close();
    },
  };
}
