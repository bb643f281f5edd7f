import { cpSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activate, setShadow } from '../../test/activate.ts';
import { anySchema } from '../../shared/bundle/any_schema.fixture.ts';
import { activePath } from '../../shared/bundle/bundle.ts';
import { writeTinyDirection } from '../../test/tiny_direction.ts';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { loadModelSet, type ModelSet } from '../../shared/bundle/model_set.ts';
import { writeRandomBundle } from '../../shared/bundle/random_bundle.fixture.ts';
import { writeRollout, type Rollout } from '../../shared/bundle/rollout.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import type { FileSystem, Scheduler } from '../../shared/ports.ts';
import { bundleMark, watchModels, type ModelWatch, type ModelWatchOptions } from './model_watch.ts';
import type { ModelSlotId } from '../../shared/subject/slot.ts';
import { filesOf } from '../../shared/bundle/slot_files.ts';

const schema = anySchema(5);
const CREATED = new Date('2026-11-20T07:30:00Z');
const [FIRST, SECOND, THIRD] = ['20261120_0730', '20261120_073000', '20261120_073000000'] as const;
const ROLLOUT: Rollout = {
  id: '20261120T080000',
  stage: 'test',
  share: 0.25,
  champion: FIRST,
  challenger: THIRD,
  key: 'ab'.repeat(16),
  block_minutes: 60,
  status: 'active',
  reason: '',
  started: CREATED.toISOString(),
  stage_started: CREATED.toISOString(),
  stages: [],
  promotion_e_value: 20,
  power: null,
  history: [],
};

let root: string;
let originals: string;
let models: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-watch-'));
  originals = join(root, 'originals');
  for (const seed of ['a', 'b', 'c'])
    writeRandomBundle(originals, { schema, trees: 2, leaves: 3, seed, created: CREATED });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  models = mkdtempSync(join(root, 'models-'));
  cpSync(originals, models, { recursive: true });
});

/** A watch with a manual timer, and its output. */
interface Bench {
  readonly watch: ModelWatch;
  readonly printed: string[];
  readonly loads: string[];
  readonly files: { failing: (path: string) => boolean };
  fire(): void;
  tick(): Promise<void>;
}

function open(options: Partial<ModelWatchOptions> = {}): Bench {
  const printed: string[] = [];
  const loads: string[] = [];
  let work: (() => void) | null = null;
  const scheduler: Scheduler = {
    afterTurn: () => undefined,
    after: () => () => undefined,
    every(_ms, given) {
      work = given;
      return () => (work = null);
    },
  };
  const control = { failing: (_path: string): boolean => false };
  const files: FileSystem = {
    ...MACHINE_FILES,
    read(path) {
      if (control.failing(path)) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
      return MACHINE_FILES.read(path);
    },
  };
  const watch = watchModels({
    modelsFolder: models,
    running: { market: 'simulated', timeframes: ['1m'] },
    subjects: [],
    warm: () => Promise.resolve(),
    pollMs: 500,
    files,
    scheduler,
    load(folder) {
      loads.push(folder.slice(models.length + 1));
      return loadModelSet(folder, schema, 4, { crossCheck: false, files });
    },
    onReady: (set) => printed.push(`ready ${set.version}`),
    onShadow: (set) => printed.push(`shadow ${set?.manifest.version ?? 'none'}`),
    onRollout: (rollout) => printed.push(`rollout ${rollout?.stage ?? 'none'}`),
    onRefused: (version, error, slot) => printed.push(`${slot} refused ${version} ${describeError(error).code}`),
    onWithdrawn: (slot) => printed.push(`${slot} withdrawn`),
    ...options,
  });
  return {
    watch,
    printed,
    loads,
    files: control,
    fire: () => work?.(),
    async tick() {
      work?.();
      await watch.check();
    },
  };
}

function damage(version: string): Buffer {
  const path = join(models, version, 'ai2.onnx');
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.subarray(0, 10));
  return bytes;
}

