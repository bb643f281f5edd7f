import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import type { DirectionInput } from '../input.ts';
import { FollowedDirections } from './followed_directions.ts';

const [FIRST, SECOND] = ['20260101_0000', '20260102_0000'];

let models: string;
let applied: string[];
let printed: string[];
let codes: string[];
let broken: Set<string>;
let followed: FollowedDirections;

const modelOf = (version: string, sources: readonly string[] = []): DirectionModel =>
  ({ manifest: { version, sources }, check: { rows: 1, largestDifference: 0 } }) as unknown as DirectionModel;

beforeEach(() => {
  models = mkdtempSync(join(tmpdir(), 'directions-'));
  mkdirSync(join(models, 'direction'));
  [applied, printed, codes, broken] = [[], [], [], new Set()];
  followed = new FollowedDirections({
    ...{
      modelsFolder: models,
      timeframes: ['1h', '1m'],
      sources: () => ['funding_rate'],
      pollMs: 1,
      files: MACHINE_FILES,
    },
    scheduler: { every: () => () => undefined } as never,
    log: pino({ enabled: false }),
    load: (folder, timeframe) => {
      const version = folder.split('/').at(-1)!;
      if (broken.has(version)) throw new MinutehandError('MODEL_GOLDEN', { seen: version, expected: timeframe });
      return Promise.resolve(modelOf(version));
    },
    apply: ({ timeframe, set }: DirectionInput) => void applied.push(`${timeframe} ${set!.manifest.version}`),
    onRefused: (code) => void codes.push(code),
    onFailed: (code) => void codes.push(code),
    print: (line) => void printed.push(line),
  });
});
afterEach(async () => {
  await followed.stop();
  rmSync(models, { recursive: true });
});

function bundle(version: string, content = 'x'): void {
  mkdirSync(join(models, 'direction', version), { recursive: true });
  for (const name of ['manifest.json', 'direction.onnx'])
    writeFileSync(join(models, 'direction', version, name), content);
}

const point = (timeframe: string, version: string): void =>
  writeFileSync(join(models, 'direction', `${timeframe}.json`), JSON.stringify({ version, previous: null }));

describe('the pointers of direction models', () => {
  it('name a model for each timeframe, which is loaded once', async () => {
    await followed.check();
    expect(applied).toEqual([]);
    for (const version of [FIRST, SECOND]) bundle(version!);
    point('1h', FIRST!);
    point('1m', SECOND!);
    for (let i = 0; i < 3; i++) await followed.check();
    expect(applied).toEqual([`1h ${FIRST}`, `1m ${SECOND}`]);
  });

  it('refuse a bundle once, keep what is active, and try it again when it was repaired', async () => {
    bundle(FIRST!);
    bundle(SECOND!);
    point('1h', FIRST!);
    await followed.check();
    broken.add(SECOND!);
    point('1h', SECOND!);
    for (let i = 0; i < 3; i++) await followed.check();
    expect([applied, codes]).toEqual([[`1h ${FIRST}`], ['MODEL_GOLDEN']]);
    expect(followed.refused).toMatchObject({ version: SECOND, code: 'MODEL_GOLDEN' });
    broken.clear();
    bundle(SECOND!, 'repaired');
    await followed.check();
    expect([applied.at(-1), followed.refused]).toEqual([`1h ${SECOND}`, null]);
  });

  it('withdraw a refusal when they name the active model again, and refuse what is no pointer', async () => {
    bundle(FIRST!);
    point('1h', FIRST!);
    await followed.check();
    writeFileSync(join(models, 'direction', '1h.json'), 'no JSON');
    for (let i = 0; i < 2; i++) await followed.check();
    expect([codes, followed.refused?.version]).toEqual([['MODEL_MANIFEST'], '(direction/1h.json)']);
    point('1h', FIRST!);
    await followed.check();
    expect([applied, followed.refused]).toEqual([[`1h ${FIRST}`], null]);
  });

  it('report the sources of a training that the daemon does not receive, and a model that fails', () => {
    followed.onSwap(modelOf(FIRST!, ['funding_rate', 'open_interest']), '1h');
    expect(followed.missingSources).toEqual(['open_interest']);
    expect(printed.join()).toContain('trained on open_interest');
    followed.onSwap(modelOf(SECOND!, ['funding_rate']), '1h');
    expect(followed.missingSources).toEqual([]);
    followed.onFailure(new MinutehandError('MODEL_OUTPUT', { seen: 'NaN' }), modelOf(SECOND!));
    expect([codes, printed.at(-1)]).toEqual([['MODEL_OUTPUT'], expect.stringContaining('Mode HALT')]);
  });
});
