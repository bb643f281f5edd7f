import { join } from 'node:path';
import type { Logger } from 'pino';
import { directionFolder } from '../../shared/bundle/direction/active_direction.ts';
import { DIRECTION_FILES } from '../../shared/bundle/direction/direction_manifest.ts';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { orRelease } from '../../shared/bundle/or_release.ts';
import { refuseForeign } from '../../shared/bundle/origin.ts';
import { describeError } from '../../shared/errors.ts';
import { timeframeOf, type Timeframe } from '../../shared/pair.ts';
import type { FileSystem, Scheduler } from '../../shared/ports.ts';
import type { MarketKind } from '../../shared/signal/signal.ts';
import type { DegradationInput, DirectionInput } from '../queue/input.ts';
import { bundlePaths } from './file_mark.ts';
import type { ModelRefusal } from './followed_models.ts';
import { FollowedSlots, type FollowedMarks } from './followed_slots.ts';
import { filesOf } from '../../shared/bundle/slot_files.ts';
import { directionSlot } from '../../shared/subject/slot.ts';

export interface FollowedDirectionsOptions {
  readonly modelsFolder: string;
  readonly timeframes: readonly Timeframe[];
  readonly market: MarketKind;
  /** High-water marks of each pointer; null = any is accepted. */
  marksOf(timeframe: Timeframe): FollowedMarks | null;
  /** Names of the auxiliary series that this daemon has received. */
  sources(): readonly string[];
  readonly pollMs: number;
  readonly files: FileSystem;
  readonly scheduler: Scheduler;
  /** Reads, verifies and loads a bundle for a timeframe. @throws MinutehandError */
  load(folder: string, timeframe: Timeframe): Promise<DirectionModel>;
  apply(input: DirectionInput | DegradationInput): void;
  onRefused(code: string): void;
  onFailed(code: string): void;
  readonly log: Logger;
  print(line: string): void;
}

/** Follows the pointers `models/direction/<timeframe>.json`; refused bytes are not tried again. */
export class FollowedDirections {
  readonly #options: FollowedDirectionsOptions;
  readonly #slots: FollowedSlots<Timeframe, DirectionModel>;
  /** Sources of the training of each active model. */
  readonly #learned = new Map<Timeframe, readonly string[]>();

  constructor(options: FollowedDirectionsOptions) {
    const { modelsFolder, timeframes, market, files, load, apply } = options;
    this.#options = options;
    const folderOf = (version: string): string => join(directionFolder(modelsFolder), version);
    this.#slots = new FollowedSlots({
      ...options,
      keys: timeframes,
      placeOf: (timeframe) => filesOf(modelsFolder, directionSlot(timeframe)).active,
      pathsOf: (version) => bundlePaths(folderOf(version), DIRECTION_FILES, files),
      load: async (version, timeframe) => {
        return ownDirection(await load(folderOf(version), timeframe), market, timeframe);
      },
      apply: (timeframe, set) => apply({ kind: 'direction', timeframe, set }),
      withoutPointer: 'stays',
      onProved: () => apply({ kind: 'degraded', what: 'direction_pointer' }),
      onAccepted: (_timeframe, isLast) => {
        if (isLast) apply({ kind: 'recovered', what: 'direction_pointer' });
      },
      texts: {
        slot: (timeframe) => `direction ${timeframe}`,
        pointer: (timeframe) => `direction/${timeframe}.json`,
        title: 'Direction model',
      },
    });
  }

  /** Why a bundle that a pointer names is not active. */
  get refused(): ModelRefusal | null {
    return this.#slots.refused;
  }

  /** Sources of the active models' training that this daemon does not receive. */
  get missingSources(): string[] {
    const received = this.#options.sources();
    return [...new Set([...this.#learned.values()].flat())].filter((name) => !received.includes(name));
  }

  /** Looks now; resolves when what was found is loaded or refused. */
  check(): Promise<void> {
    return this.#slots.check();
  }

  stop(): Promise<void> {
    return this.#slots.stop();
  }

  onSwap({ manifest, check, engine }: DirectionModel, timeframe: Timeframe): void {
    const { log, print } = this.#options;
    const { version } = manifest;
    log.info({ version, timeframe, engine, cross_check: check }, 'direction model active');
    print(`Direction model ${version} is active for ${timeframe}.`);
    if (this.#options.timeframes.includes(timeframe)) this.#learned.set(timeframe, manifest.sources ?? []);
    const missing = this.missingSources;
    if (missing.length === 0) return;
    log.warn({ version, missing }, 'direction model learned from sources that are missing here');
    print(
      `It was trained on ${missing.join(', ')}, which this daemon has not received yet: their features are missing.`,
    );
  }

  onFailure(error: unknown, failed: DirectionModel, fallback: DirectionModel | null): void {
    const { log, print, onFailed } = this.#options;
    const report = describeError(error);
    const { version } = failed.manifest;
    onFailed(report.code);
    log.error({ version, fallback: fallback?.manifest.version ?? null, ...report }, 'direction model failed');
    print(`${report.code}: ${report.message} ${fallbackText(failed, fallback)}`);
  }

  onRecovery({ manifest: { version } }: DirectionModel): void {
    const { log, print } = this.#options;
    log.info({ version }, 'direction model fast again');
    print(`Direction model ${version} is fast again.`);
  }
}

/**
 * The model, which is released where it is refused.
 * @throws MinutehandError MODEL_MARKET, MODEL_SIMULATED, MODEL_TIMEFRAME for another market or timeframe
 */
export async function ownDirection(
  model: DirectionModel,
  market: MarketKind,
  timeframe: Timeframe,
): Promise<DirectionModel> {
  const { manifest } = model;
  const origin = { version: manifest.version, market: manifest.market, timeframes: [timeframeOf(manifest.timeframe)] };
  return orRelease(model, () => refuseForeign(origin, { market, timeframes: [timeframe] }));
}

function fallbackText({ manifest: { version } }: DirectionModel, fallback: DirectionModel | null): string {
  if (fallback === null) return `Direction model ${version} was dropped. Mode HALT: no entries.`;
  const { version: next } = fallback.manifest;
  if (next === version) return `Direction model ${version} continues to answer in mode DEGRADED: there is no other.`;
  return `Direction model ${version} was dropped; ${next} serves again, in mode DEGRADED.`;
}
