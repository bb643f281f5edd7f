import { readdirSync } from 'node:fs';
import { readActiveOfSlot } from '../../../shared/bundle/shelves/registry.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { type Pair } from '../../../shared/pair.ts';
import { pathInside } from '../../../shared/path_name.ts';
import type { InUse } from '../../../shared/policy/change_effects.ts';
import { shardsOf, shardSubjects, type Settings } from '../../../shared/policy/policy.ts';
import { isTaken } from '../../../shared/process/process_state.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { journalsOf } from '../../jobs/bars/recent_bars.ts';
import { modelSlotOf, type ModelSlotId } from '../../../shared/subject/slot.ts';
import { isThere } from '../../../shared/files.ts';

const PAPER = '_paper';
/** Newest bars of a symbol, one of which quotes its spread: a feeder may leave it out of some. */
const QUOTES_LOOKED_AT = 240;

/** What a change of the configuration may not reach. What cannot be read is not named: its own page tells why. */
export function readInUse(settings: Settings, paths: HomePaths): InUse {
  return {
    active_models: activeModels(settings, paths),
    quoted_spreads: quotedSpreads(settings, paths),
    paper_accounts: paperAccounts(paths),
  };
}

/** `readInUse` at most every so often: pages ask every few seconds. */
export function recentInUse(paths: HomePaths, nowMs: () => number, maxAgeMs = 10_000): (settings: Settings) => InUse {
  let known: { readonly settings: Settings; readonly atMs: number; readonly inUse: InUse } | null = null;
  return (settings) => {
    const atMs = nowMs();
    if (known === null || known.settings !== settings || Math.abs(atMs - known.atMs) > maxAgeMs)
      known = { settings, atMs, inUse: readInUse(settings, paths) };
    return known.inUse;
  };
}

function activeModels({ minutehand }: Settings, paths: HomePaths): number {
  const isActive = new Map<ModelSlotId, boolean>();
  const hasModel = (subject: Pair): boolean => {
    const slot = modelSlotOf(subject);
    if (!isActive.has(slot)) isActive.set(slot, orNone(() => readActiveOfSlot(paths.models, slot), null) !== null);
    return isActive.get(slot)!;
  };
  const subjects = shardsOf(minutehand).flatMap(({ name }) => shardSubjects(minutehand, name));
  return subjects.filter(hasModel).length;
}

function quotedSpreads(settings: Settings, paths: HomePaths): string[] {
  const journals = journalsOf(settings, paths).filter((path) => isThere(path));
  const symbols = journals.flatMap((path) => orNone(() => quotedSpreadsIn(path), []));
  return [...new Set(symbols)].sort();
}

function quotedSpreadsIn(path: string): string[] {
  const journal = openJournal(path, { readOnly: true });
  try {
    return [...journal.lastBars().keys()].filter((symbol) => {
      const first = journal.newestBars(symbol, QUOTES_LOOKED_AT).at(-1);
      for (const { spread } of journal.bars(symbol, first)) if (spread !== undefined) return true;
      return false;
    });
  } finally {
    journal.close();
  }
}

function paperAccounts({ ea }: HomePaths): string[] {
  if (!isThere(ea)) return [];
  return orNone(() => readdirSync(ea), [])
    .filter(
      (name) => name.endsWith(PAPER) && orNone(() => isTaken(pathInside(pathInside(ea, name), 'lock')), false) === true,
    )
    .map((name) => name.slice(0, -PAPER.length))
    .sort();
}

function orNone<Value, None>(read: () => Value, none: None): Value | None {
  try {
    return read();
  } catch {
    return none;
  }
}
