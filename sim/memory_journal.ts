import type { Bar, OpenTime } from '../shared/bar.ts';
import { MinutehandError } from '../shared/errors.ts';
import { textHash } from '../shared/policy/policy_hash.ts';
import type { Pair } from '../shared/pair.ts';
import type { Rng } from '../shared/ports.ts';
import type { BootRow, InputRow, JournalStore, LastSignal, ShadowRow, SignalRow } from '../shared/store/journal.ts';
import { fenceOf } from '../shared/store/lease_text.ts';

/** One transaction. */
interface Commit {
  readonly inputs: readonly InputRow[];
  readonly signals: readonly SignalRow[];
  readonly shadows: readonly ShadowRow[];
  readonly boot: BootRow | null;
  readonly feedPosition: string | null;
  /** Deletes minutes before this one. */
  readonly forgetBefore: OpenTime | null;
}

/** A signal, with the number of inputs stored before it (including deleted ones). */
export interface StoredSignal extends SignalRow {
  readonly afterInput: number;
}

/** The simulated journal file. It outlives the stores opened on it. */
export interface MemoryJournal {
  /** Opens a store on this journal. Several may be open; all see every commit at once. */
  open(): JournalStore;
  /**
   * Power loss: of the commits since the last checkpoint, boot or change of halts, a random prefix is kept.
   * @returns number of lost commits
   */
  cutPower(rng: Rng): number;
  /** Makes all commits durable. SQLite does this about every thousand pages. */
  checkpoint(): void;
  /** Error of the next writes, such as `database or disk is full`; null: they succeed. */
  refusal: string | null;
  /** Maximum time of a transaction, if longer than usual. */
  slowMs: number;
  /** Makes the writing thread die at its next transaction. */
  killThread(): void;
  /** Whether it is killed now; resets the request. */
  takeDeath(): boolean;
  readonly commits: number;
  /** Stored rows, in order. */
  readonly inputs: readonly InputRow[];
  readonly signals: readonly StoredSignal[];
  readonly shadows: readonly ShadowRow[];
  readonly boots: readonly BootRow[];
}

const NOTHING: Commit = {
  inputs: [],
  signals: [],
  shadows: [],
  boot: null,
  feedPosition: null,
  forgetBefore: null,
};

/** Rows of a sequence of commits, and queries on them. */
class Tables {
  readonly boots: BootRow[] = [];
  inputs: InputRow[] = [];
  signals: StoredSignal[] = [];
  shadows: ShadowRow[] = [];
  feedPosition: string | null = null;
  readonly newest = { inputs: 0, signals: 0, shadows: 0 };

  apply(commit: Commit): void {
    for (const row of commit.inputs) this.inputs.push(row);
    this.newest.inputs += commit.inputs.length;
    this.newest.signals += commit.signals.length;
    this.newest.shadows += commit.shadows.length;
    for (const row of commit.signals) this.signals.push({ ...row, afterInput: this.newest.inputs });
    for (const row of commit.shadows) this.shadows.push(row);
    if (commit.boot !== null) this.boots.push(commit.boot);
    this.feedPosition = commit.feedPosition ?? this.feedPosition;
    if (commit.forgetBefore !== null) this.#forgetBefore(commit.forgetBefore);
  }

