/** A value of a parameter. */
export type Value = number | string | boolean;

/** The parameter exists only where another one, categorical, has one of these values. */
export interface Condition {
  readonly parameter: string;
  readonly is: readonly Value[];
}

export interface FloatParameter {
  readonly kind: 'float';
  readonly low: number;
  readonly high: number;
  /** Equal ratios count as equal distances; low > 0. */
  readonly log?: boolean;
  /** Values are low, low + step, low + 2·step … up to high; not with `log`. */
  readonly step?: number;
  readonly when?: Condition;
}

export interface IntegerParameter {
  readonly kind: 'integer';
  readonly low: number;
  readonly high: number;
  /** Equal ratios count as equal distances; low ≥ 1. */
  readonly log?: boolean;
  readonly when?: Condition;
}

export interface CategoricalParameter {
  readonly kind: 'categorical';
  readonly choices: readonly Value[];
  readonly when?: Condition;
}

export type Parameter = FloatParameter | IntegerParameter | CategoricalParameter;

/**
 * Search space, by name. Conditions form a tree: a parameter may depend on a categorical one, which may depend on
 * another.
 */
export type Space = Readonly<Record<string, Parameter>>;

/** The values of one trial: of the parameters that exist in it. */
export type Params = Readonly<Record<string, Value>>;

/** Parameters that always exist together: those with the same condition. */
export interface Group {
  readonly when: Condition | null;
  readonly names: readonly string[];
}

const NAME = /^[A-Za-z_][A-Za-z0-9_.]*$/;

/**
 * The groups of a space, parents first, else in the order of the space.
 * @throws RangeError when the space is not as stated
 */
export function groupsOf(space: Space): Group[] {
  const names = Object.keys(space);
  if (names.length === 0) throw new RangeError('the space has no parameter');
  for (const name of names) checkParameter(space, name);
  const groups = new Map<string, { when: Condition | null; names: string[] }>();
  const placed = new Set<string>();
  for (let rest = names; rest.length > 0;) {
    const ready = rest.filter((name) => {
      const when = space[name]!.when;
      return when === undefined || placed.has(when.parameter);
    });
    if (ready.length === 0) throw new RangeError(`the conditions of ${rest.join(', ')} are circular`);
    for (const name of ready) {
      const when = space[name]!.when ?? null;
      const key = JSON.stringify(when);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { when, names: [name] });
      else group.names.push(name);
    }
    for (const name of ready) placed.add(name);
    rest = rest.filter((name) => !placed.has(name));
  }
  return [...groups.values()];
}

/** Returns whether the parameters with this condition exist beside these values. */
export function exists(when: Condition | null, params: Params): boolean {
  if (when === null) return true;
  const value = params[when.parameter];
  return value !== undefined && when.is.includes(value);
}

function checkParameter(space: Space, name: string): void {
  const parameter = space[name]!;
  const refuse = (why: string): never => {
    throw new RangeError(`parameter ${name}: ${why}`);
  };
  if (!NAME.test(name)) refuse('a name has letters, digits, _ and ., and begins with a letter or _');
  if (parameter.when !== undefined) {
    const parent = space[parameter.when.parameter];
    if (parent?.kind !== 'categorical') return refuse('its condition must name a categorical parameter of the space');
    const isUnknown = parameter.when.is.some((value) => !parent.choices.includes(value));
    if (isUnknown || parameter.when.is.length === 0) refuse('its condition must name choices of its parent');
  }
  if (parameter.kind === 'categorical') {
    const { choices } = parameter;
    if (choices.length === 0 || new Set(choices).size !== choices.length) refuse('choices must exist and differ');
    // They go through JSON in the journal of a study.
    if (choices.some((value) => typeof value === 'number' && !Number.isFinite(value))) refuse('choices must be finite');
    return;
  }
  const { low, high, log } = parameter;
  if (!Number.isFinite(low) || !Number.isFinite(high) || low > high) refuse(`[${low}, ${high}] is not a range`);
  if (parameter.kind === 'integer') {
    if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high)) refuse('low and high must be integers');
    if (log === true && low < 1) refuse('a logarithmic integer begins at 1 or above');
  } else {
    if (log === true && low <= 0) refuse('a logarithmic range begins above 0');
    if (parameter.step !== undefined && (log === true || !(parameter.step > 0))) refuse('step is > 0 and not with log');
  }
}

/**
 * Checks that these values belong to the space: each existing parameter with a value in its range, and no other.
 * @throws RangeError
 */
export function checkParams(space: Space, params: Params): void {
  for (const [name, parameter] of Object.entries(space)) {
    const value = params[name];
    const isWanted = exists(parameter.when ?? null, params);
    if (isWanted !== (value !== undefined)) {
      throw new RangeError(`parameter ${name} ${isWanted ? 'is missing' : 'does not exist beside the others'}`);
    }
    if (value !== undefined && !contains(parameter, value)) {
      throw new RangeError(`parameter ${name} cannot be ${JSON.stringify(value)}`);
    }
  }
  for (const name of Object.keys(params)) {
    if (space[name] === undefined) throw new RangeError(`the space has no parameter ${name}`);
  }
}

/** Values between the steps of a grid are allowed: the current ones need not be on it. */
function contains(parameter: Parameter, value: Value): boolean {
  if (parameter.kind === 'categorical') return parameter.choices.includes(value);
  if (typeof value !== 'number' || !(value >= parameter.low && value <= parameter.high)) return false;
  return parameter.kind === 'float' || Number.isInteger(value);
}
