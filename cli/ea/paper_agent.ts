import { hostname } from 'node:os';
import { join } from 'node:path';
import { encodeFill, firstOwnTicket, type Fill } from '../../shared/fill/fill.ts';
import { KILL_FILE } from '../../shared/fill/followers.ts';
import type { Pair } from '../../shared/pair.ts';
import type { Clock, FileSystem } from '../../shared/ports.ts';
import {
  createConsumer,
  type Consumer,
  type ConsumerState,
  type Order,
  type Verdict,
} from '../../shared/signal/consumer.ts';
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
  /** Called with each line of result.json after it is written. */
  onFill(fill: Fill): void;
}

/** State of a pair, for display. */
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
  /** Why the last text was refused; empty when it was accepted. */
  readonly refusal: string;
  readonly positionId: string;
  readonly openedMs: number | null;
  readonly side: 1 | -1 | 0;
  readonly floating: number;
  readonly realised: number;
}

export interface PaperAgent {
  /**
   * One signal as it came, on whichever way.
   * @param pairId of the folder, channel or key that it came from; absent where those of all its pairs come
   * @throws MinutehandError OUTPUT_UNWRITABLE: nothing was traded then
   */
  receive(text: string, pairId?: string): Verdict;
  /** Actions due without a signal: maximum age, kill switch. @throws MinutehandError OUTPUT_UNWRITABLE */
  tick(): void;
  readonly killed: boolean;
  equity(): number;
  views(): PairView[];
}

const FRESH = { bootId: '', seq: 0, positionId: '', entered: [] };

/**
 * A reference consumer that trades on paper: the orders of shared/signal/consumer.ts, and the duties of an expert
 * advisor itself. State and fills of an order are one write, then the fills are appended to result.json, then they are
 * removed from the state: if it is killed at any time, an order is executed whole or not at all, and reported once.
 *
 * @throws MinutehandError EA_STATE, OUTPUT_UNWRITABLE
 */
export function createPaperAgent(options: AgentOptions): PaperAgent {
  return new Agent(options);
}

/** The state of each pair on disk, and the fills on their way from it to result.json. */
class PairStates {
  readonly #options: AgentOptions;
  readonly #result: ReturnType<typeof openResultFile>;
  readonly #states = new Map<string, SavedPair>();

  constructor(options: AgentOptions) {
    const { files, folder, market, pairs } = options;
    this.#options = options;
    this.#result = openResultFile(join(folder, 'result.json'));
    for (const { id } of pairs) {
      const found = loadPairState(files, folder, market, id);
      if (found === null) continue;
      this.#states.set(id, found);
      this.#finish(found, this.#result.missing(found.outbox));
    }
  }

  /** Pairs with a trade or a received signal. */
  get known(): ReadonlyMap<string, SavedPair> {
    return this.#states;
  }

  of(pairId: string): SavedPair {
    const known = this.#states.get(pairId);
    if (known !== undefined) return known;
    const { folder, clock, market } = this.#options;
    const ticket = firstOwnTicket(`${hostname()} ${folder} ${clock.nowMs()}`);
    const book = { held: null, prices: null, realised: 0, ticket };
    return { market, pairId, memory: { ...FRESH, entered: [] }, book, outbox: [] };
  }

  keep(pairId: string, memory: SavedPair['memory'], book: PaperBook, fills: readonly Fill[]): void {
    const { files, folder, onFill } = this.#options;
    const outbox = fills.map(encodeFill);
    const state = { ...this.of(pairId), memory, book: book as SavedPair['book'], outbox };
    savePairState(files, folder, state, fills.length > 0);
    this.#states.set(pairId, state);
    this.#finish(state, outbox);
    for (const fill of fills) onFill(fill);
  }

  /** The fills of `state.outbox` that are missing in result.json go there, and out of the outbox. */
  #finish(state: SavedPair, missing: readonly string[]): void {
    if (state.outbox.length === 0) return;
    this.#result.append(missing);
    const done = { ...state, outbox: [] };
    savePairState(this.#options.files, this.#options.folder, done, false);
    this.#states.set(state.pairId, done);
  }
}

class Agent implements PaperAgent {
  readonly #options: AgentOptions;
  readonly #states: PairStates;
  readonly #consumer: Consumer;
  readonly #views = new Map<string, Pick<PairView, 'last' | 'refusal'>>();
  readonly #configured: ReadonlySet<string>;
  #killed: boolean;

  constructor(options: AgentOptions) {
    const { market, maxClockSkewMs, pairs } = options;
    this.#options = options;
    this.#states = new PairStates(options);
    this.#consumer = createConsumer({
      markets: [market],
      maxClockSkewMs,
      state: Object.fromEntries([...this.#states.known].map(([id, { memory }]) => [`${market}/${id}`, memory])),
    });
    this.#configured = new Set(pairs.map(({ id }) => id));
    this.#killed = this.#isKilled();
  }

  get killed(): boolean {
    return this.#killed;
  }

