import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { atMostOneWaiting } from '../../../shared/in_turn.ts';
import { outsideEnvironment } from '../../../shared/secrets.ts';

const run = promisify(execFile);
const EVERY_MS = 5000;
const ANSWER_MS = 4000;
const BYTES_PER_MIB = 1024 * 1024;
const QUERY = ['--query-compute-apps=pid,used_gpu_memory', '--format=csv,noheader,nounits'];

/** GPU use of a process, by `nvidia-smi`, polled every five seconds. */
export interface GpuUse {
  /** Time in which the process was listed; null without nvidia-smi. */
  readonly gpu_seconds: number | null;
  /** Peak memory on all GPUs together. */
  readonly gpu_memory_bytes: number | null;
}

export interface GpuWatch {
  /** Polls once more and ends. Never rejects. */
  stop(): Promise<GpuUse>;
}

/** @param program nvidia-smi; where it cannot be run, the usage is null */
export function watchGpu(pid: number, program = 'nvidia-smi', everyMs = EVERY_MS): GpuWatch {
  let seconds = 0;
  let mostMib = 0;
  let isThere = false;
  let askedMs = performance.now();
  let timer: NodeJS.Timeout | null = null;
  const look = atMostOneWaiting(ask);

  async function ask(): Promise<void> {
    let text: string;
    try {
      ({ stdout: text } = await run(program, QUERY, { timeout: ANSWER_MS, env: outsideEnvironment() }));
    } catch {
      return;
    }
    isThere = true;
    const nowMs = performance.now();
    const own = text.split('\n').map((line) => line.split(',').map(Number));
    const mib = own.reduce((sum, [process, used]) => sum + (process === pid ? (used ?? 0) : 0), 0);
    if (own.some(([process]) => process === pid)) seconds += (nowMs - askedMs) / 1000;
    askedMs = nowMs;
    mostMib = Math.max(mostMib, mib);
  }

  void look().then(() => {
    if (!isThere) return;
    timer = setInterval(() => void look(), everyMs);
    timer.unref();
  });
  return {
    async stop() {
      if (timer !== null) clearInterval(timer);
      await look();
      if (!isThere) return { gpu_seconds: null, gpu_memory_bytes: null };
      return { gpu_seconds: seconds, gpu_memory_bytes: mostMib * BYTES_PER_MIB };
    },
  };
}
