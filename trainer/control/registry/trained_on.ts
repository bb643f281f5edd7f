import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { ALL_SHELVES } from '../../../shared/bundle/shelves/registry.ts';
import { parseSubject } from '../../../shared/pair.ts';
import type { Store } from '../../store/store.ts';
import type { TouchedBars } from '../../store/import_runs.ts';

/** The parts of a manifest that say what a bundle was trained on. */
interface Trained {
  readonly version: string;
  /** Absent in a bundle of an earlier version. */
  readonly market?: Market;
  readonly pairs?: readonly string[];
  readonly instruments?: readonly string[];
  readonly period?: { readonly from?: string; readonly to?: string };
}

/**
 * Versions of models that were trained or evaluated on any of these bars, by the registry and by their folders, which
 * it may lag behind; those of another market have other bars. A removed bundle still counts, since its backtests and
 * reports remain.
 */
export async function modelsTrainedOn(
  store: Pick<Store, 'db'>,
  modelsFolder: string,
  market: Market,
  touched: readonly TouchedBars[],
): Promise<readonly string[]> {
  const rows = await store.db.selectFrom('core.model_registry').select('manifest').orderBy('version').execute();
  const trained = [
    ...rows.map(({ manifest }) => parsed(manifest)),
    ...ALL_SHELVES.flatMap((shelf) => manifestsIn(shelf.folder(modelsFolder))),
  ];
  const affected = trained.filter(
    (one) => one !== null && (one.market ?? market) === market && touched.some((bars) => isTrainedOn(one, bars)),
  );
  return [...new Set(affected.map((one) => one!.version))].sort();
}

function isTrainedOn({ pairs = [], instruments = [], period }: Trained, { symbol, first, last }: TouchedBars): boolean {
  const from = Date.parse(period?.from ?? '');
  const to = Date.parse(period?.to ?? '');
  // A manifest without a period is taken to be affected: the mistake to avoid is a name that is missing.
  const overlaps = !(last * 1000 < from) && !(first * 1000 > to);
  return overlaps && [...pairs, ...instruments].some((subject) => symbolsOfSubject(subject).includes(symbol));
}

function symbolsOfSubject(text: string): readonly string[] {
  const { a, b } = parseSubject(text);
  return [a, b];
}

function parsed(text: string): Trained | null {
  try {
    return JSON.parse(text) as Trained;
  } catch {
    return null;
  }
}

function manifestsIn(folder: string): Trained[] {
  const found: Trained[] = [];
  for (const name of namesIn(folder)) {
    try {
      const text = readFileSync(join(folder, name, 'manifest.json'), 'utf8');
      const manifest = parsed(text);
      if (manifest !== null) found.push(manifest);
    } catch {
      // A pointer file, or a bundle that is being written.
    }
  }
  return found;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
