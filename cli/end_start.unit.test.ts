import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { endedStart, endStartOnRequest, loadedUnlessEnding } from './end_start.ts';

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

describe('a request to end while modules are loaded', () => {
  const begun = () => {
    const stopping = settable<string>();
    const loading = settable<string>();
    const seen: unknown[] = [];
    const request = {
      stopping: stopping.promise,
      print: (line: string) => void seen.push(line),
      exit: (code: number) => void seen.push(code),
    };
    return { stopping, loading, seen, loaded: loadedUnlessEnding(request, loading.promise) };
  };

  it('ends the process at once', async () => {
    const { stopping, seen } = begun();
    stopping.resolve('SIGTERM');
    await nextTurn();
    expect(seen).toEqual(['The start was ended (SIGTERM).', 0]);
  });

  it('is left to the start once they are loaded, or cannot be', async () => {
    const one = begun();
    one.loading.resolve('modules');
    expect(await one.loaded).toBe('modules');
    const other = begun();
    other.loading.reject(new Error('no such file'));
    await expect(other.loaded).rejects.toThrow('no such file');
    for (const { stopping, seen } of [one, other]) {
      stopping.resolve('SIGTERM');
      await nextTurn();
      expect(seen).toEqual([]);
    }
  });
});

it('a start that was given up ends the process without an error, and says why', () => {
  const seen: unknown[] = [];
  const exit = (code: number): never => {
    seen.push(code);
    throw new Error('ended');
  };
  const ending = AbortSignal.abort(new Error('SIGTERM'));
  expect(() => endedStart({ print: (line) => void seen.push(line), exit }, ending)).toThrow('ended');
  expect(seen).toEqual(['The start was ended (SIGTERM).', 0]);
});

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
