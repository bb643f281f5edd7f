import type { ClassEpoch, Epoch, Fitted } from '../contract/fitted.ts';
import type { FittedMixture } from './mixture.ts';

/** One member of an ensemble as reports state it. */
export interface MemberReport {
  readonly learner: string;
  /** Of its probabilities or logits in the sum; a logistic regression may give a negative one. */
  readonly weight: number;
  /** Of a network. */
  readonly epochs?: readonly Epoch[];
  readonly classEpochs?: readonly ClassEpoch[];
}

const DIGITS = 6;

/** What an ensemble consists of; undefined: the model is none. */
export function memberReports(model: Fitted): readonly MemberReport[] | undefined {
  if (!isMixture(model)) return undefined;
  return model.members.map(({ learner, epochs, classEpochs }, at) => ({
    learner,
    weight: Number(model.weights[at]!.toFixed(DIGITS)),
    ...(epochs && { epochs }),
    ...(classEpochs && { classEpochs }),
  }));
}

/** The members of an ensemble, each under a name of its own; none of another model. */
export function namedMembers(model: Fitted): readonly { readonly name: string; readonly member: Fitted }[] {
  if (!isMixture(model)) return [];
  const seen = new Map<string, number>();
  return model.members.map((member) => {
    const count = (seen.get(member.learner) ?? 0) + 1;
    seen.set(member.learner, count);
    return { name: count === 1 ? member.learner : `${member.learner}_${count}`, member };
  });
}

function isMixture(model: Fitted): model is FittedMixture {
  return 'members' in model && 'weights' in model;
}
