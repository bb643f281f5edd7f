/** Grace period, in ms, for an abandoned start to end by itself. */
const START_GRACE_MS = 5000;

export interface Start {
  /** Resolves with the reason when the process is to end. */
  readonly stopping: Promise<string>;
  readonly starting: Promise<unknown>;
  print(line: string): void;
  exit(code: number): void;
}

/**
 * Waits for the modules of a process. Nothing is held yet, so a request to end ends the process at once; loading them
 * may take seconds on a busy machine.
 */
export async function loadedUnlessEnding<Modules>(
  { stopping, print, exit }: Pick<Start, 'stopping' | 'print' | 'exit'>,
  loading: Promise<Modules>,
): Promise<Modules> {
  let isLoading = true;
  void stopping.then((reason) => {
    if (!isLoading) return;
    print(`The start was ended (${reason}).`);
    exit(0);
  });
  try {
    return await loading;
  } finally {
    isLoading = false;
  }
}

/** The end of a process whose start was given up and has released what it held. */
export function endedStart(
  { print, exit }: Pick<Start, 'print'> & { exit(code: number): never },
  ending: AbortSignal,
): never {
  print(`The start was ended (${(ending.reason as Error).message}).`);
  return exit(0);
}

/** A request to end also ends a start that waits for something, or that does not release what it holds. */
export function endStartOnRequest({ stopping, starting, print, exit }: Start): void {
  let isStarting = true;
  const settle = (): void => {
    isStarting = false;
  };
  starting.then(settle, settle);
  void stopping.then((reason) => {
    if (!isStarting) return;
    const timer = setTimeout(() => {
      print(`The start was abandoned after ${START_GRACE_MS / 1000} s (${reason}).`);
      exit(1);
    }, START_GRACE_MS);
    starting.then(
      () => clearTimeout(timer),
      () => clearTimeout(timer),
    );
  });
}
