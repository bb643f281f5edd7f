import { conditionForm, formText, questionsOf, type ConditionForm } from '../../core/formula/condition_form.ts';
import type { FormulaStrategy } from '../../policy/strategy_file.ts';

/** What tells rules apart: names, descriptions, brackets and names of thresholds do not. */
export type IdentifiedRule = Pick<FormulaStrategy, 'subject' | 'limits'> &
  Readonly<Record<'entryLong' | 'entryShort' | 'exit', { readonly text: string } | null>>;

/** Formulas in their canonical form, and exits. */
export function strategyIdentity({ subject, entryLong, entryShort, exit, limits }: IdentifiedRule): string {
  const formulas = [entryLong, entryShort, exit].map((formula) => formula?.text ?? null);
  // JSON has no infinity: it stands for the exits that a rule does not have.
  return JSON.stringify([subject, formulas, limits]);
}

/**
 * The forms of the entries of a rule, whichever side they are of. A rule that has the entry of another one, but for
 * numbers, order and repetition, is a near copy of it, whatever its exits and its other side.
 */
export function entryForms({ entryLong, entryShort }: Pick<FormulaStrategy, 'entryLong' | 'entryShort'>) {
  return [entryLong, entryShort].flatMap((formula) => (formula === null ? [] : [conditionForm(formula.root)]));
}

/** A form as a text that is unique among those of all subjects. */
export function formKey(subject: FormulaStrategy['subject'], form: ConditionForm): string {
  return `${subject} ${formText(form)}`;
}

/** The same of the questions of a form. */
export function questionKeys(subject: FormulaStrategy['subject'], form: ConditionForm): string[] {
  return questionsOf(form).map((question) => formKey(subject, question));
}
