import type { Engine } from '../../../shared/policy/engines.ts';
import type { FitTask } from '../../learning/learners/trees/fit.ts';
import type { FitIdentity } from './fit_identity.ts';

/** What a task needs of whoever does it. */
export interface TaskNeeds {
  /** Name of a learner, which the worker must have; `evolve` for generations of a search of rules. */
  readonly learner: string;
  /** Resident memory of its process, as it is estimated; absent: any will do. */
  readonly memoryMb?: number;
  /** That it uses at the same time; absent: 1. */
  readonly cores?: number;
  readonly gpu?: boolean;
  /** Hashes of its large data. A worker that has them already need not fetch them. */
  readonly data?: readonly string[];
}

/** What a worker has for each of its tasks. */
export interface WorkerMeans {
  readonly learners: readonly string[];
  /** Absent: as much as there is. */
  readonly taskMemoryMb?: number;
  /** Absent: as many as there are. */
  readonly taskCores?: number;
  readonly gpu?: boolean;
}

/** What a worker lacks for a task, for people; empty: it can do it. */
export function lackedFor({ learner, memoryMb = 0, cores = 1, gpu = false }: TaskNeeds, worker: WorkerMeans): string[] {
  const { learners, taskMemoryMb = Infinity, taskCores = Infinity } = worker;
  return [
    ...(learners.includes(learner) ? [] : [`the learner ${learner}`]),
    ...(memoryMb <= taskMemoryMb ? [] : [`${memoryMb} MB a task: it has ${taskMemoryMb}`]),
    ...(cores <= taskCores ? [] : [`${cores} cores a task: it has ${taskCores}`]),
    ...(gpu && worker.gpu !== true ? ['a GPU'] : []),
  ];
}

/** A task is begun by a worker that has these data; the data themselves are no part of what it must have. */
export type TaskClass = Omit<TaskNeeds, 'data'>;

const CLASS_NAME = /^[a-z][a-z0-9_]{0,63}(?:~\d{1,12}m)?(?:~\d{1,6}c)?(?:~gpu)?$/;

/** A class of tasks as a name: `gbdt`, or `xgboost~512m~gpu`. */
export function classNameOf({ learner, memoryMb, cores = 1, gpu = false }: TaskNeeds): string {
  return [
    learner,
    ...(memoryMb === undefined ? [] : [`${memoryMb}m`]),
    ...(cores === 1 ? [] : [`${cores}c`]),
    ...(gpu ? ['gpu'] : []),
  ].join('~');
}

/** Whether `classNameOf` may have made a name: one of another form is no queue. */
export function isClassName(name: string): boolean {
  return CLASS_NAME.test(name);
}

/** What `classNameOf` made a name of. */
export function classOf(name: string): TaskClass {
  const [learner = '', ...parts] = name.split('~');
  const numberBefore = (unit: string): number | undefined => {
    const found = parts.find((part) => part.endsWith(unit) && part !== 'gpu');
    return found === undefined ? undefined : Number(found.slice(0, -1));
  };
  const memoryMb = numberBefore('m');
  const cores = numberBefore('c');
  return {
    learner,
    ...(memoryMb !== undefined && { memoryMb }),
    ...(cores !== undefined && { cores }),
    ...(parts.includes('gpu') && { gpu: true }),
  };
}

const MIB = 2 ** 20;
/** Of a child process without data. */
const BASE_MB = 128;
/** Bytes of a fit for each byte of its data, measured and rounded up (docs/guides/FLEET.md); LightGBM as XGBoost. */
const DATA_FACTORS: Readonly<Record<Engine, number>> = { gbdt: 5, random_forest: 6, xgboost: 10, lightgbm: 10 };
/** Classes of memory are powers of two, from this. */
const LEAST_MB = 256;
/** Data below this are fetched in no time. */
const LARGE_BYTES = MIB;

/** What a fit needs, its memory estimated from its data. */
export function needsOfFit({ engine, rows, subset, params }: FitTask, inputs: FitIdentity['inputs']): TaskNeeds {
  const { x, y, time, labelEnd, weights } = rows;
  const arrays = { x: x.values, y, time, labelEnd, weights };
  const bytes = Object.values(arrays).reduce((sum, { byteLength }) => sum + byteLength, subset.byteLength);
  const data = Object.entries(arrays)
    .filter(([, { byteLength }]) => byteLength >= LARGE_BYTES)
    .map(([name]) => inputs[name]!);
  return {
    learner: engine,
    memoryMb: classMb(BASE_MB + (DATA_FACTORS[engine] * bytes) / MIB),
    ...(params.device === 'gpu' && { gpu: true }),
    ...(data.length > 0 && { data }),
  };
}

/** The next power of two. */
function classMb(memoryMb: number): number {
  return Math.max(LEAST_MB, 2 ** Math.ceil(Math.log2(memoryMb)));
}
