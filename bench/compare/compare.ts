import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';
import { MinutehandError } from '../../shared/errors.ts';
import { packageRoot } from '../../shared/root.ts';
import { describeMachine, type Machine } from '../machine.ts';
import { fingerprintOf, roundsOf, thisVersion, type Baseline, type MeasureRound, type Round } from './rounds.ts';
import { comparePaired, compareUnpaired, CONFIDENCE, type Comparison } from './verdict.ts';

export interface CompareResult {
  readonly before: string;
  readonly machine: Machine;
  readonly rounds: number;
  /** paired: alternating in this run; unpaired: against a baseline's saved rounds, as multiples of the reference. */
  readonly method: 'paired' | 'unpaired';
  /** False: the baseline was measured on another machine, and no verdict is given. */
  readonly same_machine: boolean;
  readonly confidence: number;
  readonly stations: Readonly<
    Record<string, Omit<Comparison, 'verdict'> & { readonly verdict: Comparison['verdict'] | null }>
  >;
}

export interface CompareOptions {
  /** A file of `saveBaseline`, or the folder of another built checkout. */
  readonly before: string;
  readonly rounds: number;
  readonly minutes: number;
  readonly print: (line: string) => void;
}

const BASELINE = z.object({
  version: z.string(),
  fingerprint: z.string(),
  machine: z.looseObject({}),
  minutes: z.number(),
  rounds: z.array(
    z.object({ reference_us: z.number().positive(), stations: z.record(z.string(), z.number().positive()) }),
  ),
});

/** Measures this build against another build, or against the saved rounds of a release. */
export async function benchCompare(options: CompareOptions): Promise<CompareResult> {
  const { before, minutes } = options;
  const machine = describeMachine();
  if (!existsSync(before)) throw new MinutehandError('USAGE', { seen: before, expected: 'a baseline or a checkout' });
  const now = roundsOf(packageRoot(), minutes);
  if (statSync(before).isDirectory()) {
    const [earlier, later] = await measureInTurns([roundsOf(before, minutes), now], options);
    return { ...compareTurns(earlier!, later!), before, machine };
  }
  const baseline = readBaseline(before);
  const [later] = await measureInTurns([now], options);
  return { ...compareWithBaseline(baseline, fingerprintOf(machine), later!), before, machine };
}

/** Saves rounds of this build on this machine. */
export async function saveBaseline(file: string, options: Omit<CompareOptions, 'before'>): Promise<Baseline> {
  const machine = describeMachine();
  const [rounds] = await measureInTurns([roundsOf(packageRoot(), options.minutes)], options);
  const fingerprint = fingerprintOf(machine);
  const baseline = { version: thisVersion(), fingerprint, machine, minutes: options.minutes, rounds: rounds! };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(baseline, null, 1)}\n`);
  return baseline;
}

/** @throws MinutehandError USAGE */
export function readBaseline(file: string): Baseline {
  try {
    return BASELINE.parse(JSON.parse(readFileSync(file, 'utf8'))) as unknown as Baseline;
  } catch (cause) {
    const seen = `${file}: ${cause instanceof Error ? cause.message.split('\n')[0] : String(cause)}`;
    throw new MinutehandError('USAGE', { seen, expected: 'a file of `minutehand bench --save-baseline`', cause });
  }
}

type Stations = Omit<CompareResult, 'before' | 'machine'>;

export function compareTurns(before: readonly Round[], now: readonly Round[]): Stations {
  const stations = byStation(before, now, ({ stations }, name) => stations[name]!, comparePaired);
  return { rounds: now.length, method: 'paired', same_machine: true, confidence: CONFIDENCE, stations };
}

/** Divides times by the reference of their round, to compensate for a machine that is slower now. */
export function compareWithBaseline(baseline: Baseline, fingerprint: string, now: readonly Round[]): Stations {
  const timeOf = ({ stations, reference_us }: Round, name: string): number => stations[name]! / reference_us;
  const compared = byStation(baseline.rounds, now, timeOf, compareUnpaired);
  const isSame = baseline.fingerprint === fingerprint;
  const stations = Object.entries(compared).map(([name, one]) => [name, isSame ? one : { ...one, verdict: null }]);
  return {
    rounds: now.length,
    method: 'unpaired',
    same_machine: isSame,
    confidence: CONFIDENCE,
    stations: Object.fromEntries(stations) as Stations['stations'],
  };
}

function byStation(
  before: readonly Round[],
  now: readonly Round[],
  timeOf: (round: Round, name: string) => number,
  compare: typeof comparePaired,
): Record<string, Comparison> {
  const isEverywhere = (name: string): boolean => [...before, ...now].every(({ stations }) => name in stations);
  const names = Object.keys(now[0]?.stations ?? {}).filter(isEverywhere);
  const times = (rounds: readonly Round[], name: string): number[] => rounds.map((round) => timeOf(round, name));
  return Object.fromEntries(names.map((name) => [name, compare(times(before, name), times(now, name))]));
}

/** @returns rounds of each build; the order within a round alternates */
async function measureInTurns(
  builds: readonly MeasureRound[],
  { rounds, print }: Pick<CompareOptions, 'rounds' | 'print'>,
): Promise<Round[][]> {
  const measured = builds.map((): Round[] => []);
  for (let round = 0; round < rounds; round++) {
    print(`round ${round + 1} of ${rounds} …`);
    const order = [...builds.keys()];
    if (round % 2 === 1) order.reverse();
    for (const build of order) measured[build]!.push(await builds[build]!());
  }
  return measured;
}
