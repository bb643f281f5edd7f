import { MinutehandError } from '../../../../shared/errors.ts';
import type { FitRows } from './fit_rows.ts';
import type { Fitted } from './fitted.ts';
import type { Task } from './task.ts';

/**
 * Who gets the same numbers from the same request: everybody; whoever has the same library, processor and number of
 * threads; nobody.
 */
export type Determinism = 'any_machine' | 'same_environment' | 'none';

export interface LearnerSupport {
  /** Whether it sets rows aside to find out how many steps help. */
  readonly stopping: boolean;
  /** Whether it can go on from a model that it has fitted before. */
  readonly continuing: boolean;
  readonly tasks: readonly Task['kind'][];
}

/** What a model is made of. */
export type Family = 'linear' | 'trees' | 'network' | 'program' | 'ensemble';

/** What every learner says about itself, and what opens it. @typeParam Setup what it needs for that */
export interface LearnerDefinition<Setup> {
  readonly name: string;
  /** Order of simplicity: a smaller number is simpler. That of an ensemble is of members of one family. */
  readonly complexity: number;
  readonly family: Family;
  readonly determinism: Determinism;
  readonly supports: LearnerSupport;
  /** @throws MinutehandError LEARNER_MISSING when a library that it needs is not on this machine */
  refuseMissing(): void;
  open(setup: Setup): Learner;
}

/** A learner with its parameters. */
export interface Learner {
  readonly name: string;
  readonly supports: LearnerSupport;
  /** Of a learner over learners: throws what `fit` would throw for what one of them does not support. */
  refuse?(request: FitRequest): void;
  /**
   * Learns from the rows of the subset, and from nothing else of the request's rows. The same request gives the same
   * model, as far as the determinism of the learner goes.
   * @throws MinutehandError LEARNER_TASK for what it does not support, DATA_TOO_SHORT without a row of weight; the
   * reason of the signal once that is aborted
   */
  fit(request: FitRequest): Promise<Fitted>;
}

/** How many steps a learner takes. One that does not count steps ignores it. */
export type Budget =
  /**
   * As many as help on the rows of `stopping`, which are then not learned from; null: on the last part of the subset's
   * time, without the rows whose label reaches into it.
   */
  | { readonly kind: 'early_stopping'; readonly stopping: Int32Array | null }
  /** Of all steps, those of the model it goes on from included. */
  | { readonly kind: 'fixed'; readonly iterations: number }
  /** As many as a model of the same learner has, and whatever else that has found out on rows that it set aside. */
  | { readonly kind: 'like'; readonly model: Fitted };

export interface FitRequest {
  readonly task: Task;
  readonly rows: FitRows;
  /** Rows to learn from, ascending. */
  readonly subset: Int32Array;
  /** Columns that the model may use; null = all. */
  readonly columns: readonly number[] | null;
  readonly budget: Budget;
  readonly seed: string;
  /** A model of the same learner, task and columns; null: from nothing. */
  readonly continueFrom: Fitted | null;
  readonly signal?: AbortSignal;
  /** @param share done, 0 to 1 */
  onProgress?(share: number): void;
}

/**
 * A model of all rows of the subset: where a learner sets rows aside to find out how many steps help, a first fit does
 * that.
 */
export async function fitAllRows(learner: Learner, request: Omit<FitRequest, 'budget'>): Promise<Fitted> {
  const first = await learner.fit({ ...request, budget: { kind: 'early_stopping', stopping: null } });
  return learner.supports.stopping ? learner.fit({ ...request, budget: { kind: 'like', model: first } }) : first;
}

/** The columns that a model may use. */
export function usedColumns({ rows, columns }: Pick<FitRequest, 'rows' | 'columns'>): readonly number[] {
  return columns ?? Array.from({ length: rows.x.columns }, (_, column) => column);
}

/** The refusal of rows that a model cannot learn from. */
export function noWeight(): MinutehandError {
  return new MinutehandError('DATA_TOO_SHORT', { seen: 'no row with a weight', expected: 'at least one' });
}

/** @throws MinutehandError LEARNER_TASK for a request that the learner does not support; the reason of an abort */
export function refuseUnsupported(
  { name, supports }: Pick<LearnerDefinition<never>, 'name' | 'supports'>,
  { task, continueFrom, signal }: FitRequest,
): void {
  signal?.throwIfAborted();
  if (!supports.tasks.includes(task.kind)) throw new MinutehandError('LEARNER_TASK', { seen: `${name}, ${task.kind}` });
  if (continueFrom !== null && !supports.continuing)
    throw new MinutehandError('LEARNER_TASK', {
      seen: `${name}, with a model to go on from`,
      next: 'Use the engine gbdt to warm-start from a model, or learn from the beginning.',
    });
}

/**
 * The same of a learner over learners, and of its members: nothing is learned where one of them cannot.
 * @throws MinutehandError LEARNER_TASK, which names the member
 */
export function refuseEnsemble(
  ensemble: Pick<LearnerDefinition<never>, 'name' | 'supports'>,
  members: readonly Learner[],
  request: FitRequest,
): void {
  refuseUnsupported(ensemble, request);
  for (const member of members) {
    const { kind } = request.task;
    if (!member.supports.tasks.includes(kind))
      throw new MinutehandError('LEARNER_TASK', {
        seen: `${member.name} in ${ensemble.name}, ${kind}`,
        expected: 'members that learn that task',
      });
    member.refuse?.(request);
  }
}
