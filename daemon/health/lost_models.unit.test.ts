import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../shared/errors.ts';
import { askForLostModels, lossOf } from './lost_models.ts';

const WELL = { pairs: 2, model_version: '20240101_1200', model_refused: null, dependencies: [] };
const NONE = { ...WELL, model_version: null };
const refusal = (code: ErrorCode) => ({ version: '20240101_1200', code, message: 'text', next: '' });
const fault = (dependency: 'models_folder' | 'home_folder', code: ErrorCode) => ({
  dependency,
  code,
  message: 'text',
  next: '',
  since: '2024-01-01T00:00:00.000Z',
});

describe('models', () => {
  it('are lost without any, with a damaged bundle or pointer, and when those in use are gone from the disk', () => {
    expect(lossOf(WELL)).toBeNull();
    expect(lossOf(NONE)).toBe('no models are active');
    expect(lossOf({ ...WELL, model_refused: refusal('MODEL_HASH') })).toBe('MODEL_HASH: text');
    expect(lossOf({ ...WELL, dependencies: [fault('models_folder', 'MODEL_MISSING')] })).toBe('MODEL_MISSING: text');
  });

  it('are not lost for a daemon without pairs, when a person’s pointer is refused, or another folder fails', () => {
    expect(lossOf({ ...NONE, pairs: 0 })).toBeNull();
    for (const code of ['POINTER_ROLLBACK', 'POINTER_SIGNATURE', 'MODEL_MARKET', 'MODEL_GATES'] as const)
      expect(lossOf({ ...NONE, model_refused: refusal(code) })).toBeNull();
    expect(lossOf({ ...WELL, dependencies: [fault('home_folder', 'MODEL_MISSING')] })).toBeNull();
  });
});

describe('a daemon with lost models', () => {
  function bench(outcomes: readonly (string | Error | null)[]) {
    let nowMs = 0;
    let work = (): void => undefined;
    const state = { health: NONE as typeof WELL | typeof NONE, asked: [] as number[], printed: [] as string[] };
    const end = askForLostModels({
      health: () => state.health,
      recover: () => {
        const outcome = outcomes[Math.min(state.asked.length, outcomes.length - 1)]!;
        state.asked.push(nowMs / 1000);
        return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
      },
      scheduler: {
        afterTurn: () => undefined,
        after: () => () => undefined,
        every(ms, own) {
          expect(ms).toBe(10_000);
          work = own;
          return () => (work = () => undefined);
        },
      },
      nowMs: () => nowMs,
      whenIdle: () => Promise.resolve(),
      log: pino({ enabled: false }),
      print: (line) => state.printed.push(line),
    });
    const pass = async (seconds: number): Promise<void> => {
      for (let at = 0; at < seconds; at += 10) {
        nowMs += 10_000;
        work();
        await new Promise(setImmediate);
      }
    };
    return { state, pass, end };
  }

  it('asks the registry after the second look, then at doubled distances up to ten minutes', async () => {
    const { state, pass, end } = bench(['They were not restored.']);
    await pass(10);
    expect(state.asked).toEqual([]);
    await pass(3000);
    expect(state.asked).toEqual([20, 30, 50, 90, 170, 330, 650, 1250, 1850, 2450]);
    expect(state.printed[0]).toBe('Models are lost (no models are active). They were not restored.');
    end();
    await pass(3000);
    expect(state.asked).toHaveLength(10);
  });

  it('starts anew after models were there, and survives a recovery that fails', async () => {
    const { state, pass } = bench([new Error('spawn EAGAIN'), 'Restored.', null]);
    await pass(30);
    expect(state.asked).toEqual([20, 30]);
    state.health = WELL;
    await pass(100);
    state.health = NONE;
    await pass(30);
    expect(state.asked).toEqual([20, 30, 150, 160]);
    expect(state.printed).toHaveLength(2);
    expect(state.printed[0]).toContain('spawn EAGAIN');
  });
});
