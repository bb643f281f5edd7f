import { MARKETS } from '../../../shared/signal/signal.ts';
import * as z from 'zod';
import { TIMEFRAME_NAMES } from '../../../shared/pair.ts';
import { DIRECTION_BALANCE, DIRECTION_BALANCES, type DirectionBalance } from '../../../shared/policy/balances.ts';
import { costBps } from '../../../shared/policy/cost_units.ts';
import { DEVICES, DIRECTION_ENGINE, TRAIN_ENGINES, type TrainEngine } from '../../../shared/policy/engines.ts';
import { ensemblePolicy, trainedNetworks } from '../../../shared/policy/schema.ts';
import { runTriggerSchema } from '../../../shared/run_trigger/run_trigger.ts';
import { jobPath, jobWindow, MAX_SUBJECTS, MAX_WORKERS, subjectName } from '../job_fields.ts';
import { leagueCoins, leagueSeeds } from './league_job.ts';

/** The delivered way to learn: every other entrant is compared with it. */
export const DIRECTION_REFERENCE = DIRECTION_ENGINE;

/** Balances of the same trees. */
const VARIANTS = DIRECTION_BALANCES.filter((balance) => balance !== DIRECTION_BALANCE);

/** `gbdt@none`, or the name of an engine. */
export function directionEntrant(name: string): string {
  return VARIANTS.some((balance) => balance === name) ? `${DIRECTION_REFERENCE}@${name}` : name;
}

const OTHER_ENGINES = TRAIN_ENGINES.filter((engine) => engine !== DIRECTION_REFERENCE);

/** The same trees with other class balances; without a library of its own, each of them can play. */
export const DIRECTION_VARIANTS: readonly string[] = VARIANTS.map(directionEntrant);
export const DIRECTION_ENTRANTS: readonly string[] = [DIRECTION_REFERENCE, ...DIRECTION_VARIANTS, ...OTHER_ENGINES];

/** The engine of a balance or of an engine, as `waysOf` names them. */
export function engineOfWay(name: string): string {
  return VARIANTS.some((balance) => balance === name) ? DIRECTION_REFERENCE : name;
}

/** The balances and engines that these entrants are. */
export function waysOf(entrants: readonly string[]): {
  readonly compare: DirectionBalance[];
  readonly peers: TrainEngine[];
} {
  return {
    compare: VARIANTS.filter((balance) => entrants.includes(directionEntrant(balance))),
    peers: OTHER_ENGINES.filter((engine) => entrants.includes(engine)),
  };
}

/** A league of ways to learn the direction model, as data. Every field acts and says what null means. */
export const directionLeagueJobSchema = z
  .strictObject({
    kind: z.literal('direction_league'),
    market: z.enum(MARKETS).describe('Market of the bars'),
    timeframe: z.enum(TIMEFRAME_NAMES).describe('Of the instruments; shorter bars are joined'),
    symbols: z.array(subjectName).min(1).max(MAX_SUBJECTS).describe('Instruments'),
    window: jobWindow,
    seed: z.int().min(0).describe('Seed of row and column sampling'),
    source: z.strictObject({
      folder: jobPath.nullable().describe('Folder of bars; null: the bars of this installation'),
      series: jobPath.nullable().describe('Folder of auxiliary series; null: those of the bars'),
    }),
    parameters: z.strictObject({
      entrants: z
        .array(z.enum(DIRECTION_ENTRANTS))
        .max(DIRECTION_ENTRANTS.length)
        .refine((names) => new Set(names).size === names.length, { error: 'each entrant once' })
        .refine((names) => names.some((name) => name !== DIRECTION_REFERENCE), {
          error: `one more than ${DIRECTION_REFERENCE}, which always plays`,
        })
        .describe(`Ways to learn; ${DIRECTION_REFERENCE} always plays, and the others are compared with it`),
      ensemble: ensemblePolicy
        .optional()
        .describe('What the ensembles among them consist of; absent: gbdt, random_forest and logistic'),
      networks: trainedNetworks
        .optional()
        .describe('Figures of the networks among them; absent ones have their defaults'),
      device: z
        .enum(DEVICES)
        .optional()
        .describe('Where models are learned; gpu is refused where none of the engines can; absent: the processor'),
      seeds: leagueSeeds,
      coins: leagueCoins,
      taker_fee_bps: costBps.describe('Per fill'),
      slippage_bps: costBps.describe('Per fill'),
    }),
    resources: z.strictObject({
      workers: z.int().min(1).max(MAX_WORKERS).describe('Threads; they affect speed only'),
      cache: z
        .boolean()
        .optional()
        .describe('Whether entrants of an unfinished league like this one are taken over; absent: they are'),
    }),
    trigger: runTriggerSchema,
  })
  .describe('A league of ways to learn the direction model');

export type DirectionLeagueJob = z.infer<typeof directionLeagueJobSchema>;
