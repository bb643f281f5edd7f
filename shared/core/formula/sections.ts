import { isSection, type SectionOperator } from './cross_section.ts';
import type { Formula, Node, Operation } from './formula.ts';
import { OPERATORS } from './operators.ts';
import { otherSourcesOf } from './other_symbols.ts';

/** A cross-section of a formula. Its text is the name of the source by which a pair gets its values. */
export interface Section extends Operation {
  readonly operator: SectionOperator;
}

interface WithRoot {
  readonly formula: Pick<Formula, 'root'>;
}

/** The cross-sections that any of these formulas reads, each once, in the order of their texts. */
export function sectionsOf(formulas: readonly WithRoot[]): Section[] {
  const found = new Map<string, Section>();
  const visit = (node: Node): void => {
    if (node.kind !== 'operation') return;
    if (isSectionNode(node)) found.set(node.text, node);
    else node.inputs.forEach(visit);
  };
  for (const { formula } of formulas) visit(formula.root);
  return [...found.values()].sort((a, b) => (a.text < b.text ? -1 : 1));
}

export function isSectionNode(node: Node): node is Section {
  return node.kind === 'operation' && isSection(node.operator);
}

/** The sources of cross-sections that these formulas read. */
export function sectionSourcesOf(formulas: readonly WithRoot[]): string[] {
  return sectionsOf(formulas).map(({ text }) => text);
}

/** Sources of these formulas that follow from no bar of the subject: other symbols, and then cross-sections. */
export function outsideSourcesOf(formulas: readonly { readonly formula: Formula }[]): string[] {
  return [...otherSourcesOf(formulas), ...sectionSourcesOf(formulas)];
}

/** Whether a source, as an engine names it, is a cross-section. */
export function isSectionSource(source: string): boolean {
  return SECTION_CALL.test(source);
}

/** Whether the formulas of a schema, as `Windows.formulas` has them, read a cross-section. */
export function readSections(formulas: unknown): boolean {
  return typeof formulas === 'string' && SECTION_CALL.test(formulas);
}

const SECTION_NAMES = OPERATORS.filter(isSection).map(({ name }) => name);
const SECTION_CALL = new RegExp(`\\b(?:${SECTION_NAMES.join('|')})\\(`);

/** A formula and the subjects that it is for; null = all. */
interface ForSubjects extends WithRoot {
  readonly subjects: readonly string[] | null;
}

/** Pairs whose values are compared, and the cross-sections that their formulas read. */
export interface Group {
  /** Ids, ascending. */
  readonly members: readonly string[];
  readonly sections: readonly Section[];
}

/** The groups of these formulas: a formula with a cross-section is for the pairs of one. */
export function groupsOf(formulas: readonly ForSubjects[]): Group[] {
  const byMembers = new Map<string, ForSubjects[]>();
  for (const one of formulas) {
    if (one.subjects === null || sectionsOf([one]).length === 0) continue;
    const key = one.subjects.toSorted().join();
    byMembers.set(key, [...(byMembers.get(key) ?? []), one]);
  }
  return [...byMembers].map(([key, own]) => ({ members: key.split(','), sections: sectionsOf(own) }));
}

/** A pair that is in two different groups; null: there is none. */
export function pairOfTwoGroups(formulas: readonly ForSubjects[]): string | null {
  const groups = groupsOf(formulas);
  const members = new Set(groups.flatMap((group) => group.members));
  return [...members].find((id) => groups.filter((group) => group.members.includes(id)).length > 1) ?? null;
}
