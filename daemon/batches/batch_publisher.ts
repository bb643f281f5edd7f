import type { EpochMs } from '../../shared/bar.ts';
import type { Answer } from '../decide/answer.ts';
import type { Stopwatch } from '../publish/stopwatch.ts';
import type { MinuteItem } from '../queue/queue.ts';
import type { Envelope } from '../publish/envelope.ts';
import type { Publication, Publisher } from '../publish/publish.ts';
import type { TransportName } from '../publish/transports.ts';

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

/** Pairs of a piece of a batch behind the first. */
const PIECE_PAIRS = 128;

/** The lease across machines, where one is configured. */
export interface PublishingLease {
  /** Whether a signal with this fence may leave now. */
  holds(fence: number): boolean;
}

export interface BatchPublisherOptions {
  readonly sockets: readonly Publisher<TransportName>[];
  readonly files: readonly Publisher<TransportName>[];
  readonly envelope: Envelope;
  readonly stopwatch: Stopwatch;
  readonly lease?: PublishingLease | undefined;
}

type Decide = (piece: readonly MinuteItem[]) => readonly Answer[];

interface Published {
  readonly answers: readonly Answer[];
  /** Empty without the lease. */
  readonly publications: readonly Publication[];
}

/** Decides and publishes a batch in pieces: readers process the first while the next is decided and encoded. */
export class BatchPublisher {
  readonly #options: BatchPublisherOptions;
  readonly #recent = new RecentAnswers();
  /** null = standby. */
  #fence: number | null = null;
  /** Consumers of this fence are halted: nothing may follow. */
  #isClosed = false;
  #withheld = 0;

  constructor(options: BatchPublisherOptions) {
    this.#options = options;
  }

  /** Signals that were answered without the lease. */
  get withheld(): number {
    return this.#withheld;
  }

  publish(items: readonly MinuteItem[], decide: Decide, nowMs: EpochMs): Published {
    const first = this.#firstPiece();
    const published =
      items.length <= first
        ? this.#publishPiece(items, decide, nowMs)
        : this.#publishPieces(items, first, decide, nowMs);
    this.#sendWhole(published.publications);
    this.#options.stopwatch.add('publish');
    return published;
  }

  #firstPiece(): number {
    let pairs = PIECE_PAIRS;
    for (const { firstPiece = PIECE_PAIRS } of this.#options.sockets) pairs = Math.min(pairs, firstPiece);
    return pairs;
  }

  #publishPieces(items: readonly MinuteItem[], first: number, decide: Decide, nowMs: EpochMs): Published {
    const answers: Answer[] = [];
    const publications: Publication[] = [];
    for (let from = 0, pairs = first; from < items.length; from += pairs, pairs = PIECE_PAIRS) {
      const piece = this.#publishPiece(items.slice(from, from + pairs), decide, nowMs);
      answers.push(...piece.answers);
      publications.push(...piece.publications);
    }
    return { answers, publications };
  }

  #publishPiece(items: readonly MinuteItem[], decide: Decide, nowMs: EpochMs): Published {
    const { stopwatch, sockets } = this.#options;
    const answers = decide(items);
    stopwatch.add('decide');
    const publications = this.#seal(answers, nowMs);
    for (const socket of sockets)
      if (socket.firstPiece !== undefined && publications.length > 0) socket.publish(publications);
    stopwatch.add('publish');
    return { answers, publications };
  }

  /** To the publishers that block this thread. */
  publishFiles(publications: readonly Publication[]): void {
    const { files, stopwatch } = this.#options;
    if (files.length === 0) return;
    const isAllowed = this.#mayPublish();
    for (const file of files) {
      if (isAllowed) file.publish(publications);
      stopwatch.handed(file.name);
    }
  }

  /**
   * Another lease, or none. A new holder publishes what consumers may not have, and the last state of every pair: they
   * ignore what they followed before.
   */
  hold(fence: number | null, nowMs: EpochMs): void {
    const { lease, envelope, sockets, files } = this.#options;
    if (lease === undefined) return;
    this.#fence = fence;
    this.#isClosed = false;
    if (fence === null) return;
    const isValid = (answer: Answer, answeredMs: EpochMs): boolean => envelope.expiryMs(answer, answeredMs) >= nowMs;
    for (const batch of this.#recent.batches(isValid)) {
      const publications = batch.flatMap(({ answer, answeredMs }) => envelope.seal([answer], nowMs, fence, answeredMs));
      for (const publisher of [...sockets, ...files]) if (lease.holds(fence)) publisher.publish(publications);
    }
  }

  #seal(decided: readonly Answer[], nowMs: EpochMs): readonly Publication[] {
    const { lease, envelope } = this.#options;
    if (lease === undefined) return envelope.seal(decided, nowMs);
    const isFinal = decided.some(({ minute }) => minute.outcome === 'SHUTDOWN');
    const isAllowed = this.#mayPublish() && (isFinal || !this.#isClosed);
    this.#isClosed ||= isFinal;
    this.#recent.note(decided, nowMs, isAllowed);
    if (isAllowed) return envelope.seal(decided, nowMs, this.#fence!);
    envelope.withhold(decided, nowMs);
    this.#withheld += decided.length;
    return [];
  }

  #sendWhole(publications: readonly Publication[]): void {
    const { sockets, stopwatch } = this.#options;
    const isAllowed = this.#mayPublish();
    for (const socket of sockets) {
      if (socket.firstPiece === undefined && isAllowed) socket.publish(publications);
      stopwatch.handed(socket.name);
    }
  }

  #mayPublish(): boolean {
    const { lease } = this.#options;
    return lease === undefined || (this.#fence !== null && lease.holds(this.#fence));
  }
}
