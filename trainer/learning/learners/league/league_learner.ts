import { rowLosses, simplestWithinError, standingsOf } from '../../statistics/standings.ts';
import { classLosses } from '../../measures/multiclass.ts';
import { takeLabels, takeRows, type FitRows } from '../contract/fit_rows.ts';
import { barsOf, type Fitted } from '../contract/fitted.ts';
import { refuseEnsemble, type FitRequest, type Learner, type LearnerDefinition } from '../contract/learner.ts';
import { barsPerRow } from '../contract/past_rows.ts';
import { onLastBar } from '../onnx/last_bar.ts';
import { fitMembers } from '../mixture/member_fits.ts';
import type { EnsembleSetup, LeagueParameters } from '../mixture/ensemble_parameters.ts';
import { laterBlocks, type LaterBlock } from '../stacking/later_blocks.ts';

/** The model of the entrant that was chosen. */
export interface ChosenModel extends Fitted {
  /** As its learner made it. */
  readonly chosen: Fitted;
}

/**
 * The entrant with the lowest log loss on blocks of time that came after all that it had learned from, or the simplest
 * one within one standard error of that (Breiman et al. 1984, 1-SE rule); then it learns all rows. The selection is
 * part of the fit: in each fold it is repeated with the training rows of that fold alone. With the budget `like`, the
 * learner of the given model is used.
 */
export const LEAGUE: LearnerDefinition<EnsembleSetup> = {
  name: 'league',
  complexity: 6.4,
  family: 'ensemble',
  // Of its least deterministic entrant.
  determinism: 'same_environment',
  supports: { stopping: true, continuing: false, tasks: ['binary', 'multiclass'] },
  refuseMissing: () => undefined,
  open: ({ ensembles: { league }, openMember, complexityOf }) => ({
    name: LEAGUE.name,
    supports: LEAGUE.supports,
    refuse: (request) => refuseEnsemble(LEAGUE, league.entrants.map(openMember), request),
    async fit(request) {
      refuseEnsemble(LEAGUE, league.entrants.map(openMember), request);
      const { budget, rows, subset } = request;
      const bars = barsPerRow(rows.x);
      if (budget.kind === 'like') {
        const like = chosenOf(budget.model);
        const { learner } = like;
        const changes: Partial<FitRequest> = { budget: { kind: 'like', model: like } };
        return chosenModel(await fitOne(request, openMember(learner), changes), bars);
      }
      const learners = league.entrants.map(openMember);
      const blocks = laterBlocks(rows, subset, league.blocks);
      const complexity = league.entrants.map(complexityOf);
      const chosen = learners[await choose(request, { learners, blocks, complexity, choice: league.choice })]!;
      return chosenModel(await fitOne(request, chosen, {}), bars);
    },
  }),
};

export function isChosen(fitted: Fitted): fitted is ChosenModel {
  return 'chosen' in fitted;
}

/** @throws RangeError for a model of another learner */
function chosenOf(fitted: Fitted): Fitted {
  if (!isChosen(fitted)) throw new RangeError(`a model of ${fitted.learner} was not chosen in a league`);
  return fitted.chosen;
}

interface Contest {
  readonly learners: readonly Learner[];
  /** null: too few rows. */
  readonly blocks: readonly LaterBlock[] | null;
  readonly complexity: readonly number[];
  readonly choice: LeagueParameters['choice'];
}

/** @returns number of the entrant; with too few rows that of the simplest one */
async function choose(request: FitRequest, { learners, blocks, complexity, choice }: Contest): Promise<number> {
  if (blocks === null) return complexity.indexOf(Math.min(...complexity));
  const { rows, seed } = request;
  const fitted = await fitMembers(
    // The other half of the progress is the fit of the chosen one.
    { ...request, onProgress: (share) => request.onProgress?.(share / 2) },
    learners.flatMap((learner) =>
      blocks.map(({ before }, block) => ({
        learner,
        changes: {
          subset: before,
          budget: { kind: 'early_stopping', stopping: null } as const,
          seed: `${seed}/block ${block + 1}/${learner.name}`,
        },
      })),
    ),
  );
  const losses = learners.map((_, entrant) =>
    lossesOf(rows, blocks, fitted.slice(entrant * blocks.length, (entrant + 1) * blocks.length)),
  );
  const time = Float64Array.from(
    blocks.flatMap(({ block }) => [...block]),
    (row) => rows.time[row]!,
  );
  const standings = standingsOf(losses, time);
  return choice === 'best' ? standings.order[0]! : simplestWithinError(standings, complexity);
}

/** Of the rows of all blocks, each answered by the model of the time before it. */
function lossesOf(rows: FitRows, blocks: readonly LaterBlock[], models: readonly Fitted[]): Float64Array {
  return Float64Array.from(
    blocks.flatMap(({ block }, i) => {
      const model = models[i]!;
      const answers = model.answers(takeRows(rows.x, block));
      const labels = takeLabels(rows.y, block);
      if (model.width === 1) return [...rowLosses(answers, labels)];
      return [...classLosses({ classes: model.width, probabilities: answers, labels })];
    }),
  );
}

function fitOne(request: FitRequest, learner: Learner, changes: Partial<FitRequest>): Promise<Fitted> {
  return learner.fit({
    ...request,
    ...changes,
    seed: `${request.seed}/${learner.name}`,
    onProgress: (share) => request.onProgress?.((1 + share) / 2),
  });
}

/**
 * The model itself, with the name of its learner in the metadata of its file.
 * @param bars that the models of the training get together
 */
function chosenModel(model: Fitted, bars: number): ChosenModel {
  const served = bars > 1 && barsOf(model) === 1 ? onLastBar(model, bars) : model;
  return {
    ...served,
    learner: LEAGUE.name,
    chosen: model,
    withMargins: (by) => chosenModel(model.withMargins(by), bars),
    toOnnx: ({ metadata, ...facts }) => served.toOnnx({ ...facts, metadata: { ...metadata, chosen: model.learner } }),
  };
}
