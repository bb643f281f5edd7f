import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { activateDirection } from '../../test/activate.ts';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { OWN_SERVICE } from '../../shared/bundle/direction/own_service.fixture.ts';
import { pointerKind } from '../../shared/bundle/active_file.ts';
import { PointerMarks } from '../../shared/bundle/pointer_marks.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import { TIMEFRAMES, type Timeframe } from '../../shared/pair.ts';
import { FollowedDirections, type FollowedDirectionsOptions } from './followed_directions.ts';
import { filesOf } from '../../shared/bundle/slot_files.ts';
import { directionSlot } from '../../shared/subject/slot.ts';

const FIRST = '20260101_0000';
const SECOND = '20260102_0000';
const THIRD = '20260103_0000';
const BUNDLE_FILES = ['manifest.json', 'direction.onnx', 'validation.json'];

let models: string;
let applied: string[];
let printed: string[];
let codes: string[];
let logged: Record<string, unknown>[];
let loads: string[];
let broken: Set<string>;
/** Bundles with a file that cannot be read. */
let unread: Set<string>;
let timer: (() => void) | null;
let followed: FollowedDirections;
let simulated: Set<string>;
let nowMs: number;

const modelOf = (version: string, sources?: readonly string[], timeframe: Timeframe = '1h'): DirectionModel =>
  ({
    manifest: {
      version,
      sources,
      timeframe: TIMEFRAMES[timeframe],
      market: simulated.has(version) ? 'simulated' : 'live',
    },
    check: { rows: 1, largestDifference: 0 },
    ...OWN_SERVICE,
  }) as unknown as DirectionModel;

beforeEach(() => {
  models = mkdtempSync(join(tmpdir(), 'directions-'));
  mkdirSync(join(models, 'direction'));
  applied = [];
  printed = [];
  codes = [];
  logged = [];
  loads = [];
  broken = new Set();
  simulated = new Set();
  unread = new Set();
  nowMs = Date.now();
  followed = follow();
});

/** A daemon that has just started. */
function follow(more: Partial<FollowedDirectionsOptions> = {}): FollowedDirections {
  return new FollowedDirections({
    modelsFolder: models,
    timeframes: ['1h', '1m'],
    market: 'live',
    marksOf: (timeframe: Timeframe) =>
      new PointerMarks(models, 'daemon_main', pointerKind(`direction_${timeframe}`), () => nowMs),
    sources: () => ['funding_rate'],
    pollMs: 1,
    files: MACHINE_FILES,
    scheduler: { every: (_ms: number, work: () => void) => ((timer = work), () => (timer = null)) } as never,
    log: pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line) as object as never) }),
    load: (folder, timeframe) => {
      const version = folder.split('/').at(-1)!;
      loads.push(version);
      if (unread.has(version)) throw new MinutehandError('MODEL_MISSING', { seen: folder });
      if (broken.has(version)) throw new MinutehandError('MODEL_GOLDEN', { seen: version, expected: timeframe });
      return Promise.resolve(modelOf(version, undefined, timeframe));
    },
    apply: (input) =>
      void applied.push(
        input.kind === 'direction'
          ? `${input.timeframe} ${input.set!.manifest.version}`
          : `${input.kind} ${input.what}`,
      ),
    onRefused: (code) => void codes.push(code),
    onFailed: (code) => void codes.push(code),
    print: (line) => void printed.push(line),
    ...more,
  });
}
afterEach(async () => {
  vi.unstubAllEnvs();
  await followed.stop();
  rmSync(models, { recursive: true });
});

function bundle(version: string, content = 'x'): void {
  mkdirSync(join(models, 'direction', version), { recursive: true });
  for (const name of BUNDLE_FILES) writeFileSync(join(models, 'direction', version, name), content);
}