  #forgetBefore(first: OpenTime): void {
    const lastHalts = this.inputs.findLast(({ kind, time }) => kind === 'halts' && time < first);
    this.inputs = this.inputs.filter((row) => row.time >= first || row === lastHalts);
    this.signals = this.signals.filter(({ time }) => time >= first);
    this.shadows = this.shadows.filter(({ time }) => time >= first);
  }

  policyText(hash: string): string | null {
    const texts = [
      ...this.boots.map(({ policyText }) => policyText),
      ...this.inputs.map(({ kind, subject }) => (kind === 'policy' ? subject : undefined)),
    ];
    return texts.find((text) => text !== undefined && textHash(text) === hash) ?? null;
  }

  lastBoot(): BootRow | null {
    return this.boots.reduce<BootRow | null>(
      (latest, boot) => (latest === null || boot.bootId > latest.bootId ? boot : latest),
      null,
    );
  }

  lastHalts(): string {
    return this.inputs.findLast(({ kind }) => kind === 'halts')?.subject ?? '';
  }

  barBefore(symbol: string, count: number, until: OpenTime): OpenTime | null {
    const times = this.inputs.flatMap(({ kind, subject, time }) =>
      kind === 'bar' && subject === symbol && time <= until ? [time] : [],
    );
    return (
      times
        .sort((x, y) => y - x)
        .slice(0, count)
        .at(-1) ?? null
    );
  }

  lastBars(): Map<string, OpenTime> {
    const last = new Map<string, OpenTime>();
    for (const { kind, subject, time } of this.inputs)
      if (kind === 'bar') last.set(subject, Math.max(time, last.get(subject) ?? 0) as OpenTime);
    return last;
  }

  newestBars(symbol: string, count: number): OpenTime[] {
    const times = this.inputs.flatMap(({ kind, subject, time }) =>
      kind === 'bar' && subject === symbol ? [time] : [],
    );
    return times.sort((x, y) => y - x).slice(0, count);
  }

  bars(symbol: string, from: OpenTime, to: OpenTime): Bar[] {
    return this.inputs
      .filter(({ kind, subject, time }) => kind === 'bar' && subject === symbol && time >= from && time < to)
      .sort((x, y) => x.time - y.time)
      .map(({ bar }) => bar as Bar);
  }
}

/**
 * A journal in memory with exactly the guarantees of SQLite as set up by `openJournal` (WAL, synchronous = NORMAL):
 * commits are atomic; a killed process loses none; a power cut may lose the last ones since the last checkpoint, boot
 * or change of halts, never one in the middle.
 */
export function createMemoryJournal(): MemoryJournal {
  return new CommitLog();
}

class CommitLog implements MemoryJournal {
  refusal: string | null = null;
  slowMs = 0;
  #isThreadDying = false;
  #commits: Commit[] = [];
  /** Number of commits that survive a power cut. */
  #safe = 0;
  #tables = new Tables();

  killThread(): void {
    this.#isThreadDying = true;
  }

  takeDeath(): boolean {
    const dies = this.#isThreadDying;
    this.#isThreadDying = false;
    return dies;
  }

