import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { endStartOnRequest } from './end_start.ts';

interface Settable<Value> {
  readonly promise: Promise<Value>;
  resolve(value: Value): void;
  reject(error: Error): void;
}

function settable<Value>(): Settable<Value> {
  let resolve: (value: Value) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<Value>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}

describe('a request to end during a start', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const begun = () => {
    const stopping = settable<string>();
    const starting = settable<null>();
    const lines: string[] = [];
    const codes: number[] = [];
    endStartOnRequest({
      stopping: stopping.promise,
      starting: starting.promise,
      print: (line) => void lines.push(line),
      exit: (code) => void codes.push(code),
    });
    return { stopping, starting, lines, codes };
  };

  it('ends the process five seconds later when the start hangs', async () => {
    const { stopping, lines, codes } = begun();
    stopping.resolve('SIGTERM');
    await vi.advanceTimersByTimeAsync(4999);
    expect(codes).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(codes).toEqual([1]);
    expect(lines).toEqual(['The start was abandoned after 5 s (SIGTERM).']);
  });

  it.each(['succeeds', 'fails'])('leaves the end to a start that %s in time', async (outcome) => {
    const { stopping, starting, codes } = begun();
    stopping.resolve('SIGTERM');
    await vi.advanceTimersByTimeAsync(1000);
    if (outcome === 'succeeds') starting.resolve(null);
    else starting.reject(new Error('refused'));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(codes).toEqual([]);
  });

  it('does not concern a process that has started', async () => {
    const { stopping, starting, codes } = begun();
    starting.resolve(null);
    await vi.advanceTimersByTimeAsync(0);
    stopping.resolve('SIGTERM');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(codes).toEqual([]);
  });
});