it('the mark of a bundle changes with each file that counts, and with no other', () => {
  const folder = join(models, FIRST);
  const marks = [bundleMark(folder, MACHINE_FILES)];
  const replaced = ['manifest.json', 'ai1.onnx', 'ai2.onnx', 'ai3.onnx'];
  const added = ['net.onnx', 'manifest.sig', 'fx.ai1.onnx', 'fx.ai2.onnx'];
  for (const name of [...replaced, ...added]) {
    writeFileSync(join(folder, name), `other ${name}`);
    marks.push(bundleMark(folder, MACHINE_FILES));
  }
  expect(new Set(marks).size).toBe(1 + replaced.length + added.length);
  writeFileSync(join(folder, 'CARD.md'), 'for people');
  const reversed: FileSystem = { ...MACHINE_FILES, list: (path) => MACHINE_FILES.list(path).toReversed() };
  expect([bundleMark(folder, MACHINE_FILES), bundleMark(folder, reversed)]).toEqual([marks.at(-1), marks.at(-1)]);
});

describe('watchModels', () => {
  it('looks by its timer', async () => {
    const { printed, fire } = open();
    activate(models, FIRST);
    fire();
    await expect.poll(() => printed).toEqual([`ready ${FIRST}`]);
  });

  it('waits for a first pointer, then delivers each version that it names, once', async () => {
    const { printed, loads, tick } = open();
    await tick();
    expect(printed).toEqual([]);
    activate(models, FIRST);
    for (let i = 0; i < 3; i++) await tick();
    activate(models, SECOND);
    await tick();
    activate(models, FIRST);
    await tick();
    expect(printed).toEqual([`ready ${FIRST}`, `ready ${SECOND}`, `ready ${FIRST}`]);
    expect(loads).toEqual([FIRST, SECOND, FIRST]);
  });

  it('refuses bytes once, never tries them again, and reports when the pointer is back at the active bundle', async () => {
    const { printed, loads, tick } = open();
    activate(models, FIRST);
    await tick();
    const whole = damage(SECOND);
    activate(models, SECOND);
    for (let i = 0; i < 3; i++) await tick();
    expect(printed.splice(0)).toEqual([`ready ${FIRST}`, `active refused ${SECOND} MODEL_HASH`]);
    activate(models, FIRST);
    for (let i = 0; i < 2; i++) await tick();
    expect(printed.splice(0)).toEqual(['active withdrawn']);
    // It is reported again, or the pointer would seem to name the active models.
    activate(models, SECOND);
    for (let i = 0; i < 2; i++) await tick();
    expect(printed.splice(0)).toEqual([`active refused ${SECOND} MODEL_HASH`]);
    expect(loads).toEqual([FIRST, SECOND]);
    for (const version of [THIRD, SECOND]) {
      activate(models, version);
      await tick();
    }
    expect(printed.splice(0)).toEqual([`ready ${THIRD}`, `active refused ${SECOND} MODEL_HASH`]);
    // Other bytes are another bundle.
    writeFileSync(join(models, SECOND, 'ai2.onnx'), whole);
    utimesSync(join(models, SECOND, 'ai2.onnx'), new Date(), new Date(Date.now() + 5000));
    await tick();
    expect(printed).toEqual([`ready ${SECOND}`]);
  });

  it('keeps the active models when the pointer is torn, reported once for each tear, or missing', async () => {
    const { printed, tick } = open();
    activate(models, FIRST);
    await tick();
    const pointer = readFileSync(activePath(models));
    for (const text of ['{', '{', '{"version"']) {
      writeFileSync(activePath(models), text);
      await tick();
      await tick();
    }
    expect(printed.length).toBeGreaterThan(2);
    expect(new Set(printed.splice(0))).toEqual(
      new Set([`ready ${FIRST}`, 'active refused (active.json) MODEL_MANIFEST']),
    );
    writeFileSync(activePath(models), pointer);
    await tick();
    expect(printed.splice(0)).toEqual(['active withdrawn']);
    rmSync(activePath(models));
    await tick();
    expect(printed).toEqual([]);
    writeFileSync(activePath(models), 'torn');
    await tick();
    rmSync(activePath(models));
    await tick();
    expect(printed).toEqual(['active refused (active.json) MODEL_MANIFEST']);
  });

  it('begins without models when the first pointer is torn', async () => {
    const { printed, tick } = open();
    writeFileSync(activePath(models), 'torn');
    await tick();
    expect(printed).toEqual(['active refused (active.json) MODEL_MANIFEST']);
  });

  it('tries a bundle again whose key could not be read', async () => {
    let isUnread = true;
    const { printed, tick } = open({
      load: (folder) =>
        isUnread
          ? Promise.reject(new MinutehandError('KEY_UNUSABLE'))
          : loadModelSet(folder, schema, 4, { crossCheck: false }),
    });
    activate(models, FIRST);
    for (let i = 0; i < 2; i++) await tick();
    isUnread = false;
    await tick();
    expect(printed).toEqual([`active refused ${FIRST} KEY_UNUSABLE`, `ready ${FIRST}`]);
  });

  it('waits with a bundle whose formulas wait for the journal: no other one serves in its place', async () => {
    let waits = true;
    const { printed, loads, tick } = open({
      warm: () => (waits ? Promise.reject(new MinutehandError('WARM_UP_WAITS')) : Promise.resolve()),
      marksOf: () =>
        ({
          accepted: () => [{ version: SECOND, previous: FIRST }],
          check: () => undefined,
          raiseQuietly: () => Promise.resolve(),
        }) as never,
    });
    activate(models, THIRD);
    for (let i = 0; i < 3; i++) await tick();
    expect(printed).toEqual([`active refused ${THIRD} WARM_UP_WAITS`]);
    expect(new Set(loads)).toEqual(new Set([THIRD]));
    waits = false;
    await tick();
    expect(printed.at(-1)).toBe(`ready ${THIRD}`);
  });

  it('tries bytes again that could not be read, and reports that once', async () => {
    const { printed, files, tick } = open();
    activate(models, FIRST);
    files.failing = (path) => path.endsWith('ai3.onnx');
    for (let i = 0; i < 3; i++) await tick();
    expect(printed).toEqual([`active refused ${FIRST} MODEL_MISSING`]);
    files.failing = () => false;
    await tick();
    expect(printed.at(-1)).toBe(`ready ${FIRST}`);
    files.failing = (path) => path.endsWith('active.json');
    await tick();
    files.failing = () => false;
    await tick();
    expect(printed.slice(2)).toEqual(['active refused (active.json) MODEL_MANIFEST', 'active withdrawn']);
  });

  it('distinguishes a missing file from one that cannot be read', async () => {
    const { printed, loads, tick } = open();
    rmSync(join(models, THIRD, 'ai1.onnx'));
    activate(models, THIRD);
    for (let i = 0; i < 3; i++) await tick();
    expect(printed).toEqual([`active refused ${THIRD} MODEL_MISSING`]);
    expect(loads).toEqual([THIRD]);
  });

  it('follows the shadow too: each in turn, none when none is named, the previous one when the named one is bad', async () => {
    const { printed, tick } = open();
    activate(models, FIRST);
    setShadow(models, SECOND);
    for (let i = 0; i < 2; i++) await tick();
    expect(printed.splice(0)).toEqual([`ready ${FIRST}`, `shadow ${SECOND}`]);
    setShadow(models, THIRD);
    await tick();
    setShadow(models, null);
    for (let i = 0; i < 2; i++) await tick();
    expect(printed.splice(0)).toEqual([`shadow ${THIRD}`, 'shadow none']);
    setShadow(models, THIRD);
    await tick();
    damage(SECOND);
    setShadow(models, SECOND);
    for (let i = 0; i < 2; i++) await tick();
    expect(printed.splice(0)).toEqual([`shadow ${THIRD}`, `shadow refused ${SECOND} MODEL_HASH`]);
    setShadow(models, null);
    for (let i = 0; i < 2; i++) await tick();
    expect(printed.splice(0)).toEqual(['shadow withdrawn', 'shadow none']);
    writeFileSync(filesOf(models, 'pairs').shadow.path, 'torn');
    await tick();
    expect(printed.splice(0)).toEqual(['shadow refused (shadow.json) MODEL_MANIFEST']);
    activate(models, THIRD);
    await tick();
    expect(printed).toEqual([`ready ${THIRD}`]);
  });

  it('follows a shadow of each timeframe of its instruments beside that of the pairs', async () => {
    const asked: string[] = [];
    const { printed, tick } = open({
      directions: {
        timeframes: ['1h', '4h'],
        load(version, timeframe) {
          asked.push(`${version} ${timeframe}`);
          return Promise.resolve({ manifest: { version } } as DirectionModel);
        },
      },
      onShadow: (model, slot) => printed.push(`shadow ${slot} ${model?.manifest.version ?? 'none'}`),
    });
    const first = writeTinyDirection(models, 'BTCUSDT', '1h', new Date('2026-01-01'));
    const second = writeTinyDirection(models, 'BTCUSDT', '1h', new Date('2026-01-02'));
    const name = (version: string | null, slot: ModelSlotId): void =>
      setShadow(models, version, MACHINE_FILES, null, slot);
    name(SECOND, 'pairs');
    name(first, 'direction 1h');
    name(second, 'direction 4h');
    // A timeframe that this daemon does not run.
    name(second, 'direction 5m');
    for (let i = 0; i < 2; i++) await tick();
    expect(printed.splice(0)).toEqual([
      `shadow pairs ${SECOND}`,
      `shadow direction 1h ${first}`,
      `shadow direction 4h ${second}`,
    ]);
    expect(asked.splice(0)).toEqual([`${first} 1h`, `${second} 4h`]);
    name(null, 'direction 4h');
    name(second, 'direction 1h');
    await tick();
    expect(printed.splice(0)).toEqual([`shadow direction 1h ${second}`, 'shadow direction 4h none']);
    writeFileSync(filesOf(models, 'direction 1h').shadow.path, 'torn');
    for (let i = 0; i < 2; i++) await tick();
    expect(printed).toEqual(['shadow refused (direction/shadow_1h.json) MODEL_MANIFEST']);
  });

  it('refuses models of a simulated market in a live daemon, in each slot, and releases them', async () => {
    const sets: ModelSet[] = [];
    const { printed, tick } = open({
      running: { market: 'live', timeframes: ['1m'] },
      async load(folder) {
        sets.push(await loadModelSet(folder, schema, 4, { crossCheck: false }));
        return sets.at(-1)!;
      },
    });
    activate(models, FIRST);
    setShadow(models, SECOND);
    writeRollout(models, ROLLOUT);
    for (let i = 0; i < 2; i++) await tick();
    expect(printed).toEqual([
      `active refused ${FIRST} MODEL_SIMULATED`,
      `shadow refused ${SECOND} MODEL_SIMULATED`,
      `rollout refused ${THIRD} MODEL_SIMULATED`,
    ]);
    expect(sets).toHaveLength(3);
    for (const set of sets) expect(() => set.infer(new Float32Array(5), 1)).toThrow('released');
  });

  it.each([
    ['live', '1m', ['1m', '1h'], null],
    ['live', '1h', ['1m', '1h'], null],
    ['live', '1h', ['1m'], 'MODEL_TIMEFRAME'],
    ['live', '1m', ['15m', '1h'], 'MODEL_TIMEFRAME'],
    ['simulated', '1m', ['1m'], 'MODEL_MARKET'],
    ['simulated', '1h', ['1m'], 'MODEL_MARKET'],
  ] as const)(
    'accepts models of a live market only on its own and where their timeframe runs: %s, %s in %j',
    async (market, timeframe, timeframes, code) => {
      const pairs = timeframe === '1m' ? ['XAUUSD_XAGUSD'] : [`XAUUSD_XAGUSD@${timeframe}`];
      const options = { schema, trees: 2, leaves: 3, seed: 'live', market: 'live', pairs } as const;
      const version = basename(writeRandomBundle(models, options));
      const { printed, tick } = open({ running: { market, timeframes } });
      activate(models, version);
      await tick();
      expect(printed).toEqual([code === null ? `ready ${version}` : `active refused ${version} ${code}`]);
    },
  );

  it('delivers nothing after its end: a set that was loading is released', async () => {
    let go = (): void => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    let late: ModelSet | null = null;
    const { printed, watch, tick } = open({
      async load(folder) {
        await held;
        late = await loadModelSet(folder, schema, 4, { crossCheck: false });
        return late;
      },
    });
    activate(models, FIRST);
    const looking = tick();
    const stopping = watch.stop();
    go();
    await Promise.all([looking, stopping]);
    expect(printed).toEqual([]);
    expect(() => late!.infer(new Float32Array(5), 1)).toThrow('released');
    late = null;
    await watch.check();
    expect(late).toBeNull();
  });
});
