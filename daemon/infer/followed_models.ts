import type { Logger } from 'pino';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import { armName, type ActiveRollout } from '../../shared/bundle/rollout.ts';
import type { Position } from '../../shared/core/position/position.ts';
import { describeError, type ErrorReport } from '../../shared/errors.ts';
import type { LastSignal } from '../../shared/store/journal.ts';
import type {
  Challenger,
  DegradationInput,
  RolloutInput,
  ShadowInput,
  ShadowModels,
  SwapInput,
} from '../queue/input.ts';
import type { InstrumentPosition } from '../../shared/strategies/instrument_position.ts';
import type { Timeframe } from '../../shared/pair.ts';
import { watchModels, type ModelSlot, type ModelWatch, type ModelWatchOptions } from './model_watch.ts';
import { parseSlot, type ModelSlotId } from '../../shared/subject/slot.ts';
import { timeframeOfSlot } from '../../shared/subject/written_names.ts';

export interface FollowedModelsOptions extends Pick<
  ModelWatchOptions,
  | 'modelsFolder'
  | 'running'
  | 'subjects'
  | 'pollMs'
  | 'files'
  | 'scheduler'
  | 'load'
  | 'warm'
  | 'directions'
  | 'rules'
  | 'marksOf'
> {
  apply(input: SwapInput | ShadowInput | RolloutInput | DegradationInput): void;
  /** The newest answers of the shadow set of this version, the newest of a pair last. */
  lastShadows(version: string): readonly LastSignal[];
  onRefused(code: string): void;
  onFailed(code: string): void;
  readonly log: Logger;
  print(line: string): void;
}

/** Why the last bundle was refused. */
export interface ModelRefusal extends ErrorReport {
  readonly version: string;
}

/** Follows `active.json`, `shadow.json` and `rollout.json`, and reports the outcome for the sets they name. */
export class FollowedModels {
  readonly #options: FollowedModelsOptions;
  readonly #watch: ModelWatch;
  #refused: ModelRefusal | null = null;
  #rolloutRefused: ModelRefusal | null = null;
  /** By slot. */
  readonly #shadows = new Map<ModelSlotId, string>();
  /** Of the active set while the pointer, or its bundle, is refused since the start. */
  #provedVersion: string | null = null;

