import type { ModelSet } from '../../shared/bundle/model_set.ts';
import type { PointerMarks } from '../../shared/bundle/pointer_marks.ts';
import {
  readRolloutFile,
  rolloutPath,
  rolloutText,
  type ActiveRollout,
  type RolloutFile,
} from '../../shared/bundle/rollout.ts';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import type { RuleModel } from '../../shared/bundle/rule/rule_model.ts';
import type { Timeframe } from '../../shared/pair.ts';
import type { FileSystem } from '../../shared/ports.ts';
import type { Challenger } from '../queue/input.ts';
import { fingerprint, isNotYet } from './file_mark.ts';
import { pathInside } from '../../shared/path_name.ts';
import { parseSlot, type SlotId } from '../../shared/subject/slot.ts';
import { slotOfRollout } from '../../shared/subject/written_names.ts';

/** The direction models that a daemon runs. */
export interface ChallengedDirections {
  /** Of its instruments. */
  readonly timeframes: readonly Timeframe[];
  /** Reads, verifies and loads a challenger. @throws MinutehandError */
  load(version: string, timeframe: Timeframe): Promise<DirectionModel>;
}

/** The subjects that a daemon runs and rules may answer for. */
export interface ChallengedRules {
  readonly subjects: readonly string[];
  /** Reads, verifies and warms a challenger. @throws MinutehandError */
  load(version: string, instrument: string): Promise<RuleModel>;
}

export interface FollowedRolloutOptions {
  readonly modelsFolder: string;
  readonly files: FileSystem;
  /** High-water marks of `rollout.json`; without them, any is accepted. */
  readonly marks?: Pick<PointerMarks<RolloutFile>, 'check' | 'raiseQuietly'> | undefined;
  /** Reads, verifies, loads and warms a challenger of pairs. @throws MinutehandError */
  load(folder: string): Promise<ModelSet>;
  /** A rollout of another timeframe is none of this daemon. Absent: it has no instruments. */
  readonly directions?: ChallengedDirections | null;
  /** A rollout of the rules of another subject is none of this daemon. Absent: it serves no rules. */
  readonly rules?: ChallengedRules | null;
  /** The rollout from now on; null = none any more. The sink releases the set. */
  onRollout(rollout: ActiveRollout | null, challenger: Challenger | null): void;
  /** The state cannot be read, or the challenger cannot be loaded: no rollout. Called once for the same bytes. */
  onRefused(version: string, error: unknown): void;
  /** After a refusal, or a dropped challenger: the state was accepted. */
  onWithdrawn(): void;
}

/** Follows `models/rollout.json`. A stage that only changes the share keeps the loaded challenger. */
export class FollowedRollout {
  readonly #options: FollowedRolloutOptions;
  #mark = '';
  /** The last state that was begun, also when its challenger was dropped since. */
  #text = '';
  /** Fingerprint of the file that was reported as one that cannot be obeyed yet. */
  #reported = '';
  #challenger: {
    readonly version: string;
    readonly slot: SlotId;
    readonly set: Challenger;
  } | null = null;
  #refusalStands = false;
  #isStopped = false;

  constructor(options: FollowedRolloutOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** The challenger was dropped: it is not loaded again for this stage. */
  forget(): void {
    this.#challenger = null;
    this.#refusalStands = true;
  }

  async look(): Promise<void> {
    const { modelsFolder, files } = this.#options;
    const mark = fingerprint(files, [rolloutPath(modelsFolder)]);
    if (this.#isStopped || mark === this.#mark) return;
    let version = '(rollout.json)';
    try {
      const state = await this.#read();
      if (state?.status !== 'active' || !this.#isOurs(state)) {
        this.#end();
        this.#withdraw();
      } else {
        version = state.challenger;
        await this.#begin(state);
        if (this.#challenger !== null) this.#withdraw();
      }
    } catch (error) {
      if (isNotYet(error)) return this.#notYet(mark, version, error);
      this.#end();
      this.#refuse(version, error);
    }
    this.#mark = mark;
  }

  async #read(): Promise<RolloutFile | null> {
    const { modelsFolder, files, marks } = this.#options;
    const file = readRolloutFile(modelsFolder, files);
    if (file === null) return null;
    marks?.check(file);
    await marks?.raiseQuietly(file);
    return file;
  }

  /** The disk's fault: the state before stays, and the file is read again. */
  #notYet(mark: string, version: string, error: unknown): void {
    if (this.#reported === mark) return;
    this.#reported = mark;
    this.#refuse(version, error);
  }

  #refuse(version: string, error: unknown): void {
    if (this.#isStopped) return;
    this.#refusalStands = true;
    this.#options.onRefused(version, error);
  }

  #withdraw(): void {
    if (this.#refusalStands) this.#options.onWithdrawn();
    this.#refusalStands = false;
  }

  async #begin(state: ActiveRollout): Promise<void> {
    const text = rolloutText(state);
    if (text === this.#text) return;
    const { challenger: version } = state;
    const slot = slotOfRollout(state);
    const loaded = this.#challenger;
    const kept = loaded?.version === version && loaded.slot === slot ? loaded.set : null;
    const set = kept ?? (await this.#load(version, slot));
    if (this.#isStopped) return kept === null ? await releaseChallenger(set) : undefined;
    this.#text = text;
    this.#challenger = { version, slot, set };
    this.#options.onRollout(state, set);
  }

  /** Whether this daemon has subjects of a rollout. Daemons without pairs load the models of pairs, too. */
  #isOurs(state: ActiveRollout): boolean {
    const { directions, rules } = this.#options;
    const slot = parseSlot(slotOfRollout(state));
    if (slot.strategy === 'rule') return rules?.subjects.includes(slot.subject) === true;
    return slot.strategy === 'pair_reversion' || directions?.timeframes.includes(slot.timeframe) === true;
  }

  #load(version: string, id: SlotId): Promise<Challenger> {
    const { modelsFolder, load, directions, rules } = this.#options;
    const slot = parseSlot(id);
    if (slot.strategy === 'rule') return rules!.load(version, slot.subject);
    return slot.strategy === 'pair_reversion'
      ? load(pathInside(modelsFolder, version))
      : directions!.load(version, slot.timeframe);
  }

  #end(): void {
    if (this.#challenger === null || this.#isStopped) return;
    this.#challenger = null;
    this.#text = '';
    this.#options.onRollout(null, null);
  }
}

/** Rules hold nothing that could be given back. */
export async function releaseChallenger(set: Challenger): Promise<void> {
  if ('release' in set) await set.release();
}
