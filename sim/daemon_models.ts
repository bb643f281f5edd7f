import { basename } from 'node:path';
import type { DirectionModel } from '../shared/bundle/direction/direction_model.ts';
import { openModelSet, type ModelSet, type Quietly } from '../shared/bundle/model_set.ts';
import { prepareModels } from '../shared/bundle/prepared_models.ts';
import type { FileSystem } from '../shared/ports.ts';
import { isInstrument, parseSubject } from '../shared/pair.ts';
import { failingDirection, failingModels, slowDirection, slowModels } from './failing_models.ts';
import type { MachineOptions } from './machine_options.ts';
import { createModelLine, type ModelLine } from './model_line.ts';
import type { Published } from './oracle.ts';
import { createEarlySwap, createLostFallback, withPooledScores } from './planted.ts';
import type { SimulatedProcess } from './process.ts';
import { ruleVersion } from './rules.ts';

const MIN_LOAD_MS = 5;
const MAX_LOAD_MS = 3000;
/** Minimum probability that a set fails when the previous one failed. */
const FAILS_AGAIN = 0.7;

/** The models that the daemon loads, with injected failures and slowness, and the sets that may answer at present. */
export class DaemonModels {
  readonly #options: MachineOptions;
  readonly #bootId: () => string | null;
  readonly #earlySwap = createEarlySwap();
  #lostFallback = createLostFallback();
  #line: ModelLine = createModelLine();
  readonly #failedBoots = new Set<string>();
  /** Models have failed since the last load, so the next ones are likely to have the same fault. */
  #haveFailed = false;

  /** @param bootId of the running daemon */
  constructor(options: MachineOptions, bootId: () => string | null) {
    this.#options = options;
    this.#bootId = bootId;
  }

  get hasFailed(): boolean {
    return this.#failedBoots.size > 0;
  }

  failedIn(bootId: string): boolean {
    return this.#failedBoots.has(bootId);
  }

  /** @returns a listener for each swap of the new process */
  processStarted(): (set: ModelSet) => void {
    const line = createModelLine();
    const fallback = createLostFallback();
    this.#line = line;
    this.#lostFallback = fallback;
    return (set) => {
      line.swapped(set);
      fallback.swapped();
    };
  }

  /** A signal may only name models that can have answered it. */
  check({ signal: { pair_id, seq, model_version }, isTakeover }: Published): void {
    // What a new holder of the lease publishes was answered before.
    if (isTakeover) return;
    // Direction models and rules are checked by `Truth`.
    if (isInstrument(parseSubject(pair_id)) || ruleVersion(model_version) !== null) return;
    if (this.#line.named(model_version)) return;
    this.#options.onViolation(
      'models that cannot have answered',
      `${pair_id} seq ${seq}: "${model_version}", active ${this.#line.possible}`,
    );
  }

  async load(owner: SimulatedProcess, files: FileSystem, folder: string, quietly: Quietly): Promise<ModelSet> {
    const { timeline, rng, settings, schema, planted, trainer, prepare, weather } = this.#options;
    const version = basename(folder);
    if (planted === 'early_swap' && trainer.hasTrained(version)) this.#earlySwap.begin(trainer.trainedSet(version));
    const { failingModels: failing, slowModels: slow } = weather();
    // Reading, verifying and cross-checking take time, on a separate thread.
    const tookMs = MIN_LOAD_MS + rng.uniform() * MAX_LOAD_MS;
    await new Promise<void>((resolve) => void owner.at(timeline.nowMs + tookMs, resolve));
    const maxRows = settings.minutehand.pairs.length;
    const prepared = await timeline.real(prepare(() => prepareModels(folder, schema, { crossCheck: false, files })));
    const loaded = await openModelSet(prepared, maxRows, { quietly });
    const set = planted === 'lost_fallback' ? this.#lostFallback.wrap(loaded) : loaded;
    if (planted === 'pooled_group') return withPooledScores(set);
    if (planted === 'early_swap') return this.#earlySwap.wrap(set);
    return this.#withFaults(set, owner, failing, slow);
  }

  async loadDirection(owner: SimulatedProcess, files: FileSystem, folder: string): Promise<DirectionModel> {
    const { timeline, rng, stormMs, directions, variety } = this.#options;
    const tookMs = MIN_LOAD_MS + rng.uniform() * MAX_LOAD_MS;
    await new Promise<void>((resolve) => void owner.at(timeline.nowMs + tookMs, resolve));
    const model = directions.load(files, folder);
    const onFailure = (): void => this.#onFailure(`direction model ${model.manifest.version}`);
    const fault = { timeline, rng, owner, untilMs: stormMs, onFailure };
    if (rng.uniform() < (variety?.failingDirections ?? 0)) return failingDirection(model, fault);
    const { slowDirections = 0 } = variety ?? {};
    if (slowDirections === 0 || rng.uniform() >= slowDirections) return model;
    const onSlow = (): void => {
      this.#options.see('direction model slow');
      onFailure();
    };
    return slowDirection(model, { ...fault, onFailure: onSlow });
  }

  /** @param failing probability of failures, 0…1 @param slow probability of slow answers, 0…1 */
  #withFaults(set: ModelSet, owner: SimulatedProcess, failing: number, slow: number): ModelSet {
    const { timeline, rng, stormMs } = this.#options;
    const failure = { timeline, rng, owner, untilMs: stormMs };
    const chance = this.#haveFailed && failing > 0 ? Math.max(failing, FAILS_AGAIN) : failing;
    this.#haveFailed = false;
    if (rng.uniform() < chance)
      return failingModels(set, { ...failure, onFailure: (failed) => this.#onFailed(failed) });
    if (rng.uniform() < slow) return slowModels(set, { ...failure, onFailure: (tardy) => this.#onSlow(tardy) });
    return set;
  }

  #onFailed(set: ModelSet): void {
    const serving = this.#line.failed(set);
    if (serving === null) this.#options.see('no models left after failures');
    else if (serving !== undefined) this.#options.see('predecessor answers for failed models');
    this.#haveFailed = true;
    this.#lostFallback.failed();
    this.#onFailure(`models ${set.version}`);
  }

  #onSlow(set: ModelSet): void {
    this.#line.slow(set);
    this.#onFailure(`models ${set.version}`);
  }

  #onFailure(what: string): void {
    const bootId = this.#bootId();
    this.#options.onModelsFailed();
    if (bootId !== null) this.#failedBoots.add(bootId);
    this.#options.trace(() => `${what} fail`);
  }
}
