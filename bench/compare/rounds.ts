import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../shared/root.ts';
import type { Machine } from '../machine.ts';
import type { StationsResult } from '../stations.ts';

/** Measurements of the stations by one process. */
export interface Round {
  /** Time of a fixed piece of work just before and after, as a measure of the machine's current speed. */
  readonly reference_us: number;
  /** Median microseconds of each station, and `bar_to_signal`. */
  readonly stations: Readonly<Record<string, number>>;
}

/** Rounds of a release, as `--save-baseline` writes them. */
export interface Baseline {
  readonly version: string;
  readonly fingerprint: string;
  readonly machine: Machine;
  readonly minutes: number;
  readonly rounds: readonly Round[];
}

export type MeasureRound = () => Promise<Round>;

const OUTPUT_BYTES_MAX = 1 << 24;
const REFERENCE_TIMES = 5;
const REFERENCE_BYTES = 1 << 22;

/** Properties that make times of two machines incomparable. */
export function fingerprintOf({ cpus, cpu, memory_gib, platform, node, temporary_files_on }: Machine): string {
  return `${cpus} × ${cpu}, ${memory_gib} GiB, ${platform}, Node ${node.split('.')[0]}, ${temporary_files_on}`;
}

/**
 * Measures each round in its own process, because JIT compilation of the hot path varies between processes.
 * @param root of a built checkout
 */
export function roundsOf(root: string, minutes: number): MeasureRound {
  const program = join(root, 'dist', 'cli', 'minutehand.js');
  const args = [program, 'bench', '--part', 'stations', '--minutes', `${minutes}`, '--json'];
  return async () => {
    const before = referenceUs();
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, maxBuffer: OUTPUT_BYTES_MAX });
    const { stations } = JSON.parse(stdout) as { readonly stations: StationsResult };
    return { reference_us: (before + referenceUs()) / 2, stations: mediansOf(stations) };
  };
}

export function thisVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version;
}

function mediansOf({ stations, bar_to_signal }: StationsResult): Record<string, number> {
  const medians = Object.entries({ ...stations, bar_to_signal }).map(([name, { p50 }]) => [name, p50] as const);
  return Object.fromEntries(medians);
}

/** Fastest of several hashes of 4 MiB. */
function referenceUs(): number {
  const data = new Uint8Array(REFERENCE_BYTES);
  const times = Array.from({ length: REFERENCE_TIMES }, () => {
    const start = performance.now();
    createHash('sha256').update(data).digest();
    return 1000 * (performance.now() - start);
  });
  return Math.min(...times);
}
