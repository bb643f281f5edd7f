import { readFileSync } from 'node:fs';
import type { HomePaths } from '../../../shared/home.ts';
import { keyText } from '../../../shared/policy/problem.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { generationsFile } from '../../jobs/kinds/kept_generations.ts';
import { frontOf, type EvolutionState } from '../../learning/evolve/evolution.ts';
import { complexityOf, genomeOf } from '../../learning/evolve/genome.ts';
import { spaceOf } from '../../learning/evolve/search_space.ts';
import type { RetrainRun } from '../schedule/run.ts';

const SHOWN_FRONT = 10;

/** A search in progress, after its last generation. */
export interface Evolving {
  readonly blocks: number;
  readonly generation: number;
  readonly rules: number;
  readonly front: {
    readonly rule: string;
    readonly sharpe: number;
    readonly drawdown: number;
    readonly trades: number;
    readonly conditions: number;
  }[];
}

/** The generations that the search of a run has kept; none before its first one, and of another kind of run. */
export function evolvingSearches(
  { parameters: { rule_job: job } }: Pick<RetrainRun, 'parameters'>,
  { minutehand }: Pick<Settings, 'minutehand'>,
  paths: Pick<HomePaths, 'home'>,
): Evolving[] {
  if (job?.kind !== 'evolve') return [];
  const space = spaceOf(job.space, minutehand.windows, keyText);
  return Object.entries(readGenerations(generationsFile(job, paths))).map(([blocks, state]) => ({
    blocks: Number(blocks),
    generation: state.generation,
    rules: state.evaluated.length,
    front: frontOf(state, space, SHOWN_FRONT).map(({ key, sharpe, drawdown, trades }) => ({
      rule: key,
      sharpe,
      drawdown,
      trades,
      conditions: complexityOf(genomeOf(key)),
    })),
  }));
}

/** It is replaced as a whole, and gone when the search has ended. */
function readGenerations(path: string): Readonly<Record<string, EvolutionState>> {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as { searches: Record<string, EvolutionState> }).searches;
  } catch {
    return {};
  }
}