  #commit(content: Partial<Commit>): void {
    if (this.refusal !== null) throw new MinutehandError('JOURNAL_WRITE', { seen: `memory: ${this.refusal}` });
    this.#store({ ...NOTHING, ...content });
  }

  #store(commit: Commit): void {
    this.#commits.push(commit);
    this.#tables.apply(commit);
  }

  #append(
    inputs: readonly InputRow[],
    signals: readonly SignalRow[],
    shadows: readonly ShadowRow[],
    feedPosition: string | null,
  ): void {
    // The columns of the real tables are NOT NULL.
    if (signals.some(({ body, position }) => typeof body !== 'string' || typeof position !== 'string'))
      throw new MinutehandError('JOURNAL_WRITE', { seen: 'memory: a signal without a body' });
    this.#commit({ inputs: [...inputs], signals: [...signals], shadows: [...shadows], feedPosition });
    if (inputs.some(({ kind }) => kind === 'halts' || kind === 'policy')) this.checkpoint();
  }

  #addBoot(boot: BootRow): void {
    if (this.boots.some(({ bootId }) => bootId === boot.bootId))
      throw new MinutehandError('JOURNAL_WRITE', { seen: `memory: a second boot ${boot.bootId}` });
    this.#commit({ boot });
    // A boot is synced, together with everything before it.
    this.checkpoint();
  }

  open(): JournalStore {
    return {
      append: (inputs, signals, shadows = [], feedPosition = null) =>
        this.#append(inputs, signals, shadows, feedPosition),
      addBoot: (boot) => this.#addBoot(boot),
      feedPosition: () => this.#tables.feedPosition,
      lastBoot: () => this.#tables.lastBoot(),
      policyText: (hash) => this.#tables.policyText(hash),
      policyTextOfBoot: (id) => this.boots.find(({ bootId }) => bootId === id)?.policyText ?? null,
      newestRows: () => ({ ...this.#tables.newest }),
      lastSignals: () => lastOfEachPair(this.signals),
      lastShadows: (version) => lastOfEachPair(this.shadows.filter(({ modelVersion }) => modelVersion === version)),
      lastHalts: () => this.#tables.lastHalts(),
      lastFence: () =>
        fenceOf(this.inputs.findLast(({ kind, subject }) => kind === 'lease' && subject !== '')?.subject ?? ''),
      shadows: () => [...this.shadows].values(),
      commonMinuteBefore: (pair, count, until) => commonMinuteBefore(this.inputs, pair, count, until),
      barBefore: (symbol, count, until) => this.#tables.barBefore(symbol, count, until),
      inputsFrom: (from) => this.inputs.filter(({ time }) => time >= from).values(),
      seriesBetween: (from, to) =>
        this.inputs.filter(({ kind, time }) => kind === 'series' && time >= from && time < to).values(),
      earlierChanges: () => this.inputs.filter(({ kind }) => kind === 'earlier').values(),
      signals: () => [...this.signals].values(),
      lastBars: () => this.#tables.lastBars(),
      newestBars: (symbol, count) => this.#tables.newestBars(symbol, count),
      bars: (symbol, from = -Infinity as OpenTime, to = Infinity as OpenTime) =>
        this.#tables.bars(symbol, from, to).values(),
      forgetBefore: (time) => this.#commit({ forgetBefore: time }),
      snapshot: (read) => read(copyOf(this.#commits).open()),
      close: () => undefined,
    };
  }

  cutPower(rng: Rng): number {
    const kept = this.#safe + rng.integer(this.#commits.length - this.#safe + 1);
    const surviving = this.#commits.slice(0, kept);
    const lost = this.#commits.length - kept;
    this.#commits = [];
    this.#tables = new Tables();
    for (const commit of surviving) this.#store(commit);
    this.#safe = kept;
    return lost;
  }

  checkpoint(): void {
    this.#safe = this.#commits.length;
  }

  get commits(): number {
    return this.#commits.length;
  }

  get inputs(): readonly InputRow[] {
    return this.#tables.inputs;
  }

  get signals(): readonly StoredSignal[] {
    return this.#tables.signals;
  }

  get shadows(): readonly ShadowRow[] {
    return this.#tables.shadows;
  }

  get boots(): readonly BootRow[] {
    return this.#tables.boots;
  }
}

function copyOf(commits: readonly Commit[]): MemoryJournal {
  const copy = createMemoryJournal();
  const store = copy.open();
  for (const { inputs, signals, shadows, boot, feedPosition, forgetBefore } of commits) {
    if (boot !== null) store.addBoot(boot);
    else if (forgetBefore !== null) store.forgetBefore(forgetBefore);
    else store.append(inputs, signals, shadows, feedPosition);
  }
  return copy;
}

function lastOfEachPair(rows: readonly LastSignal[]): LastSignal[] {
  const last = new Map<string, LastSignal>();
  for (const { pairId, time, position } of rows) last.set(pairId, { pairId, time, position });
  return [...last.values()];
}

function commonMinuteBefore(inputs: readonly InputRow[], pair: Pair, count: number, until: OpenTime): OpenTime | null {
  const ofA = new Set<number>();
  const ofB = new Set<number>();
  const givenUp = new Set<number>();
  const suspect = new Set<number>();
  for (const { kind, subject, time } of inputs) {
    if (time > until) continue;
    if (kind === 'timeout' && subject === pair.id) givenUp.add(time);
    if (kind === 'suspect' && (subject === pair.a || subject === pair.b)) suspect.add(time);
    if (kind !== 'bar') continue;
    if (subject === pair.a) ofA.add(time);
    if (subject === pair.b) ofB.add(time);
  }
  const common = [...ofA].filter((time) => ofB.has(time) && !givenUp.has(time)).sort((x, y) => y - x);
  const moving = common.filter((time) => !suspect.has(time)).slice(0, count);
  return ((moving.length === count ? moving : common).at(-1) as OpenTime | undefined) ?? null;
}
