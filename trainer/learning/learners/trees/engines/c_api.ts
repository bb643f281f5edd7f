import { MinutehandError } from '../../../../../shared/errors.ts';
import type { NativeEngine } from '../../../../../shared/policy/engines.ts';
import { installationHint, type OpenLibrary } from './engine_library.ts';

/** Address of an object inside a library. */
export type Handle = bigint;

/** Output parameter of a C function: `[null]` before the call. */
export type Out<T> = [T | null];

/** Output value of a successful C call. */
export function answered<T>(call: (out: Out<T>) => void): T {
  const out: Out<T> = [null];
  call(out);
  return out[0]!;
}

/** XGBoost prefixes its messages with the time of day and appends a stack trace. */
function wordsOf(error: string): string {
  const lines = error.replace(/^\[[\d:]+\] /, '').split('\n');
  const trace = lines.findIndex((line, index) => index > 0 && line.trimStart().startsWith('Stack trace:'));
  return lines
    .slice(0, trace < 0 ? lines.length : trace)
    .join('\n')
    .trim();
}

/**
 * Declares functions of a C API that return 0, or another number for an error whose message `lastErrorName` returns.
 * Each throws LEARNER_FAILED with that message.
 * @param declarations C parameters of each function, with outputs marked `_Out_`
 * @throws MinutehandError LEARNER_MISSING if the library lacks one of them
 */
export function bindApi<Api extends { readonly [name in keyof Api]: (...given: never[]) => void }>(
  { library, path }: OpenLibrary,
  engine: NativeEngine,
  declarations: Readonly<Record<keyof Api & string, string>>,
  lastErrorName: string,
): Api {
  try {
    const lastError = library.func(`const char *${lastErrorName}()`) as () => string;
    const functions = Object.entries<string>(declarations).map(([name, parameters]) => {
      const call = library.func(`int ${name}(${parameters})`) as (...given: unknown[]) => number;
      const checked = (...given: unknown[]): void => {
        if (call(...given) !== 0)
          throw new MinutehandError('LEARNER_FAILED', { seen: `${name}: ${wordsOf(lastError())}` });
      };
      return [name, checked] as const;
    });
    return Object.fromEntries(functions) as unknown as Api;
  } catch (error) {
    throw new MinutehandError('LEARNER_MISSING', {
      seen: `${path} is not a library of ${engine}, or too old (${(error as Error).message})`,
      next: installationHint(engine),
      cause: error,
    });
  }
}
