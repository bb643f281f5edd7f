import { Aligner } from '../daemon/align/align.ts';
import { isHeartbeat, type AnsweredMinute, type PairMinute } from '../daemon/align/minute.ts';
import type { OpenTime } from '../shared/bar.ts';
import { parseStanding, type StandingHalt } from '../shared/bundle/halts.ts';
import { FAILED_ROLLOUT, parseRolloutText, type ActiveRollout } from '../shared/bundle/rollout.ts';
import type { Pair } from '../shared/pair.ts';
import { screenPolicy, type Settings } from '../shared/policy/policy.ts';
import type { InputRow } from '../shared/store/journal.ts';
import { parseStoredValue, type StoredValue } from './known_series.ts';
import { SlowBars } from './slow_bars.ts';
import { subjectsOf } from './variety.ts';

/** A completed minute of a pair, or a heartbeat after it. */
export interface Ended {
  readonly minute: AnsweredMinute;
  /** Number of the input that ended it, counted from 1. */
  readonly input: number;
}

/** Active halts from an input on; they persist across boots. */
export interface Standing {
  readonly input: number;
  readonly halts: readonly StandingHalt[];
}

/** Active models and degradations according to the rows of one boot. */
export interface BootSpan {
  readonly bootId: string;
  readonly bootInput: number;
  /** Swaps and degradations in order, each with the number of its input. */
  readonly swaps: { readonly input: number; readonly version: string }[];
  readonly degradations: { readonly input: number; readonly what: string; readonly isOver: boolean }[];
  /** Direction models likewise; an empty version: removed. */
  readonly directions: { readonly input: number; readonly timeframe: string; readonly version: string }[];
  /** Rules likewise, by instrument. */
  readonly rules: { readonly input: number; readonly instrument: string; readonly version: string }[];
  /** Rollouts as they begin and end; null: none any more. */
  readonly rollouts: { readonly input: number; readonly rollout: ActiveRollout | null }[];
}

/** Contents of a journal's inputs over all boots. */
export interface TwinInputs {
  /** By subject: pairs first, then instruments. */
  readonly endedByPair: readonly (readonly Ended[])[];
  /** Values of auxiliary series, in row order. */
  readonly values: readonly StoredValue[];
  readonly boots: ReadonlyMap<string, BootSpan>;
  readonly standings: readonly Standing[];
  /** Number of bars that were held back as suspect. */
  readonly suspects: number;
  /** Coverage states of how longer bars ended. */
  readonly seen: ReadonlySet<string>;
}

type Violate = (rule: string, what: string) => void;

/** Aligns all inputs and records what was active at each. */
export function readInputs(inputs: readonly InputRow[], settings: Settings, onViolation: Violate): TwinInputs {
  const reader = new InputReader(settings, onViolation);
  for (const row of inputs) reader.take(row);
  return reader.end();
}

class InputReader {
  readonly #subjects: readonly Pair[];
  readonly #pairIds: readonly string[];
  /** null: one-minute bars. */
  readonly #bars: readonly (SlowBars | null)[];
  readonly #values: StoredValue[] = [];
  readonly #seen = new Set<string>();
  readonly #aligner: Aligner;
  readonly #marks: SuspectMarks;
  readonly #endedByPair: Ended[][];
  readonly #boots = new Map<string, BootSpan>();
  readonly #standings: Standing[] = [{ input: 0, halts: [] }];
  #boot: BootSpan | null = null;
  #input = 0;

  constructor(settings: Settings, onViolation: Violate) {
    this.#subjects = subjectsOf(settings);
    this.#pairIds = this.#subjects.map(({ id }) => id);
    this.#bars = this.#subjects.map(({ barSeconds }) => (barSeconds === undefined ? null : new SlowBars(barSeconds)));
    this.#endedByPair = this.#pairIds.map(() => []);
    this.#marks = new SuspectMarks(onViolation);
    this.#aligner = new Aligner(this.#subjects, screenPolicy(settings), (minute) => this.#endedMinute(minute));
  }

  end(): TwinInputs {
    this.#marks.end();
    const endedByPair = this.#endedByPair;
    const boots = this.#boots;
    const standings = this.#standings;
    const values = this.#values;
    return { endedByPair, boots, standings, values, suspects: this.#marks.count, seen: this.#seen };
  }

  take(row: InputRow): void {
    const { kind, subject, time } = row;
    this.#input++;
    switch (kind) {
      case 'bar':
      case 'empty':
        return this.#takeBar(row);
      case 'suspect':
        return this.#marks.mark(subject, time);
      case 'timeout':
        return this.#takeTimeOut(this.#pairIds.indexOf(subject), time);
      case 'silence':
      case 'silence_halt':
      case 'shutdown':
        return this.#takeHeartbeat(this.#pairIds.indexOf(subject), kind);
      case 'halts':
        this.#standings.push({ input: this.#input, halts: parseStanding(subject).halts });
        return;
      case 'series':
        this.#values.push(parseStoredValue(row, this.#input));
        return;
      case 'direction':
        return this.#takeDirection(subject);
      case 'lease':
        // Answers are the same with and without it.
        return;
      case 'rule':
        return this.#takeRule(subject);
      case 'rollout':
        return this.#takeRollout(subject);
      case 'news':
      case 'policy':
      case 'earlier':
        // Does not occur in simulated worlds.
        return;
      case 'boot':
      case 'swap':
      case 'degraded':
      case 'recovered':
        return this.#takeBootEvent(kind, subject);
    }
  }

  #takeBar({ kind, subject, time, bar, backfill }: InputRow): void {
    this.#marks.beforeBar();
    this.#aligner.take(subject, time, bar ?? 'empty', backfill, 0);
    if (kind === 'bar' && this.#aligner.screenOf(subject)!.isSuspect) this.#marks.expect(subject, time);
  }

  #takeHeartbeat(pairIndex: number, kind: 'silence' | 'silence_halt' | 'shutdown'): void {
    const last = this.#endedByPair[pairIndex]!.findLast(({ minute }) => !isHeartbeat(minute));
    if (last !== undefined) this.#ended(heartbeatMinute(pairIndex, last.minute.time, kind));
  }

