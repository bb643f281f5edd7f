import type { OpenTime } from '../../shared/bar.ts';
import type {
  AnyRule,
  BarFormulas,
  PairRuleBar,
  PairRuleFormulas,
  PairRuleModel,
  PairRuleStep,
  RuleBar,
  RuleFormulas,
  RuleModel,
} from '../../shared/bundle/rule/rule_model.ts';
import type { InstrumentReading, PairReading } from '../../shared/core/formula/bar_inputs.ts';
import { FLAT, type Position } from '../../shared/core/position/position.ts';
import type { Action } from '../../shared/core/rule/rule.ts';
import {
  NEWS_CLOSES,
  NO_NEWS,
  NOT_STOPPED,
  PERSON_CLOSES,
  type StandingOrders,
} from '../../shared/core/rule/standing_conditions.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { Clock } from '../../shared/ports.ts';
import type { InstrumentReason } from '../../shared/signal/instrument_signal.ts';
import { PAIR_REASONS } from '../../shared/signal/verify.ts';
import { INSTRUMENT_REASONS } from '../../shared/signal/verify_instrument.ts';
import {
  FLAT_POSITION,
  type InstrumentPosition,
  type InstrumentStep,
  type KeptExits,
} from '../../shared/strategies/instrument_position.ts';

/** What positions of both kinds have. */
interface Held {
  readonly side: number;
  readonly positionId: string;
}
interface Step<Own> {
  readonly action: Action;
  readonly reason: string;
  readonly position: Own;
}
/** What holds whatever a rule says. */
interface Ordered extends StandingOrders {
  readonly hasEdge: boolean;
}
/** Measures how long a rule takes; null = nobody asks. */
export type RuleClock = Pick<Clock, 'monotonicUs'> | null;

/**
 * What a rule computes of one subject. A rule may be code of a user: whatever it throws, returns or leaves out becomes
 * its `fault`, after which it is not asked any more. Nothing here throws. Orders of a person, news and a missing edge
 * hold also where it does not look at them. It gets copies of what the models read, and writes to no position but its
 * own.
 */
abstract class GuardedFormulas<
  Reading,
  Inner extends BarFormulas<Reading>,
  Own extends Held,
  Bar extends Ordered,
  Out extends Step<Own>,
