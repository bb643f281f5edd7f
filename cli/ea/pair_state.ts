import * as z from 'zod';
import { heldFor } from './held_files.ts';
import { HIGHEST_PRICE, LOWEST_PRICE } from '../../shared/bar_rules.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { MAX_LOTS } from '../../shared/fill/fill.ts';
import type { FileSystem } from '../../shared/ports.ts';
import { MARKETS } from '../../shared/signal/signal.ts';
import { pathInside } from '../../shared/path_name.ts';

/** The last time that a Date has. */
const LATEST_MS = 8.64e15;
/** More than lots and prices in their ranges can make of an account; sums of it stay finite. */
const GREATEST_MONEY = 1e100;
const price = z.number().min(LOWEST_PRICE).max(HIGHEST_PRICE);

/** Numbers as an account can have them: larger ones would make every later sum infinite. */
const legSchema = z.strictObject({
  symbol: z.string(),
  side: z.union([z.literal(1), z.literal(-1)]),
  lots: z.number().positive().max(MAX_LOTS),
  price,
});

const stateSchema = z.strictObject({
  market: z.enum(MARKETS),
  pairId: z.string(),
  /** As the consumer keeps it. */
  memory: z.strictObject({
    bootId: z.string(),
    seq: z.int().nonnegative(),
    positionId: z.string(),
    entered: z.array(z.string()),
    fence: z.int().positive().optional(),
    timestamp: z.string().optional(),
  }),
  book: z.strictObject({
    held: z
      .strictObject({
        positionId: z.string(),
        openedMs: z.number().nonnegative().max(LATEST_MS),
        maxAgeBars: z.number().positive().max(LATEST_MS),
        barMs: z.number().positive().max(LATEST_MS),
        legs: z.tuple([legSchema, legSchema]),
      })
      .nullable(),
    prices: z.tuple([price, price]).nullable(),
    realised: z.number().min(-GREATEST_MONEY).max(GREATEST_MONEY),
    ticket: z.int().nonnegative(),
  }),
  /** Lines for result.json that may be missing there. */
  outbox: z.array(z.string()),
});

/** The saved state of one pair of one market: its own file, replaced as a whole. */
export type SavedPair = z.infer<typeof stateSchema>;

const statePath = (folder: string, market: string, pairId: string): string =>
  pathInside(folder, `state_${market}_${pairId}.json`);

/**
 * @returns null when nothing is saved
 * @throws MinutehandError EA_STATE
 */
export function loadPairState(files: FileSystem, folder: string, market: string, pairId: string): SavedPair | null {
  const path = statePath(folder, market, pairId);
  if (files.stat(path) === null) return null;
  try {
    const state = stateSchema.parse(JSON.parse(heldFor(() => files.read(path)).toString()));
    if (state.market !== market || state.pairId !== pairId) throw new Error(`it is of ${state.market} ${state.pairId}`);
    return state;
  } catch (cause) {
    const seen = `${path}: ${cause instanceof z.ZodError ? 'other fields' : (cause as Error).message}`;
    throw new MinutehandError('EA_STATE', { seen, cause });
  }
}

/**
 * @param isDurable whether it has to survive a power cut: something is going to be traded by it
 * @throws MinutehandError OUTPUT_UNWRITABLE
 */
export function savePairState(files: FileSystem, folder: string, state: SavedPair, isDurable: boolean): void {
  const path = statePath(folder, state.market, state.pairId);
  const beside = `${path}.tmp`;
  try {
    heldFor(() => files.write(beside, `${JSON.stringify(state)}\n`));
    if (isDurable) files.sync(beside);
    heldFor(() => files.rename(beside, path));
    if (isDurable) files.sync(folder);
  } catch (cause) {
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: `${path}: ${(cause as Error).message}`, cause });
  }
}
