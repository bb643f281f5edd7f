import { hostname } from 'node:os';
import { join } from 'node:path';
import { encodeFill, firstOwnTicket, type Fill } from '../../shared/fill/fill.ts';
import type { Pair } from '../../shared/pair.ts';
import type { Clock, FileSystem } from '../../shared/ports.ts';
import { createConsumer, type ConsumerState, type Verdict } from '../../shared/signal/consumer.ts';
import type { MarketKind, Mode, Signal } from '../../shared/signal/signal.ts';
import { loadPairState, savePairState, type SavedPair } from './pair_state.ts';
import {
  closePaper,
  floatingPnl,
  isTooOld,
  openPaper,
  withPrices,
  type PaperBook,
  type PaperMoment,
  type PaperRules,
} from './paper.ts';
import { openResultFile } from './result_file.ts';

export interface AgentOptions {
  /** Its own, with its state and its result.json; it exists. */
  readonly folder: string;
  readonly pairs: readonly Pair[];
  readonly market: MarketKind;
  readonly rules: PaperRules;
  readonly maxClockSkewMs: number;
  readonly clock: Clock;
  readonly files: FileSystem;
  /** A file of this name in `folder`, or this one, stops all trading while it is there. */
  readonly killFile: string;
  /** Told of each line of result.json when it stands there. */
  onFill(fill: Fill): void;
}

/** What it knows of a pair, for people. */
export interface PairView {
  readonly pairId: string;
  /** null before the first signal. */
  readonly last: {
    readonly mode: Mode;
    readonly reason: string;
    readonly z: number | null;
    readonly generatedMs: number;
    readonly validUntilMs: number;
  } | null;
  /** Why the last text was not obeyed; empty when it was. */
  readonly refusal: string;
  readonly positionId: string;
  readonly openedMs: number | null;
  readonly side: 1 | -1 | 0;
  readonly floating: number;
  readonly realised: number;
}

export interface PaperAgent {
  /** One signal as it came, on whichever way. @throws MinutehandError OUTPUT_UNWRITABLE: nothing was traded then */
  hear(text: string): Verdict;
  /** What is due without a signal: maximum age, kill switch. @throws MinutehandError OUTPUT_UNWRITABLE */
  tick(): void;
  readonly killed: boolean;
  equity(): number;
  views(): PairView[];
}

const FRESH = { bootId: '', seq: 0, positionId: '', entered: [] };

/**
 * A reference consumer that trades on paper: what shared/signal/consumer.ts orders, and what an expert advisor does by itself. State and fills of an order are one
 * write, then the fills go to result.json, then they leave the state: killed at any moment, it has done an order whole or not at all, and tells of it once.
 *
 * @throws MinutehandError EA_STATE, OUTPUT_UNWRITABLE
 */