> {
  abstract readonly rule: AnyRule;
  protected abstract readonly flat: Own;
  protected readonly inner: Inner | null;
  readonly #clock: RuleClock;
  #fault: MinutehandError | null = null;
  #warmUpBars = 0;
  #isWarm = false;
  /** Microseconds since `takeSpentMs`. */
  #spentUs = 0;
  /** It has taken a bar since `takeSpentMs`. */
  #isFresh = false;

  constructor(open: () => Inner, clock: RuleClock) {
    this.#clock = clock;
    this.inner = this.guard('createFormulas', open);
    this.guard('warmUpBars', () => {
      const bars = this.inner?.warmUpBars ?? 0;
      if (!isCount(bars)) throw new TypeError(`warmUpBars is ${shown(bars)}`);
      this.#warmUpBars = bars;
    });
  }

  /** Why it does not answer any more; null = it does. */
  get fault(): MinutehandError | null {
    return this.#fault;
  }

  get warmUpBars(): number {
    return this.#warmUpBars;
  }

  /** As of the last bar. */
  get isWarm(): boolean {
    return this.#isWarm;
  }

  step(reading: Reading): void {
    this.#isFresh = true;
    this.guard('step', () => this.inner!.step(this.lent(reading)));
    this.look();
  }

  /** @returns null where it has failed */
  decide(before: Own, bar: Bar, id: string, time: OpenTime): Out | null {
    return this.guard('decide', () => {
      // What writes to it fails: the wrong side would be everybody's.
      const step = this.answerOf(Object.freeze(before), bar, id, time);
      const wrong = this.#wrongIn(step, before, id);
      if (wrong !== null) throw new TypeError(wrong);
      return this.#ordered(step, before, bar);
    });
  }

  #ordered(step: Out, before: Own, bar: Bar): Out {
    if (before.side !== 0) {
      const order = step.action === 'EXIT' ? undefined : CLOSING.find((condition) => condition.holds(bar));
      return order === undefined
        ? step
        : ({ action: 'EXIT', reason: order.reason, position: this.flat } as Step<Own> as Out);
    }
    if (step.action !== 'ENTER') return step;
    const reason = STOPPING.find((condition) => !condition.holds(bar))?.reason ?? (bar.hasEdge ? null : 'NO_EDGE');
    return reason === null ? step : ({ action: 'HOLD', reason, position: before } as Step<Own> as Out);
  }

  /** Milliseconds that it took since this was asked for; null = it has taken no bar since then. */
  takeSpentMs(): number | null {
    if (!this.#isFresh) return null;
    const ms = this.#spentUs / 1000;
    this.#isFresh = false;
    this.#spentUs = 0;
    return ms;
  }

  /** A copy of a reading, whose objects and arrays belong to features and models. */
  protected abstract lent(reading: Reading): Reading;

  protected abstract answerOf(before: Own, bar: Bar, id: string, time: OpenTime): Out;

  /** What of the position behind a bar is wrong; null = nothing. What the one before it had already may stay. */
  protected abstract wrongPosition(position: Own, before: Own): string | null;
  protected abstract wrongReason(reason: string): boolean;
  /** Reads what it says of the exits of its entries. @throws TypeError */
  protected abstract readExits(inner: Inner): void;

  protected guard<Result>(what: string, run: () => Result): Result | null {
    if (this.#fault !== null) return null;
    const startUs = this.#clock === null ? 0 : this.#clock.monotonicUs();
    try {
      const result = run();
      if (result instanceof Promise) throw this.#refusePromise(result);
      return result;
    } catch (error) {
      const cause = error instanceof Error ? `${error.name}: ${error.message}` : shown(error);
      const seen = `${what}: ${cause}`.slice(0, MAX_TEXT);
      this.#fault = new MinutehandError('RULE_FAILED', { seen, cause: error });
      return null;
    } finally {
      if (this.#clock !== null) this.#spentUs += this.#clock.monotonicUs() - startUs;
    }
  }

  #refusePromise(promise: Promise<unknown>): TypeError {
    // Its rejection would end the process.
    promise.catch(() => undefined);
    return new TypeError('a promise, which no bar waits for');
  }

  /** Keeps what a heartbeat reads between two bars, where nothing may fail. */
  protected look(): void {
    this.guard('isWarm', () => {
      const isWarm: unknown = this.inner?.isWarm;
      if (typeof isWarm !== 'boolean') throw new TypeError(`isWarm is ${shown(isWarm)}`);
      this.readExits(this.inner!);
      this.#isWarm = isWarm;
    });
  }

  #wrongIn(step: unknown, before: Own, id: string): string | null {
    if (step === null || typeof step !== 'object') return `an answer that is ${shown(step)}`;
    const { action, reason, position } = step as Partial<Out>;
    if (typeof reason !== 'string' || this.wrongReason(reason)) return `reason ${shown(reason)}`;
    if (position === null || typeof position !== 'object') return `a position that is ${shown(position)}`;
    const wrong = this.wrongPosition(position, before) ?? wrongMove(action, before, position, id);
    if (wrong !== null) return wrong;
    return UNDECIDED.has(reason) ? `reason ${reason}, which is not of a decision` : null;
  }
}

const CLOSING = [NEWS_CLOSES, PERSON_CLOSES];
const STOPPING = [NOT_STOPPED, NO_NEWS];

/** Reasons of minutes that nothing is decided on. */
const UNDECIDED: ReadonlySet<string> = new Set(['SILENCE', 'SHUTDOWN', 'LEG_MISSING', 'LEG_EMPTY', 'BAR_SUSPECT']);
/** Of a cause that is logged and published. */
const MAX_TEXT = 300;

/** What does not follow from the position before, or from the action; null = all does. */
function wrongMove(action: unknown, before: Held, { side, positionId }: Held, id: string): string | null {
  switch (action) {
    case 'ENTER':
      if (before.side !== 0) return 'ENTER in a position';
      return side !== 0 && positionId === id ? null : `ENTER with side ${side} and position id ${shown(positionId)}`;
    case 'EXIT':
      if (before.side === 0) return 'EXIT without a position';
      return side === 0 && positionId === '' ? null : `EXIT with side ${side} and position id ${shown(positionId)}`;
    case 'HOLD':
      if (side === before.side && positionId === before.positionId) return null;
      return `HOLD that moves the position from side ${before.side} to ${side}`;
    default:
      return `action ${shown(action)}`;
  }
}