/** Signs by a new key, which is trusted. */
function useKey(): void {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(join(models, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(join(models, 'trusted.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  vi.stubEnv('MINUTEHAND_SIGNING_KEY', join(models, 'key.pem'));
  vi.stubEnv('MINUTEHAND_TRUSTED_KEYS', join(models, 'trusted.pem'));
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
    expect([applied, codes, loads]).toEqual([[`1h ${FIRST}`], ['MODEL_GOLDEN'], [FIRST, SECOND]]);
    expect(followed.refused).toMatchObject({ version: SECOND, code: 'MODEL_GOLDEN' });
    const { code, message, next } = followed.refused!;
    expect(printed).toEqual([`Direction model ${SECOND} refused. ${code}: ${message} ${next}`]);
    expect(logged).toMatchObject([{ level: 50, slot: 'direction 1h', version: SECOND, code, msg: 'models refused' }]);
    broken.clear();
    bundle(SECOND!, 'repaired');
    await followed.check();
    expect([applied.at(-1), followed.refused]).toEqual([`1h ${SECOND}`, null]);
  });

  it.each([...BUNDLE_FILES, 'manifest.sig'])(
    'try a refused bundle again when its %s alone was replaced',
    async (name) => {
      bundle(FIRST!);
      point('1m', FIRST!);
      broken.add(FIRST!);
      await followed.check();
      // Of the second timeframe.
      expect(followed.refused).toMatchObject({ version: FIRST });
      broken.clear();
      writeFileSync(join(models, 'direction', FIRST!, name), 'repaired');
      await followed.check();
      expect([applied, followed.refused]).toEqual([[`1m ${FIRST}`], null]);
    },
  );

  it('try a bundle without a signature again whose files could not be read, and report that once', async () => {
    bundle(FIRST!);
    point('1h', FIRST!);
    unread.add(FIRST!);
    for (let i = 0; i < 3; i++) await followed.check();
    expect([codes, loads]).toEqual([['MODEL_MISSING'], [FIRST, FIRST, FIRST]]);
    unread.clear();
    await followed.check();
    expect([applied, followed.refused]).toEqual([[`1h ${FIRST}`], null]);
    // A missing file is not one that cannot be read.
    rmSync(join(models, 'direction', FIRST!, 'direction.onnx'));
    unread.add(FIRST!);
    loads = [];
    for (let i = 0; i < 3; i++) await followed.check();
    expect(loads).toEqual([FIRST]);
  });

  it('are followed by a timer and without marks too, until the daemon ends', async () => {
    followed = follow({ marksOf: () => null });
    for (const version of [FIRST, SECOND]) bundle(version!);
    writeFileSync(join(models, 'direction', '1h.json'), 'torn');
    await followed.check();
    point('1h', FIRST!);
    timer!();
    await expect.poll(() => applied).toEqual([`1h ${FIRST}`]);
    broken.add(SECOND!);
    point('1m', SECOND!);
    await followed.check();
    expect([codes, applied.length, loads]).toEqual([['MODEL_MANIFEST', 'MODEL_GOLDEN'], 1, [FIRST, SECOND]]);
    await followed.stop();
    expect(timer).toBeNull();
  });

  it('deliver nothing after the end of the daemon, and load no more', async () => {
    for (const version of [FIRST, SECOND]) bundle(version!);
    point('1h', FIRST!);
    point('1m', SECOND!);
    const looking = followed.check();
    await followed.stop();
    await looking;
    expect([applied, loads]).toEqual([[], [FIRST]]);
    await followed.check();
    expect(loads).toEqual([FIRST]);
  });

  it('leave the active model when they are gone, and are followed again when they are back', async () => {
    for (const version of [FIRST, SECOND]) bundle(version!);
    point('1h', FIRST!);
    await followed.check();
    rmSync(join(models, 'direction', '1h.json'));
    for (let i = 0; i < 2; i++) await followed.check();
    expect([applied, codes]).toEqual([[`1h ${FIRST}`], []]);
    point('1h', SECOND!);
    await followed.check();
    expect(applied).toEqual([`1h ${FIRST}`, `1h ${SECOND}`]);
  });

  it('withdraw a refusal when they name the active model again, and refuse what is no pointer', async () => {
    bundle(FIRST!);
    point('1h', FIRST!);
    await followed.check();
    writeFileSync(join(models, 'direction', '1h.json'), 'no JSON');
    for (let i = 0; i < 2; i++) await followed.check();
    expect([codes, followed.refused?.version]).toEqual([['MODEL_MANIFEST'], '(direction/1h.json)']);
    writeFileSync(join(models, 'direction', '1h.json'), 'other bytes');
    await followed.check();
    expect(codes).toEqual(['MODEL_MANIFEST', 'MODEL_MANIFEST']);
    point('1h', FIRST!);
    await followed.check();
    expect([applied, followed.refused]).toEqual([[`1h ${FIRST}`], null]);
  });

  it('report the sources of a training that the daemon does not receive, and a model that fails', () => {
    followed.onSwap(modelOf(THIRD!, ['open_interest']), '5m');
    expect(followed.missingSources).toEqual([]);
    printed = [];
    logged = [];
    followed.onSwap(modelOf(FIRST!, ['funding_rate', 'open_interest', 'basis']), '1h');
    followed.onSwap(modelOf(SECOND!, undefined), '1m');
    expect(followed.missingSources).toEqual(['open_interest', 'basis']);
    const missing =
      'It was trained on open_interest, basis, which this daemon has not received yet: their features are missing.';
    expect(printed.splice(0)).toEqual([
      `Direction model ${FIRST} is active for 1h.`,
      missing,
      `Direction model ${SECOND} is active for 1m.`,
      missing,
    ]);
    expect(logged.splice(0).slice(0, 2)).toMatchObject([
      { level: 30, version: FIRST, timeframe: '1h', cross_check: { rows: 1 }, msg: 'direction model active' },
      {
        level: 40,
        version: FIRST,
        missing: ['open_interest', 'basis'],
        msg: 'direction model learned from sources that are missing here',
      },
    ]);
    followed.onSwap(modelOf(SECOND!, ['funding_rate']), '1h');
    expect([followed.missingSources, printed]).toEqual([[], [`Direction model ${SECOND} is active for 1h.`]]);
    logged = [];
    const failed = modelOf(SECOND!);
    for (const [fallback, text] of [
      [null, 'was dropped. Mode HALT: no entries.'],
      [modelOf(FIRST!), `was dropped; ${FIRST} serves again, in mode DEGRADED.`],
      [failed, 'continues to answer in mode DEGRADED: there is no other.'],
    ] as const) {
      logged = [];
      codes.length = 0;
      followed.onFailure(new MinutehandError('MODEL_OUTPUT', { seen: 'NaN' }), failed, fallback);
      expect(logged).toMatchObject([
        { level: 50, version: SECOND, code: 'MODEL_OUTPUT', fallback: fallback?.manifest.version ?? null },
      ]);
      expect([codes, printed.at(-1)]).toEqual([['MODEL_OUTPUT'], expect.stringContaining(text)]);
    }
    followed.onRecovery(failed);
    expect(printed.at(-1)).toBe(`Direction model ${SECOND} is fast again.`);
  });

  it('refuse a model of a simulated market on a live one', async () => {
    bundle(FIRST!);
    simulated.add(FIRST!);
    point('1h', FIRST!);
    for (let i = 0; i < 2; i++) await followed.check();
    expect([applied, codes]).toEqual([[], ['MODEL_SIMULATED']]);
  });

  describe.each([{ signed: true }, { signed: false }])('as promote writes them, signed: $signed', ({ signed }) => {
    beforeEach(() => {
      for (const version of [FIRST, SECOND]) bundle(version!);
      if (signed) useKey();
    });
    const promote = (timeframe: Timeframe, version: string): void => {
      activateDirection(models, version, models, timeframe);
    };
    const text = (timeframe: string): string => readFileSync(join(models, 'direction', `${timeframe}.json`), 'utf8');
    const put = (timeframe: string, content: string): void =>
      writeFileSync(join(models, 'direction', `${timeframe}.json`), content);

    it('are refused when an older one is put back, also after a restart, until one with a higher serial is', async () => {
      promote('1h', FIRST!);
      const old = text('1h');
      await followed.check();
      promote('1h', SECOND!);
      await followed.check();
      put('1h', old);
      for (let i = 0; i < 3; i++) await followed.check();
      expect([applied, codes]).toEqual([[`1h ${FIRST}`, `1h ${SECOND}`], ['POINTER_ROLLBACK']]);
      expect(followed.refused).toMatchObject({ message: expect.stringContaining('direction/1h.json: serial 1') });
      followed = follow();
      await followed.check();
      // The last model that was accepted serves.
      expect([applied.slice(2), codes.at(-1)]).toEqual([
        ['degraded direction_pointer', `1h ${SECOND}`],
        'POINTER_ROLLBACK',
      ]);
      promote('1h', FIRST!);
      await followed.check();
      expect([applied.slice(-2), followed.refused]).toEqual([['recovered direction_pointer', `1h ${FIRST}`], null]);
    });

    it('whose bundle is damaged at a start leave the model before it active, until it is repaired', async () => {
      for (const version of [FIRST, SECOND]) promote('1h', version!);
      broken.add(SECOND!);
      for (let i = 0; i < 2; i++) await followed.check();
      expect([applied.splice(0), codes]).toEqual([['degraded direction_pointer', `1h ${FIRST}`], ['MODEL_GOLDEN']]);
      expect(followed.refused).toMatchObject({ version: SECOND, code: 'MODEL_GOLDEN' });
      broken.clear();
      bundle(SECOND!, 'repaired');
      await followed.check();
      expect([applied.splice(0), followed.refused]).toEqual([['recovered direction_pointer', `1h ${SECOND}`], null]);
      // SECOND, which a rollback took back, does not serve for FIRST.
      promote('1h', FIRST!);
      broken.add(FIRST!);
      followed = follow();
      await followed.check();
      expect([applied, codes.at(-1)]).toEqual([[], 'MODEL_GOLDEN']);
    });

    it('report every model that was accepted before and does not load now, and the refused one last', async () => {
      bundle(THIRD!);
      for (const version of [FIRST, SECOND, THIRD]) promote('1h', version!);
      for (const version of [SECOND, THIRD]) broken.add(version!);
      await followed.check();
      expect([applied, codes, loads]).toEqual([[], ['MODEL_GOLDEN', 'MODEL_GOLDEN'], [THIRD, SECOND]]);
      expect(followed.refused).toMatchObject({ version: THIRD, code: 'MODEL_GOLDEN' });
      expect(logged.map(({ version }) => version)).toEqual([SECOND, THIRD]);
    });

    it('try models that were accepted before once for a bundle that cannot be read', async () => {
      for (const version of [FIRST, SECOND]) promote('1h', version!);
      unread.add(SECOND!);
      broken.add(FIRST!);
      for (let i = 0; i < 2; i++) await followed.check();
      expect(loads).toEqual([SECOND, FIRST, SECOND]);
    });

    it('recover when no timeframe has a refused pointer any more', async () => {
      for (const version of [FIRST, SECOND])
        for (const timeframe of ['1h', '1m'] as const) promote(timeframe, version!);
      broken.add(SECOND!);
      await followed.check();
      const degraded = 'degraded direction_pointer';
      expect(applied.splice(0)).toEqual([degraded, `1h ${FIRST}`, degraded, `1m ${FIRST}`]);
      expect(printed[0]).toBe(
        `direction/1h.json or its bundle is refused: ${FIRST}, accepted before, serves. Mode DEGRADED.`,
      );
      promote('1h', FIRST!);
      await followed.check();
      expect(applied).toEqual([]);
      promote('1m', FIRST!);
      for (let i = 0; i < 2; i++) await followed.check();
      expect(applied).toEqual(['recovered direction_pointer']);
    });

    it('are refused at another timeframe when they are signed', async () => {
      promote('1h', FIRST!);
      put('1m', text('1h'));
      await followed.check();
      expect(applied).toEqual(signed ? [`1h ${FIRST}`] : [`1h ${FIRST}`, `1m ${FIRST}`]);
      expect(codes).toEqual(signed ? ['POINTER_SIGNATURE'] : []);
    });

    it('are refused when they expire, and the active model stays', async () => {
      vi.stubEnv('MINUTEHAND_ACTIVE_EXPIRY_DAYS', '2');
      promote('1h', FIRST!);
      await followed.check();
      nowMs += 3 * 86_400_000;
      for (let i = 0; i < 2; i++) await followed.check();
      expect([applied, codes]).toEqual([[`1h ${FIRST}`], ['POINTER_EXPIRED']]);
    });
  });

  it('refuse unsigned ones after a signed one was accepted', async () => {
    useKey();
    for (const version of [FIRST, SECOND]) bundle(version!);
    const place = filesOf(models, directionSlot('1h')).active;
    activateDirection(models, FIRST!, models, '1h');
    await followed.check();
    writeFileSync(place.path, JSON.stringify({ version: SECOND, previous: FIRST, serial: 7 }));
    await followed.check();
    expect([applied, codes]).toEqual([[`1h ${FIRST}`], ['POINTER_SIGNATURE']]);
  });
});
