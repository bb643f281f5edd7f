import { MinutehandError } from '../../errors.ts';

/** MODEL_LOAD for a model that cannot be read or run. @param name of the model, or its path */
export function modelLoadError(name: string, cause: unknown): MinutehandError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new MinutehandError('MODEL_LOAD', { seen: `${name}: ${text}`, cause });
}
