import { keyOf } from '../../../shared/bundle/gates/gate_result.ts';
import { recordedDirectionGates } from '../../../shared/bundle/recorded_gates.ts';
import { join } from 'node:path';
import { listVersions } from '../../../shared/bundle/bundle.ts';
import { directionFolder } from '../../../shared/bundle/direction/active_direction.ts';
import { slotPointers } from '../../../shared/bundle/shelves/slot_pointers.ts';
import { readDirectionBundle } from '../../../shared/bundle/direction/direction_bundle.ts';
import { describeError } from '../../../shared/errors.ts';
import { TIMEFRAME_NAMES, timeframeOf } from '../../../shared/pair.ts';
import { directionCard } from '../../../trainer/learning/strategies/direction/direction_card.ts';
import type { Output } from '../../output.ts';
import { gatesLine } from '../../gates_line.ts';
import { versionMark } from '../../version_mark.ts';
import { directionSlot } from '../../../shared/subject/slot.ts';

/** A direction bundle in a list. */
interface ListedDirection {
  readonly version: string;
  readonly active: boolean;
  readonly shadow: boolean;
  readonly timeframe: string | null;
  readonly up_or_down_auc: number | null;
  readonly instruments: number;
  readonly instruments_with_edge: number;
  readonly failed_gates: readonly string[];
  readonly missing_gates: readonly string[];
  readonly error: string | null;
}

/**
 * Prints the direction bundles of a folder of models, oldest first.
 * @returns what `models list --json` tells of them
 */
export function listDirections(models: string, output: Output) {
  const folder = directionFolder(models);
  const slots = TIMEFRAME_NAMES.map((timeframe) => slotPointers(models, directionSlot(timeframe)));
  const listed = listVersions(folder).map((version): ListedDirection => {
    const isNamed = (as: 'version' | 'shadow'): boolean => slots.some((slot) => slot[as] === version);
    const own = { version, active: isNamed('version'), shadow: isNamed('shadow') };
    try {
      const { manifest } = readDirectionBundle(join(folder, version));
      const { timeframe, metrics, edge } = manifest;
      const { failed, claims, missing } = recordedDirectionGates(manifest);
      const edges = Object.values(edge);
      return {
        ...own,
        timeframe: timeframeOf(timeframe),
        up_or_down_auc: metrics.up_or_down_auc,
        instruments: edges.length,
        instruments_with_edge: edges.filter(({ no_edge }) => !no_edge).length,
        failed_gates: [...failed, ...claims].map(keyOf),
        missing_gates: missing.map(keyOf),
        error: null,
      };
    } catch (error) {
      const { code, message } = describeError(error);
      const nothing = { timeframe: null, up_or_down_auc: null, instruments: 0, instruments_with_edge: 0 };
      return { ...own, ...nothing, failed_gates: [], missing_gates: [], error: `${code}: ${message}` };
    }
  });
  for (const own of listed) output.line(`${versionMark(own)} ${own.version.padEnd(16)} ${aboutOf(own)}`);
  const named = slots.flatMap(({ timeframe, version }) => (version === null ? [] : [[timeframe, version]]));
  return { direction: Object.fromEntries(named) as Record<string, string>, direction_bundles: listed };
}

function aboutOf(own: ListedDirection): string {
  if (own.error !== null) return own.error;
  const auc = own.up_or_down_auc?.toFixed(4) ?? '–';
  return `direction ${own.timeframe}, up against down AUC ${auc}, ${own.instruments_with_edge} of ${own.instruments} instruments with an edge${gatesLine(own)}`;
}

/** Prints the card of a direction bundle. @throws MinutehandError as readDirectionBundle */
export function showDirection(folder: string, output: Output): void {
  const { manifest } = readDirectionBundle(folder);
  output.line(directionCard(manifest));
  const { golden: _golden, ...rest } = manifest;
  output.result(rest);
}
