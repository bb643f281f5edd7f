import { MARKETS } from '../../../shared/signal/signal.ts';
import * as z from 'zod';
import { TIMEFRAME_NAMES } from '../../../shared/pair.ts';
import { DIRECTION_BALANCES } from '../../../shared/policy/balances.ts';
import { costBps } from '../../../shared/policy/cost_units.ts';
import { DEVICES, TRAIN_ENGINES } from '../../../shared/policy/engines.ts';
import { ensemblePolicy, trainedNetworks } from '../../../shared/policy/schema.ts';
import { directionSettingsSchema } from '../../learning/strategies/direction/direction_settings.ts';
import { runTriggerSchema } from '../../../shared/run_trigger/run_trigger.ts';
import { importedSource, jobWindow } from '../job_fields.ts';

const share = z.number().min(0).max(1);
const isOfSearch = (name: string): boolean => name.startsWith('search.');

/** Whether the direction of every bar is drawn by coins. */
export function isDrawn<Parameters extends { readonly coins?: number | null | undefined }>(
  parameters: Parameters,
): parameters is Parameters & { readonly coins: number } {
  return (parameters.coins ?? null) !== null;
}

/** Whether nothing is asked for that only a model which is learned here has. Peers may be measured beside it. */
function isOnlyMeasured({
  balance,
  trials,
  compare,
  peers,
  engine,
  ensemble,
  networks,
  coins,
}: {
  readonly balance: string;
  readonly trials: number;
  readonly compare: readonly string[];
  readonly peers: readonly string[];
  readonly engine?: string | undefined;
  readonly ensemble?: object | undefined;
  readonly networks?: object | undefined;
  readonly coins?: number | null | undefined;
}): boolean {
  const isPlain = balance === 'none' && trials === 0 && compare.length === 0 && !isDrawn({ coins });
  const hasLearner = engine !== undefined || (peers.length === 0 && (ensemble ?? networks) !== undefined);
  return isPlain && !hasLearner;
}

/** A training of the direction model of a timeframe, as data. Every field acts and says what null means. */
export const directionJobSchema = z
  .strictObject({
    kind: z.literal('direction'),
    market: z.enum(MARKETS).describe('Market of the bars: recorded in the bundle'),
    timeframe: z.enum(TIMEFRAME_NAMES).describe('Of the instruments; shorter bars are joined'),
    symbols: z.array(z.string().min(1)).min(1).describe('Instruments'),
    window: jobWindow,
    source: z.strictObject({
      folder: z.string().min(1).nullable().describe('Folder of bars; null: the bars of this installation'),
      series: z.string().min(1).nullable().describe('Folder of auxiliary series; null: those of the bars'),
    }),
    seed: z.int().min(0).describe('Seed of row and column sampling, and of the search'),
    parameters: z
      .strictObject({
        label: z.strictObject({
          unit: z.enum(['percent', 'sigmas']).describe('Of threshold: a share, or multiples of volatility · √horizon'),
          threshold: z.number().min(0).describe('Return from which a bar is labeled up or down'),
          horizon: z.int().min(1).describe('Bars until the labeled close'),
        }),
        balance: z
          .enum(DIRECTION_BALANCES)
          .describe('Class balance; mirror: class weights on the bars and their mirror images'),
        class_weight_ratio: share.describe('Exponent of the class weights; 0: none'),
        trials: z.int().min(0).describe('Trials of the search, before all evaluated blocks'),
        balance_penalty: z
          .boolean()
          .describe(
            'Whether trials of trees are measured by gain − 0.5 · |0.5 − mean of P(up) / (P(up) + P(down))|, as those of a network always are',
          ),
        stride: z.int().min(1).describe('Trains on every n-th bar'),
        taker_fee_bps: costBps.describe('Per fill'),
        slippage_bps: costBps.describe('Per fill'),
        compare: z.array(z.enum(DIRECTION_BALANCES)).describe('Balances to measure beside it'),
        peers: z.array(z.enum(TRAIN_ENGINES)).describe('Engines to measure on the same rows'),
        engine: z.enum(TRAIN_ENGINES).optional().describe('What the model is learned with; absent: gbdt'),
        ensemble: ensemblePolicy
          .optional()
          .describe('What the ensembles among the engines consist of; absent: gbdt, random_forest and logistic'),
        networks: trainedNetworks
          .optional()
          .describe('Figures of the networks among the engines; absent ones have their defaults'),
        device: z
          .enum(DEVICES)
          .optional()
          .describe('Where models are learned; gpu is refused where none of the engines can; absent: the processor'),
        imported: importedSource
          .optional()
          .describe(
            'A model of another program in place of a learned one: it is measured by blocks behind what it has learned, without a balance or a search; absent: none',
          ),
        coins: z
          .int()
          .min(0)
          .nullable()
          .optional()
          .describe(
            'Seed of coins that draw the direction of every bar: the model learns and is measured on that market, and no evaluation of the holdout is counted; absent or null: the recorded one',
          ),
        settings: directionSettingsSchema
          .optional()
          .describe('Trees, blocks and ranges of the search by name, in place of the delivered ones; absent: these'),
      })
      .refine((own) => own.imported === undefined || isOnlyMeasured(own), {
        error:
          'a model of another program is not learned: balance must be none, trials 0, compare empty, and engine, ensemble, networks and coins absent',
        path: ['imported'],
      })
      .refine(({ trials, balance_penalty }) => trials > 0 || !balance_penalty, {
        error: 'balance_penalty acts in a search: trials must be above 0',
        path: ['balance_penalty'],
      })
      .refine(({ trials, settings = {} }) => trials > 0 || !Object.keys(settings).some(isOfSearch), {
        error: 'ranges act in a search: trials must be above 0',
        path: ['settings'],
      }),
    output: z.strictObject({
      folder: z.string().min(1).nullable().describe('Folder of bundles; null: that of this installation'),
      settings_name: z
        .boolean()
        .optional()
        .describe('Whether the name of the bundle ends in engine and horizon of the label; absent: no'),
      is_dry_run: z.boolean().describe('Whether nothing is written'),
    }),
    adopt: z.boolean().describe('Whether a bundle that passes all gates becomes active'),
    resources: z.strictObject({ workers: z.int().min(1).describe('Threads; they affect speed only') }),
    trigger: runTriggerSchema,
  })
  .refine(({ output, adopt }) => !(output.is_dry_run && adopt), { error: 'a dry run adopts nothing', path: ['adopt'] })
  .refine(({ output, parameters }) => output.is_dry_run || !isDrawn(parameters), {
    error: 'no bundle is made of a market whose direction was drawn: output.is_dry_run must be true',
    path: ['parameters', 'coins'],
  })
  .refine(({ output, adopt }) => !adopt || output.folder === null, {
    error: 'only this installation adopts direction models: output.folder must be null',
    path: ['adopt'],
  })
  .describe('A training of a direction model');

export type DirectionJob = z.infer<typeof directionJobSchema>;
