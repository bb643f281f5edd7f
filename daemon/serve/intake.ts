/** A body over the limit is still read for this much and this long, so that an honest client gets to read the 413. */
const LINGER_BYTES = 1_048_576;
const LINGER_MS = 500;

export type Verdict =
  | { readonly body: Buffer }
  /** Too large. `drained`: its last byte has been read, so the connection can go on. */
  | { readonly body: null; readonly drained: boolean };

/** Collects the body of one request. */
export interface Intake {
  /** @param chunk copied when it is kept */
  take(chunk: Uint8Array): void;
  end(): void;
  /** The client is gone: no verdict. */
  abort(): void;
}

/**
 * @param declaredBytes what Content-Length says; NaN when it is absent
 * @param decide called once, unless aborted. A body that is declared too large by far is refused before it is read;
 *   one that turns out too large is kept nowhere and refused at its end, or after LINGER_BYTES or LINGER_MS more.
 */
export function openIntake(maxBytes: number, declaredBytes: number, decide: (verdict: Verdict) => void): Intake {
  let chunks: Buffer[] = [];
  let seenBytes = 0;
  let decided = false;
  let timer: NodeJS.Timeout | undefined;

  function settle(verdict: Verdict | null): void {
    if (decided) return;
    decided = true;
    clearTimeout(timer);
    chunks = [];
    if (verdict) decide(verdict);
  }

  function isTooLarge(): boolean {
    return seenBytes > maxBytes || declaredBytes > maxBytes;
  }

  function linger(): void {
    chunks = [];
    if (Math.max(seenBytes, declaredBytes || 0) > maxBytes + LINGER_BYTES) settle({ body: null, drained: false });
    else timer ??= setTimeout(() => settle({ body: null, drained: false }), LINGER_MS);
  }

  if (isTooLarge()) linger();
  return {
    take(chunk) {
      if (decided) return;
      seenBytes += chunk.byteLength;
      if (isTooLarge()) linger();
      else if (chunk.byteLength > 0) chunks.push(Buffer.from(chunk));
    },
    end() {
      if (isTooLarge()) settle({ body: null, drained: true });
      else settle({ body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks) });
    },
    abort() {
      settle(null);
    },
  };
}
