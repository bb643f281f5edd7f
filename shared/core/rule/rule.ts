import type { Side } from '../position/position.ts';

/** How a value must relate to its limit. NaN satisfies nothing. */
export type Relation = '>' | '>=' | '<' | '<=';

/**
 * What sets the limit of a condition: a policy file, the bundle, the entry of the position, the market, or a person.
 */
export type LimitSource = 'policy' | 'bundle' | 'entry' | 'market' | 'person';

/** The numbers that a condition compares. */
export interface Measurement {
  readonly value: number;
  readonly relation: Relation;
  readonly limit: number;
  /** Against which the distance of `value` from `limit` is relative. */
  readonly scale: number;
}

/** One named condition of a rule. `Input` is all that a decision of the strategy reads. */
export interface Condition<Input, Name extends string = string, Reason extends string = string> {
  readonly name: Name;
  /** Of an entry: the reason of HOLD while it fails. Of an exit: the reason of EXIT once it holds. */
  readonly reason: Reason;
  readonly limitFrom: LimitSource;
  /** On the way of a bar: allocates nothing, uses no `this`, and is false for NaN. */
  holds(input: Input): boolean;
  /** The numbers behind `holds`, for explanations only: may be slow. A condition without numbers has none. */
  readonly measure?: (input: Input) => Measurement;
  /** Whether there is something to say about it for this input; absent: always. For explanations only. */
  readonly applies?: ((input: Input) => boolean) | undefined;
}

/**
 * How a strategy decides: two ordered lists. In a position, the first exit that holds is the reason of EXIT. Flat, the
 * first entry that fails is the reason of HOLD. Reasons, their precedence and the smallest change that would have
 * entered come from here and from nowhere else.
 */
export interface Rule<
  Input,
  Reason extends string = string,
  ExitName extends string = string,
  EntryName extends string = string,
> {
  readonly exits: readonly Condition<Input, ExitName, Reason>[];
  readonly entries: readonly Condition<Input, EntryName, Reason>[];
  /** The side of an entry whose conditions all hold. */
  entrySide(input: Input): Side;
}

export type Action = 'ENTER' | 'EXIT' | 'HOLD';

export interface RuleDecision<Reason extends string> {
  readonly action: Action;
  readonly reason: Reason | 'ENTRY' | 'IN_POSITION';
  /** The side of the virtual position after the bar. */
  readonly target: Side;
}
