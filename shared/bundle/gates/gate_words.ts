import type { GateCode, GateRole, OTHER_CODES } from './gate_codes.ts';
import type { GateFigures } from './gate_figures.ts';
import type { Relation } from './gate_schema.ts';

/** In words: what a model decides about, and what it and the champion are compared on. */
export interface GateSubject {
  readonly subject: string;
  readonly compared: string;
}

/** What a person reads about a gate. */
export interface GateWords {
  readonly name: string;
  /** What was measured; absent: the value in its unit. */
  readonly seen?: (of: GateFigures) => string;
  /** What was measured of such a model; absent: `seen`. */
  readonly seenOf?: Readonly<Partial<Record<GateRole, (of: GateFigures) => string>>>;
  /** What it is compared with; absent: relation and limit. */
  readonly limit?: (of: GateFigures) => string;
}

/** The texts about gates in one language. */
export interface GateCatalog {
  readonly gates: Readonly<Record<GateCode | (typeof OTHER_CODES)[number], GateWords>>;
  /** AUC − placebo, of the evidence of the gate `skill`. */
  skill(of: GateFigures): string;
  /** Before the name of a gate. */
  readonly roles: Readonly<Record<GateRole, string>>;
  /** Before the name of a gate of a group's own models. */
  group(name: string): string;
  /** A limit, by its relation to the value. */
  readonly relations: Readonly<Record<Relation, (limit: string) => string>>;
  /** Of a figure that is missing. */
  readonly none: string;
  readonly noLimit: string;
  /** Seen and limit of a gate without a recorded verdict. */
  readonly noVerdict: string;
  readonly noVerdicts: string;
  readonly passed: string;
  /** Limit of a test on too few independent rows. */
  readonly tooFew: string;
  /** Figure and limit of a failed gate. */
  rejection(name: string, seen: string, limit: string): string;
}

/** What to do about a gate that failed, in the language of commands and refusals. */
export interface NextStep {
  /** Whichever role it is about. */
  readonly next: string;
  /** Where the step of a role is another. */
  readonly nextOf?: Readonly<Partial<Record<GateRole, string>>>;
}

export interface EnglishCatalog extends GateCatalog {
  readonly gates: Readonly<Record<GateCode, GateWords & NextStep>> & GateCatalog['gates'];
}
