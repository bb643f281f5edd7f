import { basename, join } from 'node:path';
import { endShadow, setShadow } from '../shared/bundle/admission/activation.ts';
import { writeVersion } from '../shared/bundle/bundle.ts';
import { NO_SUFFIX, VERSION } from '../shared/bundle/version_name.ts';
import { directionFolder, liveInstrumentSchema } from '../shared/bundle/direction/active_direction.ts';
import { DIRECTION_FILE, type DirectionManifest } from '../shared/bundle/direction/direction_manifest.ts';
import { openOwnDirection, type DirectionModel } from '../shared/bundle/direction/direction_model.ts';
import type { GateResult } from '../shared/bundle/gates/gate_result.ts';
import type { OwnGraph } from '../shared/bundle/own_graph/own_graph.ts';
import type { TreeModel } from '../shared/bundle/onnx/tree_ensemble.ts';
import { readPointerFile } from '../shared/bundle/pointer.ts';
import { failedClaim, recordedDirectionGates } from '../shared/bundle/recorded_gates.ts';
import { INSTRUMENT_WINDOWS } from '../shared/core/features/instrument/definitions.ts';
import { replaceDurably, writeDurably } from '../shared/durable_file.ts';
import { MinutehandError } from '../shared/errors.ts';
import { barSecondsOf, isInstrument, timeframeOf, TIMEFRAMES, type Timeframe } from '../shared/pair.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { FileSystem, Rng } from '../shared/ports.ts';
import { createRng } from '../shared/rng.ts';
import type { SimulatedDisk } from './disk.ts';
import { randomEnsemble, unjudged } from './models.ts';
import { drawnDescription } from './described_inputs.ts';
import { peekingFiles } from './trainer.ts';
import { subjectsOf } from './variety.ts';
import { sha256Hex } from '../shared/sha256.ts';
import { directionSlot } from '../shared/subject/slot.ts';
import { filesOf } from '../shared/bundle/slot_files.ts';

/** Distinct models created per process. */
const MODELS_MADE = 8;
const CLASSES = 3;
/** One model in so many is no trees. */
const GRAPH_EVERY = 3;
const MANIFEST = 'manifest.json';

/** Content of a simulated bundle's manifest. */
interface Stub {
  readonly version: string;
  readonly timeframe: Timeframe;
  readonly index: number;
  readonly sha256: string;
}

export interface DirectionTrainerOptions {
  readonly settings: Settings;
  readonly folder: string;
  readonly disk: SimulatedDisk;
  trueMs(): number;
  trace(line: () => string): void;
}

/**
 * Training runs of direction models. A bundle on the simulated disk is a manifest that names one of a few random
 * models, and a file that matches its hash; scoring is real.
 */
export class DirectionTrainer {
  readonly timeframes: readonly Timeframe[];
  readonly #options: DirectionTrainerOptions;
  readonly #trained = new Map<string, DirectionModel>();
  #runs = 0;

  constructor(options: DirectionTrainerOptions) {
    this.#options = options;
    const instruments = subjectsOf(options.settings).filter(isInstrument);
    this.timeframes = [...new Set(instruments.map((own) => timeframeOf(barSecondsOf(own))))];
  }

  /** Ends a run: publishes a new model for each timeframe. */
  publish(): void {
    for (const timeframe of this.timeframes) this.#publish(timeframe);
  }

