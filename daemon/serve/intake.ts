import { MinutehandError } from '../../shared/errors.ts';

/** A body over the limit is still read for this much and this long, so that a regular client can read the 413. */
const LINGER_BYTES = 1_048_576;
const LINGER_MS = 500;
/** Unfinished bodies of a server together take as much memory as this many of the greatest size. */
const GREATEST_BODIES = 16;
const GROWN_BYTES = 65_536;
const EMPTY = Buffer.alloc(0);

export type IntakeReply =
  | { readonly body: Buffer }
  /** `drained`: its last byte has been read, so the connection can continue. */
  | { readonly body: null; readonly error: MinutehandError; readonly drained: boolean };

/** Collects the body of one request. */
export interface BodyIntake {
  /** @param chunk copied when it is kept */
  take(chunk: Uint8Array): void;
  end(): void;
  /** The client is gone: no verdict. */
  abort(): void;
}

/** All unfinished bodies of a server. */
export interface Bodies {
  /**
   * @param declaredBytes the Content-Length; NaN when it is absent
   * @param decide called once, unless aborted. A body that is declared too large by far is refused before it is read;
   * one that turns out too large is kept nowhere and refused at its end, or after LINGER_BYTES or LINGER_MS more.
   */
  open(declaredBytes: number, decide: (verdict: IntakeReply) => void): BodyIntake;
}

/**
 * Bounds the total size of unfinished bodies. When a chunk does not fit, the bodies that have been idle for longest are
 * evicted and refused with BODIES_TOO_MANY: stalled clients, and never a message that arrives at once.
 * @param maxBytes of one body
 */
export function createBodies(maxBytes: number): Bodies {
  return new BoundedBodies(maxBytes);
}

class BoundedBodies implements Bodies {
  readonly maxBytes: number;
  readonly maxHeldBytes: number;
  #heldBytes = 0;
  /** Least recently grown first. */
  readonly #held = new Set<Body>();

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
    this.maxHeldBytes = GREATEST_BODIES * maxBytes;
  }

  open(declaredBytes: number, decide: (verdict: IntakeReply) => void): BodyIntake {
    return new Body(this, declaredBytes, decide);
  }

  /** The body has grown by so much; others give way. */
  grown(body: Body, bytes: number): void {
    this.#heldBytes += bytes;
    this.#held.delete(body);
    this.#held.add(body);
    for (const other of this.#held) {
      if (this.#heldBytes <= this.maxHeldBytes) break;
      other.evict();
    }
  }

  released(body: Body, bytes: number): void {
    this.#heldBytes -= bytes;
    this.#held.delete(body);
  }
}

class Body implements BodyIntake {
  readonly #bodies: BoundedBodies;
  readonly #declaredBytes: number;
  readonly #decide: (verdict: IntakeReply) => void;
  /** Its first `#seenBytes` are taken; as long as a body of one chunk, then doubled. */
  #store = EMPTY;
  #seenBytes = 0;
  #isDecided = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(bodies: BoundedBodies, declaredBytes: number, decide: (verdict: IntakeReply) => void) {
    this.#bodies = bodies;
    this.#declaredBytes = declaredBytes;
    this.#decide = decide;
    if (this.#isTooLarge()) this.#linger();
  }

  take(chunk: Uint8Array): void {
    if (this.#isDecided) return;
    this.#seenBytes += chunk.byteLength;
    if (this.#isTooLarge()) this.#linger();
    else if (chunk.byteLength > 0) this.#keep(chunk);
  }

  end(): void {
    this.#settle(this.#isTooLarge() ? this.#tooLarge(true) : { body: this.#store.subarray(0, this.#seenBytes) });
  }

  abort(): void {
    this.#settle(null);
  }

  evict(): void {
    this.#release();
    this.#isDecided = true;
    const error = new MinutehandError('BODIES_TOO_MANY', {
      expected: `at most ${this.#bodies.maxHeldBytes} bytes in total`,
    });
    // Not within the turn of another connection: an engine may be in the middle of reading that one.
    setImmediate(this.#decide, { body: null, error, drained: false } satisfies IntakeReply);
  }

  #settle(verdict: IntakeReply | null): void {
    if (this.#isDecided) return;
    this.#isDecided = true;
    clearTimeout(this.#timer);
    this.#release();
    if (verdict) this.#decide(verdict);
  }

  #release(): void {
    this.#bodies.released(this, this.#store.length);
    this.#store = EMPTY;
  }

  #isTooLarge(): boolean {
    const { maxBytes } = this.#bodies;
    return this.#seenBytes > maxBytes || this.#declaredBytes > maxBytes;
  }

  #tooLarge(drained: boolean): IntakeReply {
    const error = new MinutehandError('BODY_TOO_LARGE', { expected: `at most ${this.#bodies.maxBytes} bytes` });
    return { body: null, error, drained };
  }

  #linger(): void {
    this.#release();
    const bytes = Math.max(this.#seenBytes, this.#declaredBytes || 0);
    if (bytes > this.#bodies.maxBytes + LINGER_BYTES) this.#settle(this.#tooLarge(false));
    else this.#timer ??= setTimeout(() => this.#settle(this.#tooLarge(false)), LINGER_MS);
  }

  #keep(chunk: Uint8Array): void {
    const before = this.#store.length;
    if (before === 0) {
      this.#store = Buffer.from(chunk);
    } else {
      if (this.#seenBytes > before) this.#grow();
      this.#store.set(chunk, this.#seenBytes - chunk.byteLength);
    }
    this.#bodies.grown(this, this.#store.length - before);
  }

  #grow(): void {
    const limit = Math.max(
      this.#seenBytes,
      Math.min(this.#bodies.maxBytes, this.#declaredBytes || this.#bodies.maxBytes),
    );
    const larger = Buffer.allocUnsafeSlow(
      Math.min(limit, Math.max(this.#seenBytes, 2 * this.#store.length, GROWN_BYTES)),
    );
    this.#store.copy(larger);
    this.#store = larger;
  }
}
