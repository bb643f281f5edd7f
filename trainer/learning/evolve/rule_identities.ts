import { formKey, questionKeys, strategyIdentity } from '../../../shared/bundle/rule/rule_identity.ts';
import type { TriedRule } from '../../../shared/bundle/rule/searched_rules.ts';
import { conditionForm, joinedForm, type ConditionForm } from '../../../shared/core/formula/condition_form.ts';
import { withoutBrackets } from '../../../shared/core/formula/formula.ts';
import { genomeOf, type Tree } from './genome.ts';
import type { SearchSpace } from './search_space.ts';

/**
 * Identities and forms of the rules of a space, as those of their strategy files, without parsing each: the conditions
 * of the grid are known.
 */
export class RuleIdentities {
  readonly #space: SearchSpace;
  readonly #forms: readonly ConditionForm[];

  constructor(space: SearchSpace) {
    this.#space = space;
    this.#forms = space.conditions.map(({ formula }) => conditionForm(formula.root));
  }

  /** Keys of all questions that the entries of the space can ask. */
  get questions(): Set<string> {
    const { subject } = this.#space;
    return new Set(this.#forms.flatMap((form) => questionKeys(subject, form)));
  }

  /** @param key of a genome */
  of(key: string): TriedRule {
    const { subject, plans } = this.#space;
    const { long, short, plan } = genomeOf(key);
    const entry = (tree: Tree | null) => (tree === null ? null : { text: withoutBrackets(this.#text(tree)) });
    const limits = plans[plan]!;
    return {
      identity: strategyIdentity({ subject, entryLong: entry(long), entryShort: entry(short), exit: null, limits }),
      forms: [long, short].flatMap((tree) => (tree === null ? [] : [formKey(subject, this.#form(tree))])),
    };
  }

  /** The canonical text of a part, which stands in brackets: parts are in the order of their texts. */
  #text(tree: Tree): string {
    if (typeof tree === 'number') return this.#space.conditions[tree]!.formula.root.text;
    const [operator, left, right] = tree;
    const parts = [this.#text(left), this.#text(right)].sort();
    return `(${parts.join(` ${operator} `)})`;
  }

  #form(tree: Tree): ConditionForm {
    if (typeof tree === 'number') return this.#forms[tree]!;
    return joinedForm(tree[0], [this.#form(tree[1]), this.#form(tree[2])]);
  }
}
