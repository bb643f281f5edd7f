import { MinutehandError } from '../../shared/errors.ts';

/** A body over the limit is still read for this much and this long, so that an honest client gets to read the 413. */
const LINGER_BYTES = 1_048_576;
const LINGER_MS = 500;
/** Unfinished bodies of a server together take as much memory as this many of the greatest size. */
const GREATEST_BODIES = 16;
const GROWN_BYTES = 65_536;
const EMPTY = Buffer.alloc(0);

export type IntakeReply =
  | { readonly body: Buffer }
  /** `drained`: its last byte has been read, so the connection can go on. */
  | { readonly body: null; readonly error: MinutehandError; readonly drained: boolean };

/** Collects the body of one request. */
export interface Intake {
  /** @param chunk copied when it is kept */
  take(chunk: Uint8Array): void;
  end(): void;
  /** The client is gone: no verdict. */
  abort(): void;
}

/** All unfinished bodies of a server. */
export interface Bodies {
  /**
   * @param declaredBytes what Content-Length says; NaN when it is absent
   * @param decide called once, unless aborted. A body that is declared too large by far is refused before it is read;
   *   one that turns out too large is kept nowhere and refused at its end, or after LINGER_BYTES or LINGER_MS more.
   */
  open(declaredBytes: number, decide: (verdict: IntakeReply) => void): Intake;
}

/** An unfinished body, as far as others may have to evict it. */
interface Held {
  evict(): void;
}

/**
 * Bounds what unfinished bodies hold in total. When a chunk does not fit, the bodies that have been still for longest are evicted and
 * refused with BODIES_TOO_MANY: clients that stand still, and never a message that arrives at once.
 * @param maxBytes of one body
 */
export function createBodies(maxBytes: number): Bodies {
  const maxHeldBytes = GREATEST_BODIES * maxBytes;
  let heldBytes = 0;
  /** Least recently grown first. */
  const held = new Set<Held>();

  function open(declaredBytes: number, decide: (verdict: IntakeReply) => void): Intake {
    /** Its first `seenBytes` are taken; as long as a body of one chunk, then doubled. */
    let store = EMPTY;
    let seenBytes = 0;
    let decided = false;
    let timer: NodeJS.Timeout | undefined;
    const self: Held = {
      evict: () => {
        release();
        decided = true;
        const error = new MinutehandError('BODIES_TOO_MANY', { expected: `at most ${maxHeldBytes} bytes in total` });
        // Not within the turn of another connection: an engine may be in the middle of reading that one.
        setImmediate(decide, { body: null, error, drained: false } satisfies IntakeReply);
      },
    };

    function settle(verdict: IntakeReply | null): void {
      if (decided) return;
      decided = true;
      clearTimeout(timer);
      release();
      if (verdict) decide(verdict);
    }

    function release(): void {
      heldBytes -= store.length;
      store = EMPTY;
      held.delete(self);
    }

    function isTooLarge(): boolean {
      return seenBytes > maxBytes || declaredBytes > maxBytes;
    }

    function tooLarge(drained: boolean): IntakeReply {
      const error = new MinutehandError('BODY_TOO_LARGE', { expected: `at most ${maxBytes} bytes` });
      return { body: null, error, drained };
    }

    function linger(): void {
      release();
      if (Math.max(seenBytes, declaredBytes || 0) > maxBytes + LINGER_BYTES) settle(tooLarge(false));
      else timer ??= setTimeout(() => settle(tooLarge(false)), LINGER_MS);
    }

    function grow(): void {
      const limit = Math.max(seenBytes, Math.min(maxBytes, declaredBytes || maxBytes));
      const larger = Buffer.allocUnsafeSlow(Math.min(limit, Math.max(seenBytes, 2 * store.length, GROWN_BYTES)));
      store.copy(larger);
      heldBytes += larger.length - store.length;
      store = larger;
    }

    function keep(chunk: Uint8Array): void {
      if (store.length === 0) {
        store = Buffer.from(chunk);
        heldBytes += store.length;
      } else {
        if (seenBytes > store.length) grow();
        store.set(chunk, seenBytes - chunk.byteLength);
      }
      held.delete(self);
      held.add(self);
      for (const other of held) {
        if (heldBytes <= maxHeldBytes) break;
        other.evict();
      }
    }

    if (isTooLarge()) linger();
    return {
      take(chunk) {
        if (decided) return;
        seenBytes += chunk.byteLength;
        if (isTooLarge()) linger();
        else if (chunk.byteLength > 0) keep(chunk);
      },
      end() {
        settle(isTooLarge() ? tooLarge(true) : { body: store.subarray(0, seenBytes) });
      },
      abort() {
        settle(null);
      },
    };
  }

  return { open };
}
