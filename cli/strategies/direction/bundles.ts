import { keyOf } from '../../../shared/bundle/gates/gate_result.ts';
import { failuresOf } from '../../../shared/bundle/recorded_gates.ts';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { VERSION } from '../../../shared/bundle/bundle.ts';
import { activeDirectionVersions, directionFolder } from '../../../shared/bundle/direction/active_direction.ts';
import { directionShadows } from '../../../shared/bundle/shadow_pointer.ts';
import { readDirectionBundle } from '../../../shared/bundle/direction/direction_bundle.ts';
import { describeError } from '../../../shared/errors.ts';
import { timeframeOf } from '../../../shared/pair.ts';
import { directionCard } from '../../../trainer/learning/strategies/direction/direction_card.ts';
import type { Output } from '../../output.ts';
import { versionMark } from '../../version_mark.ts';

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
  readonly error: string | null;
}

/**
 * Prints the direction bundles of a folder of models, oldest first.
 * @returns what `models list --json` tells of them
 */
export function listDirections(models: string, output: Output) {
  const folder = directionFolder(models);
  const direction = activeDirectionVersions(models);
  const active = Object.values(direction);
  const shadows = Object.values(directionShadows(models));
  const entries = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [];
  const versions = entries.filter((own) => own.isDirectory() && VERSION.test(own.name)).map(({ name }) => name);
  const listed = versions.sort().map((version): ListedDirection => {
    const own = { version, active: active.includes(version), shadow: shadows.includes(version) };
    try {
      const { timeframe, metrics, edge, gates = [] } = readDirectionBundle(join(folder, version)).manifest;
      const edges = Object.values(edge);
      return {
        ...own,
        timeframe: timeframeOf(timeframe),
        up_or_down_auc: metrics.up_or_down_auc,
        instruments: edges.length,
        instruments_with_edge: edges.filter(({ no_edge }) => !no_edge).length,
        failed_gates: failuresOf(gates).map(keyOf),
        error: null,
      };
    } catch (error) {
      const { code, message } = describeError(error);
      const nothing = { timeframe: null, up_or_down_auc: null, instruments: 0, instruments_with_edge: 0 };
      return { ...own, ...nothing, failed_gates: [], error: `${code}: ${message}` };
    }
  });
  for (const own of listed) output.line(`${versionMark(own)} ${own.version.padEnd(16)} ${aboutOf(own)}`);
  return { direction, direction_bundles: listed };
}

function aboutOf(own: ListedDirection): string {
  if (own.error !== null) return own.error;
  const failed = own.failed_gates.length === 0 ? '' : `; failed: ${own.failed_gates.join(', ')}`;
  const auc = own.up_or_down_auc?.toFixed(4) ?? '–';
  return `direction ${own.timeframe}, up against down AUC ${auc}, ${own.instruments_with_edge} of ${own.instruments} instruments with an edge${failed}`;
}

/** Prints the card of a direction bundle. @throws MinutehandError as readDirectionBundle */
export function showDirection(folder: string, output: Output): void {
  const { manifest } = readDirectionBundle(folder);
  output.line(directionCard(manifest));
  const { golden: _golden, ...rest } = manifest;
  output.result(rest);
}