  #takeBootEvent(kind: 'boot' | 'swap' | 'degraded' | 'recovered', subject: string): void {
    const input = this.#input;
    if (kind === 'boot') {
      this.#boot = {
        bootId: subject,
        bootInput: input,
        swaps: [],
        degradations: [],
        directions: [],
        rules: [],
        rollouts: [],
      };
      this.#boots.set(subject, this.#boot);
      if (this.#bars.some((bars) => bars?.isOpen === true)) this.#seen.add('start amid a longer bar');
    } else if (kind === 'swap') this.#boot?.swaps.push({ input, version: subject });
    else this.#boot?.degradations.push({ input, what: subject, isOver: kind === 'recovered' });
  }

  #takeDirection(subject: string): void {
    const [timeframe = '', version = ''] = subject.split(' ');
    this.#boot?.directions.push({ input: this.#input, timeframe, version });
    if (version === '') this.#seen.add('direction model fails');
  }

  #takeRule(subject: string): void {
    const [instrument = '', version = ''] = subject.split(' ');
    this.#boot?.rules.push({ input: this.#input, instrument, version });
    if (version === '') this.#seen.add('rule ended');
  }

  #takeRollout(subject: string): void {
    const rollout = subject.startsWith(FAILED_ROLLOUT) ? null : parseRolloutText(subject);
    this.#boot?.rollouts.push({ input: this.#input, rollout });
    if (rollout?.share === 1) this.#seen.add('later stage of a rollout of rules');
  }

  #takeTimeOut(pairIndex: number, time: OpenTime): void {
    this.#aligner.abandon(pairIndex, time);
    for (const bar of this.#bars[pairIndex]?.closeThrough(time) ?? []) {
      this.#seen.add('longer bar ended by a time-out');
      this.#endedBar(bar);
    }
  }

  #endedMinute(minute: PairMinute): void {
    const bars = this.#bars[minute.pairIndex]!;
    if (bars === null) return this.#ended(minute);
    for (const bar of bars.take(minute)) {
      if (bar.time < minute.time) this.#seen.add('longer bar ended by a later minute');
      this.#endedBar(bar);
    }
  }

  #endedBar(bar: PairMinute): void {
    const { barSeconds } = this.#subjects[bar.pairIndex]!;
    const minutes = this.#bars[bar.pairIndex]!.minutesOf(bar.time);
    // Bars of the history consist of one minute.
    if (!bar.backfill && minutes < barSeconds! / 60) this.#seen.add('longer bar with missing minutes');
    this.#ended(bar);
  }

  #ended(minute: AnsweredMinute): void {
    this.#endedByPair[minute.pairIndex]!.push({ minute, input: this.#input });
  }
}

/** A suspect bar's mark must follow before any other bar. */
class SuspectMarks {
  readonly #onViolation: Violate;
  /** The suspect bar whose mark must follow. */
  #unmarked: string | null = null;
  count = 0;

  constructor(onViolation: Violate) {
    this.#onViolation = onViolation;
  }

  expect(symbol: string, time: OpenTime): void {
    this.#unmarked = `${symbol} ${describeTime(time)}`;
  }

  mark(symbol: string, time: OpenTime): void {
    const where = `${symbol} ${describeTime(time)}`;
    if (this.#unmarked !== where) this.#onViolation('mark without a suspect bar', where);
    this.#unmarked = null;
    this.count++;
  }

  beforeBar(): void {
    this.end();
    this.#unmarked = null;
  }

  end(): void {
    if (this.#unmarked !== null) this.#onViolation('suspect bar without its mark', this.#unmarked);
  }
}

export function describeTime(time: OpenTime): string {
  return new Date(time * 1000).toISOString().slice(0, 16);
}

function heartbeatMinute(pairIndex: number, time: OpenTime, kind: 'silence' | 'silence_halt' | 'shutdown') {
  const outcome = kind === 'shutdown' ? 'SHUTDOWN' : 'SILENCE';
  return { pairIndex, time, a: null, b: null, outcome, isHalted: kind !== 'silence', backfill: false } as const;
}