export function createPaperAgent(options: AgentOptions): PaperAgent {
  const { folder, pairs, market, rules, clock, files } = options;
  const result = openResultFile(join(folder, 'result.json'));
  const states = new Map<string, SavedPair>();
  for (const { id } of pairs) {
    const found = loadPairState(files, folder, market, id);
    if (found === null) continue;
    states.set(id, found);
    finish(found, result.missing(found.outbox));
  }
  const consumer = createConsumer({
    markets: [market],
    maxClockSkewMs: options.maxClockSkewMs,
    state: Object.fromEntries([...states].map(([id, { memory }]) => [`${market}/${id}`, memory])),
  });
  const views = new Map<string, Pick<PairView, 'last' | 'refusal'>>();
  const configured = new Set(pairs.map(({ id }) => id));
  const isKilled = (): boolean => [options.killFile, join(folder, 'KILL')].some((path) => files.stat(path) !== null);
  let killed = isKilled();

  function stateOf(pairId: string): SavedPair {
    const known = states.get(pairId);
    if (known !== undefined) return known;
    const ticket = firstOwnTicket(`${hostname()} ${folder} ${clock.nowMs()}`);
    const book = { held: null, prices: null, realised: 0, ticket };
    return { market, pairId, memory: { ...FRESH, entered: [] }, book, outbox: [] };
  }

  function memoryOf(pairId: string): SavedPair['memory'] {
    const memory = (consumer.state() as ConsumerState)[`${market}/${pairId}`] ?? FRESH;
    return { ...memory, entered: [...memory.entered] };
  }

  /** The fills of `state.outbox` that are missing in result.json go there, and out of the outbox. */
  function finish(state: SavedPair, missing: readonly string[]): void {
    if (state.outbox.length === 0) return;
    result.append(missing);
    const done = { ...state, outbox: [] };
    savePairState(files, folder, done, false);
    states.set(state.pairId, done);
  }

  function keep(pairId: string, book: PaperBook, fills: readonly Fill[]): void {
    const outbox = fills.map(encodeFill);
    const state = { ...stateOf(pairId), memory: memoryOf(pairId), book: book as SavedPair['book'], outbox };
    savePairState(files, folder, state, fills.length > 0);
    states.set(pairId, state);
    finish(state, outbox);
    for (const fill of fills) options.onFill(fill);
  }

  function equityOf(all: ReadonlyMap<string, SavedPair>): number {
    let sum = rules.equity;
    for (const { book } of all.values()) sum += book.realised + floatingPnl(book, rules);
    return sum;
  }

  function obey(signal: Signal, verdict: Extract<Verdict, { verdict: 'obey' }>): void {
    const moment: PaperMoment = { pairId: signal.pair_id, market, nowMs: clock.nowMs() };
    let book: PaperBook = withPrices(stateOf(signal.pair_id).book, signal);
    const fills: Fill[] = [];
    for (const order of verdict.orders) {
      if (order.order === 'close' && book.held?.positionId === order.positionId) {
        const done = closePaper(book, signal.reason, signal, rules, moment);
        book = done.book;
        fills.push(...done.fills);
      }
      if (order.order === 'open') {
        const worth = equityOf(new Map(states).set(signal.pair_id, { ...stateOf(signal.pair_id), book: book as SavedPair['book'] })); // prettier-ignore
        const done = openPaper(book, order, signal, capReached(signal.pair_id), worth, rules, moment);
        book = done.book;
        fills.push(...done.fills);
        if (book.held === null) consumer.closed(order.positionId);
      }
    }
    keep(signal.pair_id, book, fills);
  }

  function capReached(pairId: string): string {
    if (killed) return 'KILL';
    const others = [...states.values()].filter((state) => state.pairId !== pairId && state.book.held !== null).length;
    return others >= rules.maxOpenPairs ? 'CAP_OPEN_PAIRS' : '';
  }

  function closeByItself({ pairId, book }: SavedPair, reason: string): void {
    const { positionId } = book.held!;
    const done = closePaper(book, reason, null, rules, { pairId, market, nowMs: clock.nowMs() });
    consumer.closed(positionId);
    keep(pairId, done.book, done.fills);
  }

  return {
    hear(text) {
      const before = consumer.state();
      const verdict = consumer.take(text, clock.nowMs());
      if (verdict.verdict === 'obey') {
        if (!configured.has(verdict.pairId)) return verdict;
        const signal = JSON.parse(text) as Signal;
        views.set(verdict.pairId, { last: viewOf(signal), refusal: '' });
        obey(signal, verdict);
        return verdict;
      }
      // What came in order is remembered although it was refused: a clock that steps back must not make it fresh.
      const after = consumer.state();
      for (const id of configured) {
        const key = `${market}/${id}`;
        if (after[key] !== before[key]) keep(id, stateOf(id).book, []);
      }
      if (verdict.code !== 'REPEATED') {
        const id = /"pair_id":"([A-Z0-9._]+)"/.exec(text)?.[1] ?? '';
        if (configured.has(id)) views.set(id, { last: views.get(id)?.last ?? null, refusal: verdict.code });
      }
      return verdict;
    },
    tick() {
      killed = isKilled();
      const nowMs = clock.nowMs();
      for (const state of [...states.values()]) {
        const { held } = state.book;
        if (held === null) continue;
        if (killed) closeByItself(state, 'KILL');
        else if (isTooOld(held, nowMs)) closeByItself(state, 'OWN_MAX_AGE');
      }
    },
    get killed() {
      return killed;
    },
    equity: () => equityOf(states),
    views: () =>
      pairs.map(({ id }) => {
        const { book } = stateOf(id);
        const { last = null, refusal = '' } = views.get(id) ?? {};
        return {
          pairId: id,
          last,
          refusal,
          positionId: book.held?.positionId ?? '',
          openedMs: book.held?.openedMs ?? null,
          side: book.held?.legs[0].side ?? 0,
          floating: floatingPnl(book, rules),
          realised: book.realised,
        };
      }),
  };
}

function viewOf(signal: Signal): NonNullable<PairView['last']> {
  const { mode, reason, z_score, generated_at_ms, valid_until_ms } = signal;
  return { mode, reason, z: z_score, generatedMs: generated_at_ms, validUntilMs: valid_until_ms };
}
