import * as z from 'zod';
import { MinutehandError } from '../../../shared/errors.ts';
import { homePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { ImportRun } from '../../store/import_runs.ts';
import { openStoreIfThere } from '../../store/store.ts';
import { whileStoreReturns } from '../../store/store_patience.ts';

const ALL_RUNS = Number.MAX_SAFE_INTEGER;
const REMOVING: ReadonlySet<ImportRun['kind']> = new Set(['replace', 'delete', 'leave_out']);
const symbolsSchema = z.object({ symbols: z.record(z.string(), z.unknown()) });

export interface UsedBars {
  readonly settings: Settings;
  readonly symbols: readonly string[];
  /** false: the bars are of a folder, and nothing is compared. */
  readonly isOwn: boolean;
}

/** Changes of this installation that have taken bars away, each with its symbols; null = it may be any. */
type Removals = ReadonlyMap<string, readonly string[] | null>;

/**
 * Does work that reads bars of this installation, and refuses its result where bars of its symbols were undone,
 * deleted, replaced or left out meanwhile: it has read some of them before and some after, or has learned from bars
 * that a person has taken back.
 * @param discard takes away what the work has made
 * @throws MinutehandError BARS_CHANGED
 */
export async function whileBarsStay<Result>(
  { settings, symbols, isOwn }: UsedBars,
  work: () => Promise<Result>,
  discard: (result: Result) => void = () => undefined,
): Promise<Result> {
  if (!isOwn) return work();
  const before = await removalsOf(settings);
  const result = await work();
  const after = await removalsOf(settings);
  const met = [...after].filter(
    ([change, of]) => !before.has(change) && (of === null || of.some((symbol) => symbols.includes(symbol))),
  );
  if (met.length === 0) return result;
  discard(result);
  throw new MinutehandError('BARS_CHANGED', { seen: met.map(([change]) => change).join('; ') });
}

/** Waits for a store that restarts: the work between two of these may take hours. */
function removalsOf(settings: Settings): Promise<Removals> {
  return whileStoreReturns(() => readRemovals(settings));
}

async function readRemovals({ minutehand: { market } }: Settings): Promise<Removals> {
  const store = await openStoreIfThere(process.env, homePaths());
  if (store === null) return new Map();
  try {
    const runs = await store.importRuns.list(market, ALL_RUNS);
    return new Map(
      runs.flatMap((run) => {
        const { import_number, kind, source, undone_ms, undone_by } = run;
        const symbols = symbolsOf(run);
        const change = REMOVING.has(kind) ? [[`import ${import_number}: ${kind} ${source}`, symbols] as const] : [];
        const undoing = [`import ${import_number} was undone by ${undone_by}: ${source}`, symbols] as const;
        return undone_ms === null ? change : [...change, undoing];
      }),
    );
  } finally {
    await store.close();
  }
}

function symbolsOf({ kind, source, verdicts }: ImportRun): readonly string[] | null {
  if (kind === 'delete' || kind === 'leave_out') return [source.split(' ')[0]!];
  const read = symbolsSchema.safeParse(JSON.parse(verdicts));
  return read.success ? Object.keys(read.data.symbols) : null;
}