  constructor(options: FollowedModelsOptions) {
    this.#options = options;
    this.#watch = watchModels({
      ...options,
      onReady: (set, isProved) => this.#setActive(set, isProved),
      onShadow: (model, slot) => this.#setShadow(model, slot),
      onRollout: (rollout, challenger) => this.#setRollout(rollout, challenger),
      onRefused: (version, error, slot) => this.#refuse(version, error, slot),
      onWithdrawn: (slot) => {
        if (slot === 'rollout') this.#rolloutRefused = null;
        if (slot !== 'active') return;
        this.#refused = null;
        this.#endProved();
      },
    });
  }

  /** Of the bundle that `active.json` names, until another one is accepted. */
  get refused(): ModelRefusal | null {
    return this.#refused;
  }

  /** Of the challenger of `rollout.json`, until another state is accepted. */
  get rolloutRefused(): ModelRefusal | null {
    return this.#rolloutRefused;
  }

  /** Of the pairs. */
  get shadowVersion(): string | null {
    return this.#shadows.get('pairs') ?? null;
  }

  /** Of the instruments, by their timeframe. */
  get directionShadows(): Partial<Record<Timeframe, string>> {
    const ofDirection = [...this.#shadows].flatMap(([id, version]) => {
      const slot = parseSlot(id);
      return slot.strategy === 'direction' ? [[slot.timeframe, version]] : [];
    });
    return Object.fromEntries(ofDirection) as Partial<Record<Timeframe, string>>;
  }

  /** Looks now; resolves when what was found is loaded or refused. */
  check(): Promise<void> {
    return this.#watch.check();
  }

  stop(): Promise<void> {
    return this.#watch.stop();
  }

  onSwap(set: ModelSet): void {
    const { log, print } = this.#options;
    if (set.version !== this.#provedVersion) this.#refused = null;
    log.info({ version: set.version, engines: set.engines }, 'models active');
    print(`Models ${set.version} (${set.manifest.market} market) are active.`);
  }

  onModelFailure(error: unknown, failed: ModelSet, fallback: ModelSet | null): void {
    const { log, print, onFailed } = this.#options;
    const { code, message } = describeError(error);
    onFailed(code);
    log.error({ version: failed.version, fallback: fallback?.version ?? null, code }, message);
    print(`${code}: ${message} ${fallbackText(failed, fallback)}`);
  }

  onModelRecovery({ version }: ModelSet): void {
    const { log, print } = this.#options;
    log.info({ version }, 'models fast again');
    print(`Models ${version} are fast again.`);
  }

  onShadowFailure(error: unknown, { version, slot }: { readonly version: string; readonly slot: ModelSlotId }): void {
    const { log, print, onFailed } = this.#options;
    const report = describeError(error);
    const timeframe = timeframeOfSlot(slot);
    this.#shadows.delete(slot);
    onFailed(report.code);
    log.error({ version, ...(timeframe !== null && { timeframe }), ...report }, 'shadow models failed');
    print(`${shadowName(slot)} ${version} failed and were dropped: ${report.message}`);
  }

  #setActive(set: ModelSet, isProved: boolean): void {
    const { apply, print } = this.#options;
    if (!isProved) this.#endProved();
    else {
      this.#provedVersion = set.version;
      // Before the set, so that no signal of it has mode OK.
      apply({ kind: 'degraded', what: 'model_pointer' });
      print(`active.json or its bundle is refused: models ${set.version}, accepted before, serve. Mode DEGRADED.`);
    }
    apply({ kind: 'swap', set });
  }

  #endProved(): void {
    if (this.#provedVersion === null) return;
    this.#provedVersion = null;
    this.#options.apply({ kind: 'recovered', what: 'model_pointer' });
  }

  #setShadow(set: ShadowModels | null, slot: ModelSlotId): void {
    const { apply, lastShadows, print } = this.#options;
    const version = set?.manifest.version ?? null;
    if (version === null) this.#shadows.delete(slot);
    else this.#shadows.set(slot, version);
    const positions = positionsOf<Position | InstrumentPosition>(version === null ? [] : lastShadows(version));
    apply({ kind: 'shadow', slot, set, positions });
    const timeframe = timeframeOfSlot(slot);
    const where = timeframe === null ? '' : ` for ${timeframe}`;
    print(
      version === null
        ? `No shadow models${where} any more.`
        : `${shadowName(slot)} ${version} score in shadow${where}, unpublished.`,
    );
  }

  onChallengerFailure(error: unknown, failed: { readonly version: string }, rolloutId: string): void {
    const { log, print, onFailed } = this.#options;
    const report = describeError(error);
    this.#watch.forgetChallenger();
    this.#rolloutRefused = { version: failed.version, ...report };
    onFailed(report.code);
    log.error({ version: failed.version, rollout: rolloutId, ...report }, 'challenger failed');
    print(`Challenger ${failed.version} failed; the champion answers alone: ${report.message}`);
  }

  #setRollout(rollout: ActiveRollout | null, set: Challenger | null): void {
    const { apply, lastShadows, print } = this.#options;
    if (rollout === null) {
      apply({ kind: 'rollout', rollout: null, set: null });
      return print('The rollout has ended.');
    }
    const { id, challenger, stage, share } = rollout;
    const positions = {
      champion: positionsOf<Position | InstrumentPosition>(lastShadows(armName(rollout, 'champion'))),
      challenger: positionsOf<Position | InstrumentPosition>(lastShadows(armName(rollout, 'challenger'))),
    };
    apply({ kind: 'rollout', rollout, set, positions });
    print(`Rollout ${id}, stage ${stage}: ${challenger} decides ${100 * share} % of entries.`);
  }

  #refuse(version: string, error: unknown, slot: ModelSlot): void {
    const { log, print, onRefused } = this.#options;
    const refusal = { version, ...describeError(error) };
    if (slot === 'active') this.#refused = refusal;
    if (slot === 'rollout') this.#rolloutRefused = refusal;
    onRefused(refusal.code);
    log.error({ slot, ...refusal }, 'models refused');
    const what = { active: 'Models', shadow: 'Shadow models', rollout: 'Challenger' }[slot];
    print(`${what} ${version} refused. ${refusal.code}: ${refusal.message} ${refusal.next}`);
  }
}

function shadowName(slot: ModelSlotId): string {
  return slot === 'pairs' ? 'Shadow models' : 'Shadow direction models';
}

function fallbackText(failed: ModelSet, fallback: ModelSet | null): string {
  if (fallback === null) return 'Mode HALT: no entries.';
  if (fallback === failed) return `Models ${failed.version} continue to answer in mode DEGRADED: there are no others.`;
  return `Models ${fallback.version} serve again.`;
}

/** Positions of one kind of subject, as the journal has them. */
export function positionsOf<Held>(answers: readonly LastSignal[]): ReadonlyMap<string, Held> {
  return new Map(answers.map(({ pairId, position }) => [pairId, JSON.parse(position) as Held]));
}
