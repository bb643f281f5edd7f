import { EN } from './en.ts';
import { GateFigures } from './gate_figures.ts';
import { isMeasured, type AnyGate, type MeasuredGate } from './gate_result.ts';
import type { GateCatalog, GateWords } from './gate_words.ts';
import { JA } from './ja.ts';

/** Languages in which there is a catalog. */
export type GateLanguage = 'en' | 'ja';

const CATALOGS: Readonly<Record<GateLanguage, GateCatalog>> = { en: EN, ja: JA };

/** The texts of one verdict. */
export interface GateText {
  /** With its role: `ai1 auc above noise`. */
  readonly name: string;
  /** What was measured. */
  readonly seen: string;
  readonly limit: string;
}

/** A verdict for people. One that an earlier version wrote stays as it is. */
export function gateText(gate: AnyGate, language: GateLanguage = 'en'): GateText {
  if (!isMeasured(gate)) return { name: 'name' in gate ? gate.name : gate.code, seen: gate.seen, limit: gate.limit };
  const catalog = CATALOGS[language];
  const words = wordsOf(gate, catalog);
  const group = 'group' in gate && gate.group !== undefined ? catalog.group(gate.group) : '';
  const name = `${group}${gate.role === null ? '' : catalog.roles[gate.role]}${words?.name ?? gate.code}`;
  const of = new GateFigures(gate, catalog.none);
  if (of.reason === 'no_verdict')
    return { name, seen: gate.code === 'gates' ? catalog.noVerdicts : catalog.noVerdict, limit: catalog.passed };
  return { name, seen: seenOf(of, words), limit: limitOf(of, words, catalog) };
}

/** `ai1 auc 0.5012 (at least 0.52 on the holdout)`, the reason of a rejection. */
export function gateReason(gate: AnyGate, language: GateLanguage = 'en'): string {
  const { name, seen, limit } = gateText(gate, language);
  return CATALOGS[language].rejection(name, seen, limit);
}

/** AUC − placebo of AI1: `0.626 − 0.617 = 0.009 ± 0.004, at least 0.002 at 95 %`. */
export function skillText(skill: Readonly<Record<string, number | null>> | null): string {
  const evidence = skill === null ? { reason: 'not_measured' } : { ...skill };
  const figures = { code: 'skill', role: null, value: null, relation: null, limit: null, unit: 'score' } as const;
  return EN.skill(new GateFigures({ ...figures, evidence }, EN.none));
}

/** Only gates: a verdict of a later version may have a code that this one has no words for. */
function wordsOf({ code }: MeasuredGate, { gates }: GateCatalog): GateWords | undefined {
  return Object.hasOwn(gates, code) ? gates[code as keyof typeof gates] : undefined;
}

function seenOf(of: GateFigures, words: GateWords | undefined): string {
  const seen = (of.role === null ? undefined : words?.seenOf?.[of.role]) ?? words?.seen;
  return seen?.(of) ?? of.value;
}

function limitOf(of: GateFigures, words: GateWords | undefined, catalog: GateCatalog): string {
  if (of.reason === 'too_few') return catalog.tooFew;
  if (words?.limit !== undefined) return words.limit(of);
  return of.relation === null ? catalog.noLimit : catalog.relations[of.relation](of.limit);
}
