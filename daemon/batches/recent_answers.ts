import type { EpochMs } from '../../shared/bar.ts';
import type { Answer } from '../decide/answer.ts';

interface RecentAnswer {
  readonly answer: Answer;
  readonly answeredMs: EpochMs;
}

/** Answers of a pair that are kept at most; those that have expired are not published. */
const KEPT = 16;

/** What a new holder of the lease publishes first: by pair, the answers that consumers may not have. */
export class RecentAnswers {
  readonly #byPair = new Map<number, RecentAnswer[]>();

  /** A final heartbeat ends a lease, so that the next one never begins with it. */
  note(answers: readonly Answer[], answeredMs: EpochMs, isPublished: boolean): void {
    for (const answer of answers) {
      const { pairIndex, outcome } = answer.minute;
      if (outcome === 'SHUTDOWN') continue;
      const kept = isPublished ? [] : (this.#byPair.get(pairIndex) ?? []).slice(1 - KEPT);
      kept.push({ answer, answeredMs });
      this.#byPair.set(pairIndex, kept);
    }
  }

  /**
   * Batches in which no pair is twice, oldest minutes first.
   * @param isValid whether consumers would still take it
   */
  batches(isValid: (answer: Answer, answeredMs: EpochMs) => boolean): RecentAnswer[][] {
    const valid = [...this.#byPair.values()].map((kept) =>
      kept.filter(({ answer, answeredMs }) => isValid(answer, answeredMs)),
    );
    const depth = Math.max(0, ...valid.map(({ length }) => length));
    return Array.from({ length: depth }, (_, i) => valid.flatMap((kept) => kept.at(i - depth) ?? []));
  }
}
