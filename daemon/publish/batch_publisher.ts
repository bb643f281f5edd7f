import type { EpochMs } from '../../shared/bar.ts';
import type { Answer } from '../decide/answer.ts';
import type { Stopwatch } from '../metrics/stopwatch.ts';
import type { MinuteItem } from '../queue.ts';
import type { Envelope } from './envelope.ts';
import type { Publication, Publisher } from './publish.ts';
import type { TransportName } from './transports.ts';

/** Pairs of a piece of a batch. */
const PIECE_PAIRS = 128;

interface Published {
  readonly answers: readonly Answer[];
  readonly publications: readonly Publication[];
}

/** Decides and publishes a large batch in pieces: readers work on the first while the next is made. */
export class BatchPublisher {
  readonly #sockets: readonly Publisher<TransportName>[];
  readonly #envelope: Envelope;
  readonly #stopwatch: Stopwatch;

  constructor(sockets: readonly Publisher<TransportName>[], envelope: Envelope, stopwatch: Stopwatch) {
    this.#sockets = sockets;
    this.#envelope = envelope;
    this.#stopwatch = stopwatch;
  }

  publish(
    items: readonly MinuteItem[],
    decide: (piece: readonly MinuteItem[]) => readonly Answer[],
    nowMs: EpochMs,
  ): Published {
    const watch = this.#stopwatch;
    const answers: Answer[] = [];
    const publications: Publication[] = [];
    for (let from = 0; from < items.length; from += PIECE_PAIRS) {
      const decided = decide(items.length <= PIECE_PAIRS ? items : items.slice(from, from + PIECE_PAIRS));
      watch.add('decide');
      const sealed = this.#envelope.seal(decided, nowMs);
      for (const socket of this.#sockets) if (socket.takesPieces === true) socket.publish(sealed);
      watch.add('publish');
      answers.push(...decided);
      publications.push(...sealed);
    }
    for (const socket of this.#sockets) {
      if (socket.takesPieces !== true) socket.publish(publications);
      watch.handed(socket.name);
    }
    watch.add('publish');
    return { answers, publications };
  }
}