  #publish(timeframe: Timeframe): void {
    const { folder, disk, trueMs, trace } = this.#options;
    const index = this.#runs++;
    try {
      const path = writeVersion(
        directionFolder(folder),
        new Date(trueMs()),
        (draft, version) => {
          const text = `${version} ${timeframe} ${index}`;
          const stub: Stub = { version, timeframe, index, sha256: sha256Hex(text) };
          writeDurably(disk, join(draft, DIRECTION_FILE), text);
          writeDurably(disk, join(draft, MANIFEST), JSON.stringify(stub));
          this.#trained.set(version, openStub(stub, this.#rows));
        },
        NO_SUFFIX,
        disk,
      );
      const version = basename(path);
      const text = `${JSON.stringify({ version, previous: null })}\n`;
      replaceDurably(disk, filesOf(folder, directionSlot(timeframe)).active.path, text);
      trace(() => `trainer: direction model ${version} is active for ${timeframe}`);
    } catch (error) {
      trace(() => `trainer: direction model of ${timeframe}: ${String(error)}`);
    }
  }

  get #rows(): number {
    return this.#options.settings.minutehand.instruments.length;
  }

  /** Reads and verifies a bundle for the daemon. @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST, MODEL_HASH */
  load(files: FileSystem, folder: string): DirectionModel {
    return openStub(readStub(files, folder), this.#rows);
  }

  /** Version that the pointer of a timeframe names; null: none, or it is damaged. */
  active(timeframe: Timeframe): string | null {
    const { folder, disk } = this.#options;
    return activeOrNull(disk, folder, timeframe);
  }

  /** The model of this version as trained. @throws RangeError */
  trained(version: string): DirectionModel {
    const model = this.#trained.get(version);
    if (model === undefined) throw new RangeError(`no direction model ${version} was ever trained`);
    return model;
  }

  hasTrained(version: string): boolean {
    return this.#trained.has(version);
  }

  /** Makes a model that was trained for a timeframe its shadow, or ends the shadow. */
  nameShadow(rng: Rng): void {
    const { folder, disk, trace } = this.#options;
    const timeframe = this.timeframes[rng.integer(this.timeframes.length)]!;
    const versions = [...this.#trained].flatMap(([version, { manifest }]) =>
      manifest.timeframe === TIMEFRAMES[timeframe] ? [version] : [],
    );
    const version = rng.integer(4) === 0 ? undefined : versions[rng.integer(versions.length)];
    trace(() => `direction models: shadow of ${timeframe} ${version ?? 'none'}`);
    const slot = directionSlot(timeframe);
    try {
      if (version === undefined) return void endShadow(slot, folder, disk);
      setShadow(unjudged('shadow', version, folder, peekingFiles(disk), slot), folder, disk);
    } catch (error) {
      trace(() => `direction models: shadow: ${String(error)}`);
    }
  }

  /** Damages a file, as an operator or a failing disk would. */
  damage(rng: Rng): void {
    const { folder, disk, trace } = this.#options;
    const timeframe = this.timeframes[rng.integer(this.timeframes.length)]!;
    const pointer = filesOf(folder, directionSlot(timeframe)).active.path;
    const version = this.active(timeframe);
    const kinds: (() => void)[] = [
      () => disk.remove(pointer),
      () => disk.tear(pointer, disk.peek(pointer) ?? '{}'),
      () => disk.write(pointer, '{"version":"20200101_0000","previous":null}\n'),
      () => {
        if (version !== null) disk.write(join(directionFolder(folder), version, DIRECTION_FILE), 'nonsense');
      },
    ];
    trace(() => `direction models: damaged, ${timeframe}`);
    try {
      kinds[rng.integer(kinds.length)]!();
    } catch (error) {
      trace(() => `direction models: ${String(error)}`);
    }
  }
}

function activeOrNull(disk: SimulatedDisk, folder: string, timeframe: Timeframe): string | null {
  try {
    return readPointerFile(filesOf(folder, directionSlot(timeframe)).active, peekingFiles(disk))?.version ?? null;
  } catch {
    return null;
  }
}

function readStub(files: FileSystem, folder: string): Stub {
  const read = (name: string): string => {
    try {
      return files.read(join(folder, name)).toString();
    } catch (cause) {
      throw new MinutehandError('MODEL_MISSING', { seen: join(folder, name), cause });
    }
  };
  let stub: Stub;
  try {
    stub = JSON.parse(read(MANIFEST)) as Stub;
  } catch (cause) {
    if (cause instanceof MinutehandError) throw cause;
    throw new MinutehandError('MODEL_MANIFEST', { seen: folder, cause });
  }
  if (sha256Hex(read(DIRECTION_FILE)) !== stub.sha256 || !VERSION.test(stub.version))
    throw new MinutehandError('MODEL_HASH', { seen: folder });
  return stub;
}

