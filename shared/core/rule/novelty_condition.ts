import { comparison } from './conditions.ts';
import type { Condition } from './rule.ts';

/** How unlike its training data the input of a model is, and what the policy asks for. */
export interface MeasuredNovelty {
  /** Share of the model's training rows that are farther out than the input; NaN or absent where it is not known. */
  readonly novelty?: number | undefined;
  /** Entries need at least this novelty, where it is known; absent: any. */
  readonly noveltyMin?: number | undefined;
}

const isKnown = ({ novelty = NaN }: MeasuredNovelty): boolean => !Number.isNaN(novelty);

/** An entry: the input of the model is not too unlike its training data. */
export const FAMILIAR_INPUT: Condition<MeasuredNovelty, 'novelty', 'NOVEL_INPUT'> = comparison({
  name: 'novelty',
  reason: 'NOVEL_INPUT',
  limitFrom: 'policy',
  relation: '>=',
  value: (measured) => (isKnown(measured) ? measured.novelty! : 1),
  limit: ({ noveltyMin }) => noveltyMin ?? 0,
  applies: (measured) => measured.noveltyMin !== undefined && isKnown(measured),
});
