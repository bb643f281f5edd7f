import { describeError } from '../../../shared/errors.ts';
import { atMostOneWaiting, InTurn } from '../../../shared/in_turn.ts';

export interface PassesOptions {
  /** One pass. */
  work(): Promise<void>;
  /** Pause between two passes, and after a failed one. */
  readonly everyMs: number;
  readonly retryMs: number;
  /**
   * Called when a pass fails, and not again for the same code until one has succeeded.
   */
  onFailed(error: { readonly code: string; readonly message: string }): void;
  onRecovered(): void;
}

/** Work that is repeated sequentially while the trainer runs. */
export interface Passes {
  /** Runs a pass after the queued work. Never rejects. */
  pass(): Promise<void>;
  /** A pass now, for callers within `inTurn`. @returns the error, null without one */
  once(): Promise<unknown>;
  /** Runs other work of the same station after the queued work. */
  inTurn(work: () => Promise<void>): Promise<void>;
  /** Starts the periodic passes. */
  begin(): void;
  /** Resolves when the last one has ended. */
  stop(): Promise<void>;
}

export function createPasses({ work, everyMs, retryMs, onFailed, onRecovered }: PassesOptions): Passes {
  let failure = '';
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  const turns = new InTurn(null);
  const inTurn = (next: () => Promise<void>): Promise<void> => turns.own(next);

  async function once(): Promise<unknown> {
    try {
      await work();
      if (failure !== '') onRecovered();
      failure = '';
      return null;
    } catch (error) {
      const { code, message } = describeError(error);
      if (failure !== code) onFailed({ code, message });
      failure = code;
      return error;
    }
  }

  const pass = atMostOneWaiting(() => inTurn(async () => void (await once())));

  function schedule(ms: number): void {
    if (isStopped) return;
    timer = setTimeout(() => void pass().then(() => schedule(failure === '' ? everyMs : retryMs)), ms);
  }

  return {
    pass,
    once,
    inTurn,
    begin: () => schedule(0),
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await turns.settled();
    },
  };
}