/** A softmax of linear functions of bounded features, of which missing ones count as 0. */
function linearGraph(columns: number, index: number): OwnGraph {
  const rng = createRng(`simulated linear direction ${index % MODELS_MADE}`);
  const weights = Array.from({ length: columns * CLASSES }, () => rng.normal() / Math.sqrt(columns));
  const zeros = { constants: [0] };
  return {
    columns,
    trees: [],
    steps: [
      { operator: 'Gather', columns: [...Array(columns).keys()] },
      { operator: 'IsNaN', of: { step: 0 } },
      { operator: 'Where', condition: { step: 1 }, left: zeros, right: { step: 0 } },
      { operator: 'Clip', of: { step: 2 }, lowest: -2, highest: 2 },
      { operator: 'MatMul', of: { step: 3 }, weights },
      { operator: 'Add', left: { step: 4 }, right: { constants: [0.1, 0.1, -0.3] } },
      { operator: 'Softmax', of: { step: 5 } },
      { operator: 'round', of: { step: 6 } },
    ],
    widths: [columns, columns, columns, columns, CLASSES, CLASSES, CLASSES, CLASSES],
    answer: 7,
  };
}

/** One model in eight fails the claim of no bias, one that of F1. */
function gatesOf(index: number): GateResult[] {
  return (['bias', 'f1'] as const).map((code, i): GateResult => {
    const passed = index % MODELS_MADE !== 3 + 2 * i;
    return {
      code,
      role: 'direction',
      passed,
      value: passed ? 0 : 1,
      relation: '<=',
      limit: 0,
      unit: 'count',
      evidence: {},
    };
  });
}

function openStub({ version, timeframe, index, sha256 }: Stub, rows: number): DirectionModel {
  const rng = createRng(`simulated direction ${index % MODELS_MADE}`);
  const features = liveInstrumentSchema(TIMEFRAMES[timeframe]).definitions.map(({ name }) => name);
  const columns = features.length;
  const model: TreeModel = {
    link: 'softmax',
    ensembles: Array.from({ length: CLASSES }, (_, k) => randomEnsemble(rng, columns, k === 2 ? -0.3 : 0.1)),
  };
  const edge = { no_edge: false, trades: 0, net_bps: null, lower_net_bps: null };
  const manifest = {
    version,
    timeframe: TIMEFRAMES[timeframe],
    windows: INSTRUMENT_WINDOWS,
    features,
    strategy: {
      theta_up: 0.38 + 0.05 * rng.uniform(),
      theta_down: 0.38 + 0.05 * rng.uniform(),
      stop: 1e-4 + 3e-4 * rng.uniform(),
      target: 1e-4 + 4e-4 * rng.uniform(),
      max_age_bars: 2 + rng.integer(6),
    },
    edge: Object.fromEntries(
      ['EURUSD', 'GBPUSD', 'XAUUSD'].map((symbol) => [symbol, { ...edge, no_edge: rng.integer(4) === 0 }]),
    ),
    gates: gatesOf(index),
    // Earlier bundles describe no rows.
    ...(index % 3 > 0 && {
      inputs: drawnDescription(createRng(`inputs of direction ${index % MODELS_MADE}`), features),
    }),
  } as unknown as DirectionManifest;
  return openOwnDirection(
    {
      folder: version,
      manifest,
      failedClaim: failedClaim(recordedDirectionGates(manifest)),
      modelsHash: sha256,
      check: { rows: 0, largestDifference: 0 },
      scoring:
        index % GRAPH_EVERY === GRAPH_EVERY - 1
          ? { engine: 'own-graph', graph: linearGraph(columns, index), note: '' }
          : { engine: 'wasm-simd', trees: model, note: '' },
    },
    rows,
  );
}
