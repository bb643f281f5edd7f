let isAsked = false;

/** Remembers that this process, which serves, was asked to end. */
export function noteAskedToStop(): void {
  isAsked = true;
}

/** Whether a process that waits in `stopSignal` was asked to end. */
export const wasAskedToStop = (): boolean => isAsked;
