import type { Exchange, Liquidation } from './exchange.ts';
import type { Outbox, Outgoing } from './outbox.ts';

/** Liquidations of a bar count as complete when at most this much of the bar was not received. */
const MAX_GAP_MS = 60_000;
/** Between two checks that the connection is open. */
const HEARD_MS = 5000;
/** Liquidations of the last moment of a bar come this much later. */
const SETTLED_MS = 2000;

interface LiquidationOptions {
  readonly exchange: Pick<Exchange, 'isStreaming'>;
  readonly outbox: Outbox;
  readonly symbols: readonly string[];
  readonly liquidationBarMs: number;
}

/**
 * Sums liquidations into bars. A bar in which they were not received for a minute or more has no value: a sum of a part
 * would be wrong. The bar that is in progress survives a kill.
 */
export class LiquidationBars {
  readonly #options: LiquidationOptions;

  constructor(options: LiquidationOptions) {
    this.#options = options;
  }

  /** Each counts once, however often it is received. `tick` comes first. */
  take(received: readonly Liquidation[]): void {
    const { outbox } = this.#options;
    const { bar } = outbox;
    if (bar === null) return;
    const known = new Set(bar.liquidations.map(keyOf));
    const fresh = new Map(received.map((own) => [keyOf(own), own]));
    for (const [key, { atMs }] of fresh) if (known.has(key) || atMs < bar.startMs) fresh.delete(key);
    if (fresh.size > 0) outbox.setBar({ ...bar, liquidations: [...bar.liquidations, ...fresh.values()] });
  }

  /** To be called about every second. @returns the sums of a bar that has ended */
  tick(nowMs: number): Outgoing[] {
    const { outbox, exchange, liquidationBarMs } = this.#options;
    const startMs = Math.floor((nowMs - SETTLED_MS) / liquidationBarMs) * liquidationBarMs;
    let { bar } = outbox;
    const ended = bar !== null && bar.startMs < startMs ? bar : null;
    if (bar === null || ended !== null) {
      const carried = ended?.liquidations.filter(({ atMs }) => atMs >= startMs) ?? [];
      bar = { startMs, heardMs: Math.max(startMs, ended?.heardMs ?? startMs), gapMs: 0, liquidations: carried };
      outbox.setBar(bar);
    }
    const silentMs = nowMs - bar.heardMs;
    if (exchange.isStreaming && silentMs >= HEARD_MS / 2)
      outbox.setBar({ ...bar, heardMs: nowMs, gapMs: bar.gapMs + (silentMs > HEARD_MS ? silentMs : 0) });
    return ended === null ? [] : this.#sums(ended);
  }

  #sums({ startMs, heardMs, gapMs, liquidations }: NonNullable<Outbox['bar']>): Outgoing[] {
    const endMs = startMs + this.#options.liquidationBarMs;
    if (gapMs + Math.max(0, endMs - HEARD_MS - heardMs) > MAX_GAP_MS) return [];
    return this.#options.symbols.flatMap((symbol) =>
      (['buy', 'sell'] as const).map((side) => ({
        symbol,
        series: `${side}_liquidations` as const,
        event_time: endMs,
        value: liquidations
          .filter((own) => own.symbol === symbol && own.side === side && own.atMs < endMs)
          .reduce((sum, { coins }) => sum + coins, 0),
      })),
    );
  }
}

function keyOf({ symbol, atMs, side, coins, price }: Liquidation): string {
  return `${symbol} ${atMs} ${side} ${coins} ${price}`;
}