  #isKilled(): boolean {
    const { killFile, folder, files } = this.#options;
    return [killFile, join(folder, KILL_FILE)].some((path) => files.stat(path) !== null);
  }

  // ---- signals ----

  receive(text: string, pairId?: string): Verdict {
    const from = pairId === undefined ? [...this.#configured] : [pairId];
    const before = this.#consumer.state();
    const verdict = this.#consumer.take(text, this.#options.clock.nowMs(), from);
    if (verdict.verdict === 'refuse') this.#refuse({ text, code: verdict.code, pairId }, before);
    else {
      const signal = JSON.parse(text) as Signal;
      this.#views.set(verdict.pairId, { last: viewOf(signal), refusal: '' });
      this.#accept(signal, verdict.orders);
    }
    return verdict;
  }

  /** A message in sequence is recorded although it was refused: a clock that steps back must not make it fresh. */
  #refuse(
    { text, code, pairId }: { text: string; code: string; pairId: string | undefined },
    before: ConsumerState,
  ): void {
    const after = this.#consumer.state();
    for (const id of this.#configured) {
      const key = `${this.#options.market}/${id}`;
      if (after[key] !== before[key]) this.#keep(id, this.#states.of(id).book, []);
    }
    if (code === 'REPEATED') return;
    const id = pairId ?? /"pair_id":"([A-Z0-9._@a-z]+)"/.exec(text)?.[1] ?? '';
    if (this.#configured.has(id)) this.#views.set(id, { last: this.#views.get(id)?.last ?? null, refusal: code });
  }

  #accept(signal: Signal, orders: readonly Order[]): void {
    const { market, rules, clock } = this.#options;
    const pairId = signal.pair_id;
    const moment: PaperMoment = { pairId, market, nowMs: clock.nowMs() };
    let book: PaperBook = withPrices(this.#states.of(pairId).book, signal);
    const fills: Fill[] = [];
    for (const order of orders) {
      if (order.order === 'close' && book.held?.positionId === order.positionId) {
        const done = closePaper(book, signal.reason, signal, rules, moment);
        book = done.book;
        fills.push(...done.fills);
      }
      if (order.order === 'open') {
        const refusal = this.#capReached(pairId);
        const equity = this.#worth(pairId, book);
        const done = openPaper(book, { order, signal, refusal, equity, rules, moment });
        book = done.book;
        fills.push(...done.fills);
        if (book.held === null) this.#consumer.closed(order.positionId);
      }
    }
    this.#keep(pairId, book, fills);
  }

  #keep(pairId: string, book: PaperBook, fills: readonly Fill[]): void {
    const memory = this.#consumer.state()[`${this.#options.market}/${pairId}`] ?? FRESH;
    this.#states.keep(pairId, { ...memory, entered: [...memory.entered] }, book, fills);
  }

  /** Why no position may be opened; empty when one may. */
  #capReached(pairId: string): string {
    if (this.#killed) return KILL_FILE;
    const others = [...this.#states.known.values()].filter(
      (state) => state.pairId !== pairId && state.book.held !== null,
    );
    return others.length >= this.#options.rules.maxOpenPairs ? 'CAP_OPEN_PAIRS' : '';
  }

  // ---- without a signal ----

  tick(): void {
    this.#killed = this.#isKilled();
    const nowMs = this.#options.clock.nowMs();
    for (const state of [...this.#states.known.values()]) {
      const { held } = state.book;
      if (held === null) continue;
      if (this.#killed) this.#close(state, held.positionId, KILL_FILE);
      else if (isTooOld(held, nowMs)) this.#close(state, held.positionId, 'OWN_MAX_AGE');
    }
  }

  #close({ pairId, book }: SavedPair, positionId: string, reason: string): void {
    const { rules, market, clock } = this.#options;
    const done = closePaper(book, reason, null, rules, { pairId, market, nowMs: clock.nowMs() });
    this.#consumer.closed(positionId);
    this.#keep(pairId, done.book, done.fills);
  }

  // ---- figures ----

  equity(): number {
    return equityOf(this.#states.known, this.#options.rules);
  }

  /** The equity with `book` instead of the pair's own. */
  #worth(pairId: string, book: PaperBook): number {
    const state = { ...this.#states.of(pairId), book: book as SavedPair['book'] };
    return equityOf(new Map(this.#states.known).set(pairId, state), this.#options.rules);
  }

  views(): PairView[] {
    const { pairs, rules } = this.#options;
    return pairs.map(({ id }) => {
      const { book } = this.#states.of(id);
      const { last = null, refusal = '' } = this.#views.get(id) ?? {};
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
    });
  }
}

function equityOf(states: ReadonlyMap<string, SavedPair>, rules: PaperRules): number {
  let sum = rules.equity;
  for (const { book } of states.values()) sum += book.realised + floatingPnl(book, rules);
  return sum;
}

function viewOf(signal: Signal): NonNullable<PairView['last']> {
  const { mode, reason, z_score, generated_at_ms, valid_until_ms } = signal;
  return { mode, reason, z: z_score, generatedMs: generated_at_ms, validUntilMs: valid_until_ms };
}
