import type { OpenTime } from '../../bar.ts';

/** The two model sets of a rollout. */
export const ARMS = ['champion', 'challenger'] as const;
export type Arm = (typeof ARMS)[number];

/** The first 32 bits of HMAC(rollout key, message), as an unsigned integer. */
export type KeyedHash = (message: string) => number;

/** The unit of randomization: a subject within one time block. */
export function unitMessage(subject: string, block: number): string {
  return `${subject}|${block}`;
}

/** Number of the time block that contains a bar. @param blockSeconds length of a block, aligned to the epoch */
export function blockOf(time: OpenTime, blockSeconds: number): number {
  return Math.floor(time / blockSeconds);
}

/**
 * The arm of a unit. The hash does not depend on the share, so a unit of the challenger stays with it as the share
 * grows: 10 % ⊂ 30 % ⊂ 70 % ⊂ 100 %.
 * @param hash 32-bit unsigned integer of `KeyedHash`
 * @param share of units that the challenger answers, 0…1
 */
export function armOfUnit(hash: number, share: number): Arm {
  return hash < share * 0x1_0000_0000 ? 'challenger' : 'champion';
}

/**
 * Assigns entries to arms. Hashes are kept per subject for the current block and the one that `prepare` computed ahead
 * of its first bar, so a bar needs no hash.
 */
export class Assignment {
  readonly #subjects: readonly string[];
  readonly #hash: KeyedHash;
  readonly #blockSeconds: number;
  /** By subject: two slots, of even and of odd blocks. */
  readonly #blocks: Float64Array;
  readonly #hashes: Float64Array;

  constructor(subjects: readonly string[], hash: KeyedHash, blockSeconds: number) {
    this.#subjects = subjects;
    this.#hash = hash;
    this.#blockSeconds = blockSeconds;
    this.#blocks = new Float64Array(2 * subjects.length).fill(NaN);
    this.#hashes = new Float64Array(2 * subjects.length);
  }

  /** The arm that a bar without a position is assigned to. */
  armOf(subjectIndex: number, time: OpenTime, share: number): Arm {
    return armOfUnit(this.#hashOf(subjectIndex, blockOf(time, this.#blockSeconds)), share);
  }

  /** Computes the hash of the block that begins after a bar. */
  prepare(subjectIndex: number, time: OpenTime): void {
    this.#hashOf(subjectIndex, blockOf(time, this.#blockSeconds) + 1);
  }

  #hashOf(subjectIndex: number, block: number): number {
    const slot = 2 * subjectIndex + (block & 1);
    if (this.#blocks[slot] !== block) {
      this.#blocks[slot] = block;
      this.#hashes[slot] = this.#hash(unitMessage(this.#subjects[subjectIndex]!, block));
    }
    return this.#hashes[slot]!;
  }
}
