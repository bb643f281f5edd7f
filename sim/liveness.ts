import { barMinutesOf } from '../shared/pair.ts';
import { subjectsOf } from './variety.ts';
import type { World } from './world.ts';

const MINUTE_MS = 60_000;
/**
 * After the last fault, everything recovers within this time. Its first minute includes the repairs that only an
 * operator can make.
 */
export const LIVENESS_BOUND_MS = 5 * MINUTE_MS;
/** A minute is checked only if its signals had this long to arrive. */
const ARRIVAL_MS = 15_000;
const MAX_MISSING = 5;

/**
 * Continuous random faults would hide a daemon that never recovers. After they end at `peaceMs`: from LIVENESS_BOUND_MS
 * on, each minute, every consumer has followed a signal in mode OK of every pair; at the end the daemon, journal, files
 * and Redis are up to date.
 * @returns time from the last fault to the first such minute's close
 */
export function checkLive(world: World, peaceMs: number): number {
  const startMs = world.trueMs() - world.timeline.nowMs;
  const firstCloseMs = Math.ceil((startMs + peaceMs) / MINUTE_MS) * MINUTE_MS;
  let recoveredMs = firstCloseMs;
  const late: string[] = [];
  for (let closeMs = firstCloseMs; closeMs < world.trueMs() - ARRIVAL_MS; closeMs += MINUTE_MS) {
    const missing = missingAt(world, closeMs);
    if (missing.length > 0) recoveredMs = closeMs + MINUTE_MS;
    if (closeMs >= startMs + peaceMs + LIVENESS_BOUND_MS) late.push(...missing);
  }
  if (late.length > 0)
    world.violate(
      'not recovered',
      `${late.length} signals in mode OK are missing: ${late.slice(0, MAX_MISSING).join('; ')}`,
    );
  checkDaemon(world);
  checkUpToDate(world, peaceMs);
  return recoveredMs - startMs - peaceMs;
}

/** Consumers and subjects without an OK signal for a bar that closed at `closeMs`. */
function missingAt({ consumers, settings, acceptedOk }: World, closeMs: number): string[] {
  const timestamp = `${new Date(closeMs).toISOString().slice(0, 19)}Z`;
  return consumers.flatMap((consumer) =>
    subjectsOf(settings)
      .filter(({ id }) => closeMs % (barMinutesOf(id) * MINUTE_MS) === 0)
      .map(({ id }) => `${consumer} ${id} ${timestamp}`)
      .filter((minute) => !acceptedOk.has(minute)),
  );
}

/** The guarantees of `/healthz` for a healthy daemon. */
function checkDaemon({ daemon, violate }: World): void {
  const health = daemon?.health();
  if (health === undefined) return violate('not recovered', 'there is no daemon');
  const { status, direction, degradations, silent_pairs, halted_pairs, halts_refused, model_refused, redis } = health;
  const isWell =
    status === 'ok' &&
    degradations.length + silent_pairs.length + halted_pairs.length === 0 &&
    halts_refused === null &&
    model_refused === null &&
    (direction?.refused ?? null) === null &&
    direction?.rules_refused === undefined &&
    redis === 'up';
  if (!isWell) violate('not recovered', `health is ${JSON.stringify(health)}`);
}

/**
 * The last signal of each subject is in the journal, its file and Redis. For a longer bar, this is required only of a
 * signal published LIVENESS_BOUND_MS after the last fault or later.
 */
function checkUpToDate({ oracle, journal, disk, redis, signalsFolder, violate }: World, peaceMs: number): void {
  const last = new Map<string, string>();
  for (const [text, { signal }] of oracle.published) last.set(signal.pair_id, text);
  for (const [pairId, text] of last) {
    const { signal, atMs } = oracle.published.get(text)!;
    if (barMinutesOf(pairId) > 1 && atMs < peaceMs + LIVENESS_BOUND_MS) continue;
    const { boot_id, seq } = signal;
    const behind = (place: string): void => violate('not up to date', `${place} of ${pairId}, ${boot_id} seq ${seq}`);
    if (!journal.signals.some((row) => row.pairId === pairId && row.bootId === boot_id && row.seq === seq))
      behind('journal');
    if (disk.peek(`${signalsFolder}/${pairId}/signal.json`)?.toString().trimEnd() !== text) behind('signal.json');
    if (redis.get(pairId) !== text) behind('Redis key');
  }
}
