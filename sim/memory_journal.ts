import type { Bar, OpenTime } from '../shared/bar.ts';
import { MinutehandError } from '../shared/errors.ts';
import type { Pair } from '../shared/pair.ts';
import type { Rng } from '../shared/ports.ts';
import type { BootRow, InputRow, JournalStore, LastSignal, ShadowRow, SignalRow } from '../shared/store/journal.ts';

/** One transaction. */
interface Commit {
  readonly inputs: readonly InputRow[];
  readonly signals: readonly SignalRow[];
  readonly shadows: readonly ShadowRow[];
  readonly boot: BootRow | null;
  readonly feedPosition: string | null;
  /** Minutes before this one are forgotten by it. */
  readonly forgetBefore: OpenTime | null;
}

/** A signal with the number of inputs that were stored before it, forgotten ones included. */
export interface StoredSignal extends SignalRow {
  readonly afterInput: number;
}

/** What stands in for the journal file: it outlives the stores that are opened on it. */
export interface MemoryJournal {
  /** A store on this journal. Several may be open; all see every commit at once. */
  open(): JournalStore;
  /**
   * The machine loses its power: of the commits since the last checkpoint, boot or change of the halts the first ones are kept, how many the source of randomness
   * says. @returns how many were lost
   */
  cutPower(rng: Rng): number;
  /** All commits so far survive a power cut. SQLite does this by itself every thousand pages or so. */
  checkpoint(): void;
  /** Why the next writes fail, e.g. `database or disk is full`; null: they do not. */
  refusal: string | null;
  readonly commits: number;
  /** Everything that is stored, in order. */
  readonly inputs: readonly InputRow[];
  readonly signals: readonly StoredSignal[];
  readonly shadows: readonly ShadowRow[];
  readonly boots: readonly BootRow[];
}

/**
 * A journal in memory that keeps SQLite's promises as `openJournal` sets it up (WAL, synchronous = NORMAL) and no more: a commit is
 * there whole or not at all; a process that dies loses none; a machine that loses its power may lose the last ones since the last
 * checkpoint, boot or change of the halts, never one in the middle.
 */
export function createMemoryJournal(): MemoryJournal {
  let commits: Commit[] = [];
  let safe = 0;
  let inputs: InputRow[] = [];
  let signals: StoredSignal[] = [];
  let shadows: ShadowRow[] = [];
  let boots: BootRow[] = [];
  let position: string | null = null;
  let inputsEver = 0;

  function apply(commit: Commit): void {
    for (const row of commit.inputs) inputs.push(row);
    inputsEver += commit.inputs.length;
    for (const row of commit.signals) signals.push({ ...row, afterInput: inputsEver });
    for (const row of commit.shadows) shadows.push(row);
    if (commit.boot !== null) boots.push(commit.boot);
    position = commit.feedPosition ?? position;
    const { forgetBefore } = commit;
    if (forgetBefore === null) return;
    const lastHalts = inputs.findLast(({ kind, time }) => kind === 'halts' && time < forgetBefore);
    inputs = inputs.filter((row) => row.time >= forgetBefore || row === lastHalts);
    signals = signals.filter(({ time }) => time >= forgetBefore);
    shadows = shadows.filter(({ time }) => time >= forgetBefore);
  }

  function commit(content: Partial<Commit>): void {
    if (journal.refusal !== null) throw new MinutehandError('JOURNAL_WRITE', { seen: `memory: ${journal.refusal}` });
    const whole: Commit = {
      inputs: [],
      signals: [],
      shadows: [],
      boot: null,
      feedPosition: null,
      forgetBefore: null,
      ...content,
    };
    commits.push(whole);
    apply(whole);
  }

  const open = (): JournalStore => ({
    append(newInputs, newSignals, newShadows = [], feedPosition = null) {
      // The columns of the real tables are NOT NULL.
      if (newSignals.some(({ body, position }) => typeof body !== 'string' || typeof position !== 'string'))
        throw new MinutehandError('JOURNAL_WRITE', { seen: 'memory: a signal without a body' });
      commit({ inputs: [...newInputs], signals: [...newSignals], shadows: [...newShadows], feedPosition });
      if (newInputs.some(({ kind }) => kind === 'halts')) safe = commits.length;
    },
    feedPosition: () => position,
    addBoot(boot) {
      if (boots.some(({ bootId }) => bootId === boot.bootId))
        throw new MinutehandError('JOURNAL_WRITE', { seen: `memory: a second boot ${boot.bootId}` });
      commit({ boot });
      // Synced, and with it all before.
      safe = commits.length;
    },
    lastBoot: () =>
      boots.reduce<BootRow | null>(
        (latest, boot) => (latest === null || boot.bootId > latest.bootId ? boot : latest),
        null,
      ),
    lastSignals: () => lastOfEachPair(signals),
    lastShadows: (modelVersion) => lastOfEachPair(shadows.filter((row) => row.modelVersion === modelVersion)),
    lastHalts: () => inputs.findLast(({ kind }) => kind === 'halts')?.subject ?? '',
    shadows: () => [...shadows].values(),
    commonMinuteBefore: (pair, count, until) => commonMinuteBefore(inputs, pair, count, until),
    barBefore: (symbol, count, until) => {
      const times = inputs.flatMap(({ kind, subject, time }) =>
        kind === 'bar' && subject === symbol && time <= until ? [time] : [],
      );
      return (
        times
          .sort((x, y) => y - x)
          .slice(0, count)
          .at(-1) ?? null
      );
    },
    inputsFrom: (from) => inputs.filter(({ time }) => time >= from).values(),
    signals: () => [...signals].values(),
    lastBars() {
      const last = new Map<string, OpenTime>();
      for (const { kind, subject, time } of inputs)
        if (kind === 'bar') last.set(subject, Math.max(time, last.get(subject) ?? 0) as OpenTime);
      return last;
    },
    mostBars() {
      const counts = new Map<string, number>();
      for (const { kind, subject } of inputs) if (kind === 'bar') counts.set(subject, (counts.get(subject) ?? 0) + 1);
      return Math.max(0, ...counts.values());
    },
    bars: (symbol, from = -Infinity as OpenTime, to = Infinity as OpenTime) =>
      inputs
        .filter(({ kind, subject, time }) => kind === 'bar' && subject === symbol && time >= from && time < to)
        .sort((x, y) => x.time - y.time)
        .map(({ bar }) => bar as Bar)
        .values(),
    forgetBefore: (time) => commit({ forgetBefore: time }),
    snapshot: (read) => read(copyOf(commits).open()),
    close: () => undefined,
  });

  const journal: MemoryJournal = {
    open,
    refusal: null,
    cutPower(rng) {
      const kept = safe + rng.integer(commits.length - safe + 1);
      const lost = commits.length - kept;
      const surviving = commits.slice(0, kept);
      [commits, inputs, signals, shadows, boots, position, inputsEver] = [[], [], [], [], [], null, 0];
      for (const survivor of surviving) {
        commits.push(survivor);
        apply(survivor);
      }
      safe = kept;
      return lost;
    },
    checkpoint() {
      safe = commits.length;
    },
    get commits() {
      return commits.length;
    },
    get inputs() {
      return inputs;
    },
    get signals() {
      return signals;
    },
    get shadows() {
      return shadows;
    },
    get boots() {
      return boots;
    },
  };
  return journal;
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
  const [ofA, ofB, givenUp, suspect] = [new Set<number>(), new Set<number>(), new Set<number>(), new Set<number>()];
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
