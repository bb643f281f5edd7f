import { readdirSync, readFileSync } from 'node:fs';

const NS_PER_US = 1000;

/** What the kernel counts of a thread. */
interface Counters {
  readonly name: string;
  /** Nanoseconds on a processor, and ready but not on one. */
  readonly cpuNs: number;
  readonly waitNs: number;
  /** Times that it slept, and that it was taken off its processor. */
  readonly slept: number;
  readonly preempted: number;
}

/** Of all threads of a process, per minute of bars. */
export interface ProcessWork {
  /** Microseconds on a processor, user and system. */
  readonly cpu_us: number;
  /** Microseconds ready to run without a processor: 0 on an idle machine. */
  readonly waited_us: number;
  readonly slept: number;
  readonly preempted: number;
  /** The busiest first; those with less than a microsecond are in the sums alone. */
  readonly threads: readonly { readonly name: string; readonly cpu_us: number; readonly slept: number }[];
}

/** Counts the work of a process while blocks of minutes run. */
export class ProcessWorkMeter {
  readonly #pid: number;
  readonly #before = new Map<string, Counters>();
  readonly #sums = new Map<string, Counters>();
  #minutes = 0;

  constructor(pid: number) {
    this.#pid = pid;
  }

  begin(): void {
    this.#before.clear();
    for (const [id, counters] of threadsOf(this.#pid)) this.#before.set(id, counters);
  }

  end(minutes: number): void {
    this.#minutes += minutes;
    for (const [id, now] of threadsOf(this.#pid)) {
      const before = this.#before.get(id);
      const sum = this.#sums.get(id);
      const since = (key: Exclude<keyof Counters, 'name'>): number =>
        (sum?.[key] ?? 0) + now[key] - (before?.[key] ?? 0);
      this.#sums.set(id, {
        name: now.name,
        cpuNs: since('cpuNs'),
        waitNs: since('waitNs'),
        slept: since('slept'),
        preempted: since('preempted'),
      });
    }
  }

  /** null where the kernel does not tell (Linux does), or no block has run. */
  result(): ProcessWork | null {
    if (this.#sums.size === 0 || this.#minutes === 0) return null;
    const threads = [...this.#sums.values()];
    const perMinute = (key: Exclude<keyof Counters, 'name'>): number =>
      threads.reduce((sum, counters) => sum + counters[key], 0) / this.#minutes;
    return {
      cpu_us: perMinute('cpuNs') / NS_PER_US,
      waited_us: perMinute('waitNs') / NS_PER_US,
      slept: perMinute('slept'),
      preempted: perMinute('preempted'),
      threads: threads
        .map(({ name, cpuNs, slept }) => ({
          name,
          cpu_us: cpuNs / NS_PER_US / this.#minutes,
          slept: slept / this.#minutes,
        }))
        .filter(({ cpu_us }) => cpu_us >= 1)
        .sort((a, b) => b.cpu_us - a.cpu_us),
    };
  }
}

/** By thread id. Linux: https://docs.kernel.org/scheduler/sched-stats.html and proc_pid_status(5). */
function threadsOf(pid: number): [string, Counters][] {
  const folder = `/proc/${pid}/task`;
  let ids: string[];
  try {
    ids = readdirSync(folder);
  } catch {
    return [];
  }
  return ids.flatMap((id) => {
    try {
      const [cpuNs, waitNs] = readFileSync(`${folder}/${id}/schedstat`, 'utf8').split(' ').map(Number);
      const status = readFileSync(`${folder}/${id}/status`, 'utf8');
      const numberOf = (key: string): number => Number(new RegExp(`^${key}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0);
      const counters: Counters = {
        name: id === String(pid) ? 'main' : 'thread',
        cpuNs: cpuNs!,
        waitNs: waitNs!,
        slept: numberOf('voluntary_ctxt_switches'),
        preempted: numberOf('nonvoluntary_ctxt_switches'),
      };
      return [[id, counters] as [string, Counters]];
    } catch {
      // A thread that has ended meanwhile.
      return [];
    }
  });
}
