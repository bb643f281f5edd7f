import { Session, type Profiler, type Runtime } from 'node:inspector';

/** Microseconds between samples: each costs a few, so what is profiled is slower than what is timed. */
const SAMPLING_US = 100;

/** Microseconds of the main thread by where they were spent; see `placeOf`. Idle time is left out. */
export type CpuPlaces = Readonly<Record<string, number>>;

export interface CpuProfiler {
  start(): Promise<void>;
  /** Ends the profile that `start` began. */
  stop(): Promise<CpuPlaces>;
}

/** Profiles the main thread of this process by V8's sampling profiler. */
export function createCpuProfiler(): CpuProfiler {
  const session = new Session();
  const post = <Result = void>(method: string, parameters: object = {}): Promise<Result> =>
    new Promise((resolve, reject) => {
      session.post(method, parameters, (error, result) => {
        if (error) reject(error);
        else resolve(result as Result);
      });
    });
  return {
    async start() {
      session.connect();
      await post('Profiler.enable');
      await post('Profiler.setSamplingInterval', { interval: SAMPLING_US });
      await post('Profiler.start');
    },
    async stop() {
      const { profile } = await post<{ profile: Profiler.Profile }>('Profiler.stop');
      session.disconnect();
      return placesOf(profile);
    },
  };
}

/** Starts or stops a profile, as a message to a program of the bench asks for it. */
export async function answerProfile(
  profiler: CpuProfiler,
  wanted: 'start' | 'stop',
  tell: (message: { readonly profiling: true } | { readonly places: CpuPlaces }) => void,
): Promise<void> {
  if (wanted === 'stop') return tell({ places: await profiler.stop() });
  await profiler.start();
  tell({ profiling: true });
}

/** Self time of a profile by place. */
export function placesOf(profile: Pick<Profiler.Profile, 'nodes' | 'samples' | 'timeDeltas'>): CpuPlaces {
  const placeById = new Map(profile.nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const places: Record<string, number> = {};
  for (const [index, id] of (profile.samples ?? []).entries()) {
    const place = placeById.get(id)!;
    // A clock that steps back gives negative intervals.
    const us = Math.max(0, profile.timeDeltas?.[index] ?? 0);
    if (place !== IDLE) places[place] = (places[place] ?? 0) + us;
  }
  return places;
}

const IDLE = 'idle';
/** What V8 calls time that belongs to no function. */
const WITHOUT_FUNCTION: Readonly<Record<string, string>> = {
  '(idle)': IDLE,
  '(garbage collector)': 'garbage collection',
  '(program)': 'native code: event loop, server, timers',
  '(root)': 'native code: event loop, server, timers',
};

/** A package's name, a folder of the daemon or of `shared`, or a module of Node. */
function placeOf({ functionName, url }: Pick<Runtime.CallFrame, 'functionName' | 'url'>): string {
  const withoutFunction = WITHOUT_FUNCTION[functionName];
  if (withoutFunction !== undefined) return withoutFunction;
  // Functions written in C++ or by V8, such as JSON.parse: they have a name and no file.
  if (url === '') return functionName === '' ? 'native functions' : `native functions: ${functionName}`;
  if (url.startsWith('node:')) return 'Node.js';
  const packageName = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (packageName !== undefined) return packageName;
  const folder = /\/(daemon\/[^/]+|shared\/[^/]+)\/[^/]/.exec(url)?.[1];
  return folder ?? (/\/daemon\/[^/]+$/.test(url) ? 'daemon' : 'other');
}