function wrongFields(position: object, before: object, numbers: readonly string[]): string | null {
  const { side, positionId, ageBars, entryTime, ...others } = position as Record<string, unknown>;
  const had = before as Record<string, unknown>;
  if (side !== -1 && side !== 0 && side !== 1) return `side ${shown(side)}`;
  if (typeof positionId !== 'string') return `positionId ${shown(positionId)}`;
  if (!isCount(ageBars)) return `ageBars ${shown(ageBars)}`;
  if (!isCount(entryTime)) return `entryTime ${shown(entryTime)}`;
  const wrong = numbers.find((name) => !Number.isFinite(others[name]) && !Object.is(others[name], had[name]));
  return wrong === undefined ? null : `${wrong} ${shown(others[wrong])}`;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `"${value}"`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

const KNOWN_PAIR_REASONS: ReadonlySet<string> = new Set(PAIR_REASONS);
const NUMBERS_OF_PAIRS = ['entryZ', 'alpha', 'beta', 'zMean', 'zStd'];

/** The rule of a pair. */
export class GuardedPairFormulas extends GuardedFormulas<
  PairReading,
  PairRuleFormulas,
  Position,
  PairRuleBar,
  PairRuleStep
> {
  readonly rule: PairRuleModel;
  protected readonly flat = FLAT;
  /** As of the last bar. */
  maxAgeBars = 1;

  constructor(rule: PairRuleModel, barSeconds: number, clock: RuleClock = null) {
    super(() => rule.createFormulas(barSeconds), clock);
    this.rule = rule;
    this.look();
  }

  protected lent({ a, b, features, series, ...others }: PairReading): PairReading {
    return { ...others, a: { ...a }, b: { ...b }, features: features.slice(), series: series?.slice() ?? null };
  }

  protected answerOf(before: Position, bar: PairRuleBar, id: string, time: OpenTime): PairRuleStep {
    const { a, b, ...values } = bar.frame;
    return this.inner!.decide(before, { ...bar, frame: { ...values, a: { ...a }, b: { ...b } } }, id, time);
  }

  protected wrongPosition(position: Position, before: Position): string | null {
    return wrongFields(position, before, NUMBERS_OF_PAIRS);
  }

  protected wrongReason(reason: string): boolean {
    return !KNOWN_PAIR_REASONS.has(reason);
  }

  protected readExits({ maxAgeBars }: PairRuleFormulas): void {
    if (!isCount(maxAgeBars) || maxAgeBars === 0) throw new TypeError(`maxAgeBars is ${shown(maxAgeBars)}`);
    this.maxAgeBars = maxAgeBars;
  }
}

const KNOWN_INSTRUMENT_REASONS: ReadonlySet<string> = new Set(INSTRUMENT_REASONS);
const NO_EXITS: KeptExits = { stop: null, target: null, max_age_bars: 1 };

/** The rule of an instrument. */
export class GuardedInstrumentFormulas extends GuardedFormulas<
  InstrumentReading,
  RuleFormulas,
  InstrumentPosition,
  RuleBar,
  InstrumentStep<InstrumentReason>
> {
  readonly rule: RuleModel;
  protected readonly flat = FLAT_POSITION;
  /** As of the last bar. */
  exits: KeptExits = NO_EXITS;

  constructor(rule: RuleModel, barSeconds: number, clock: RuleClock = null) {
    super(() => rule.createFormulas(barSeconds), clock);
    this.rule = rule;
    this.look();
  }

  /** See `RuleFormulas.finish`. */
  finish(probabilities: ArrayLike<number> | null, row: number): void {
    const own = probabilities === null ? null : Array.from({ length: 3 }, (_, way) => probabilities[3 * row + way]!);
    this.guard('finish', () => this.inner!.finish(own, 0));
    this.look();
  }

  protected lent({ bar, features, series }: InstrumentReading): InstrumentReading {
    return { bar: { ...bar }, features: features.slice(), series: series.slice() };
  }

  protected answerOf(
    before: InstrumentPosition,
    bar: RuleBar,
    id: string,
    time: OpenTime,
  ): InstrumentStep<InstrumentReason> {
    return this.inner!.decide(before, { ...bar }, id, time);
  }

  protected wrongPosition(position: InstrumentPosition, before: InstrumentPosition): string | null {
    const wrong = wrongFields(position, before, ['entryClose']);
    if (wrong !== null || position.side === 0 || position.exits === before.exits) return wrong;
    return wrongExits(position.exits);
  }

  protected wrongReason(reason: string): boolean {
    return !KNOWN_INSTRUMENT_REASONS.has(reason);
  }

  protected readExits({ exits }: RuleFormulas): void {
    const wrong = wrongExits(exits);
    if (wrong !== null) throw new TypeError(wrong);
    this.exits = exits;
  }
}

function wrongExits(exits: KeptExits | null): string | null {
  if (exits === null || typeof exits !== 'object') return `exits that are ${shown(exits)}`;
  const { stop, target, max_age_bars } = exits;
  if (!isCount(max_age_bars) || max_age_bars === 0) return `max_age_bars ${shown(max_age_bars)}`;
  const isSize = (value: unknown): boolean => value === null || (typeof value === 'number' && value > 0);
  if (!isSize(stop)) return `stop ${shown(stop)}`;
  return isSize(target) ? null : `target ${shown(target)}`;
}
