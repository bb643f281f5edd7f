import type { Words } from './memory.ts';
import type { Plan } from './plan.ts';
import type { KernelCode } from './webassembly.ts';

/** Runs a phase of the kernel, on all threads where that is faster. */
export type RunPhase = (kind: number, pieces: number) => void;

/** State of the controlling thread. */
export interface Conductor {
  readonly code: KernelCode;
  readonly buffer: SharedArrayBuffer;
  readonly words: Words;
  readonly plan: Plan;
  readonly run: RunPhase;
}
