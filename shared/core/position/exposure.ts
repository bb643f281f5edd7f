import { currenciesOf, type Pair } from '../../pair.ts';
import type { Position, Side } from './position.ts';

/**
 * Largest net exposure over all open positions, in gross notionals of one position at full size; null = no limit.
 * Whatever its position_scale, an open position counts as one: leg A with the share 1 / (1 + |beta|) on the position's
 * side, leg B with the rest on the side −side · sign(beta), by the beta of its entry.
 */
export interface ExposurePolicy {
  readonly symbol: number | null;
  readonly currency: number | null;
}

/** Net exposure of a symbol or a currency if a position were entered. */
export interface ExposureAfter {
  /** A symbol, or a currency, such as `USD`. */
  readonly key: string;
  readonly kind: 'symbol' | 'currency';
  /** Absolute value. */
  readonly net: number;
  readonly limit: number;
}

type OpenSide = Pick<Position, 'side' | 'beta'>;

/** How a pair's legs add to the exposure of one key. */
interface KeyOfPair {
  readonly key: string;
  readonly kind: 'symbol' | 'currency';
  /** By pair index: factors of leg A and leg B. */
  readonly legA: Int8Array;
  readonly legB: Int8Array;
}

/** Measures exposures over the positions of a list of pairs. */
export class ExposureMeter {
  /** By pair index: the keys that an entry of the pair changes. */
  readonly #keys: readonly (readonly KeyOfPair[])[];

  constructor(pairs: readonly Pair[]) {
    const kinds = ['symbol', 'currency'] as const;
    const known = new Map<string, KeyOfPair>();
    for (const kind of kinds)
      for (const key of new Set(pairs.flatMap(({ a, b }) => [...partsOf(kind, a), ...partsOf(kind, b)])))
        known.set(`${kind} ${key}`, {
          key,
          kind,
          legA: Int8Array.from(pairs, ({ a }) => factorOf(kind, key, a)),
          legB: Int8Array.from(pairs, ({ b }) => factorOf(kind, key, b)),
        });
    this.#keys = pairs.map(({ a, b }) =>
      kinds.flatMap((kind) =>
        [...new Set([...partsOf(kind, a), ...partsOf(kind, b)])].map((key) => known.get(`${kind} ${key}`)!),
      ),
    );
  }

  /**
   * Of all exposures that an entry would raise, the one that is largest relative to its limit; null when it raises
   * none that is limited. An entry that lowers an exposure is never refused for it.
   * @param positions by pair index, before the entry; the pair's own is flat
   */
  after(
    policy: ExposurePolicy,
    positions: readonly OpenSide[],
    pairIndex: number,
    side: Side,
    beta: number,
  ): ExposureAfter | null {
    let worst: ExposureAfter | null = null;
    for (const of of this.#keys[pairIndex]!) {
      const limit = policy[of.kind];
      if (limit === null) continue;
      const before = netOf(of, positions, pairIndex);
      const net = Math.abs(before + shareOf(of, pairIndex, side, beta));
      if (!(net > Math.abs(before))) continue;
      if (worst === null || net * worst.limit > worst.net * limit) worst = { key: of.key, kind: of.kind, net, limit };
    }
    return worst;
  }
}

/** Net exposure to a key of all positions but one. */
function netOf(of: KeyOfPair, positions: readonly OpenSide[], except: number): number {
  let net = 0;
  for (let i = 0; i < positions.length; i++) {
    const { side, beta } = positions[i]!;
    if (side !== 0 && i !== except) net += shareOf(of, i, side, beta);
  }
  return net;
}

function shareOf({ legA, legB }: KeyOfPair, pairIndex: number, side: Side, beta: number): number {
  return (side * (legA[pairIndex]! - beta * legB[pairIndex]!)) / (1 + Math.abs(beta));
}

function partsOf(kind: 'symbol' | 'currency', symbol: string): readonly string[] {
  if (kind === 'symbol') return [symbol];
  return currenciesOf(symbol).filter((one) => one !== null);
}

/** 1 for what the symbol buys, −1 for what is paid for it. */
function factorOf(kind: 'symbol' | 'currency', key: string, symbol: string): number {
  if (kind === 'symbol') return symbol === key ? 1 : 0;
  const [base, quote] = currenciesOf(symbol);
  return (base === key ? 1 : 0) - (quote === key ? 1 : 0);
}
