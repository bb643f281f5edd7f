/** Grace period, in ms, for an abandoned start to end by itself. */
const START_GRACE_MS = 5000;

export interface Start {
  /** Resolves with the reason when the process is to end. */
  readonly stopping: Promise<string>;
  readonly starting: Promise<unknown>;
  print(line: string): void;
  exit(code: number): void;
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
