import { readFileSync, rmSync } from 'node:fs';
import { readDirectionBundle } from '../../../../shared/bundle/direction/direction_bundle.ts';
import {
  DIRECTION_FILE,
  DIRECTION_REPORT,
  type DirectionManifest,
} from '../../../../shared/bundle/direction/direction_manifest.ts';
import type { InstrumentWindows } from '../../../../shared/core/features/instrument/definitions.ts';
import { pathInside } from '../../../../shared/path_name.ts';
import { timeframeOf } from '../../../../shared/pair.ts';
import { compareValues } from '../../../learning/training/deep_verification.ts';
import { NO_SERIES } from '../../../learning/instruments/series_files.ts';
import type { Instrument } from '../../../learning/strategies/direction/instrument_rows.ts';
import { hashInstruments, makeDirectionBundle } from '../../../learning/strategies/direction/make_direction_bundle.ts';
import { trainDirection } from '../../../learning/strategies/direction/train_direction.ts';
import { readInstruments } from '../../bars/instruments.ts';
import { directionJobSchema } from '../../kinds/direction_job.ts';
import { planOf } from '../../kinds/run_direction.ts';
import type { DeepVerdict, DeepVerification } from '../../kinds/verify_training.ts';
import { temporaryFolder } from '../../../../shared/temporary_folder.ts';

/** Fields that differ in every training. */
const OWN: readonly string[] = ['version', 'created', 'git_commit', 'files'];

/**
 * Trains a direction model again by its recorded job, on the bars and series of its data hash, and compares the ONNX
 * file, the report and the manifest.
 * @throws MinutehandError DATA_MISSING, DATA_FORMAT and as `trainDirection`
 */
export async function verifyDirectionDeeply(path: string, options: DeepVerification): Promise<DeepVerdict> {
  const { manifest } = readDirectionBundle(path);
  const { training } = manifest;
  if (manifest.imported !== undefined)
    return impossible('its model was brought from another program, which trained it');
  if (training === undefined) return impossible('its manifest, of an earlier version, does not record its training');
  const parameters = directionJobSchema.shape.parameters.safeParse(training.parameters);
  if (!parameters.success) return impossible('this version does not know the parameters of its training');
  const { folder, series, settings, workers, onProgress } = options;
  const instruments = await readInstruments(
    {
      folder,
      series,
      symbols: manifest.instruments,
      timeframe: timeframeOf(manifest.timeframe),
      window: { from: training.from, to: training.to, days: null },
      settings: { ...settings, minutehand: { ...settings.minutehand, market: manifest.market ?? 'live' } },
    },
    (done, total) => onProgress('reading bars', done, total),
  );
  if (hashInstruments(instruments) !== manifest.data_hash)
    return impossible(
      hashInstruments(instruments.map(barsAlone)) === manifest.data_hash
        ? 'it learned from these bars without the series and taker volume beside them, which were imported later, or which the version that trained it did not read'
        : otherData(manifest, options),
    );
  const job = { seed: training.seed, parameters: parameters.data, resources: { workers } };
  const { noveltyMin: _ofToday, ...known } = planOf(job, settings);
  const { sequence } = known.windows;
  const { novelty_min: noveltyMin } = training;
  const plan = {
    ...known,
    // A learner that it was compared with may have read a sequence.
    windows: { ...(manifest.windows as unknown as InstrumentWindows), ...(sequence !== undefined && { sequence }) },
    ...(noveltyMin !== undefined && { noveltyMin }),
  };
  const look = manifest.evaluation_look;
  const trained = await trainDirection(instruments, plan, onProgress, look === undefined ? null : () => look);
  const out = temporaryFolder('verify');
  try {
    const made = await makeDirectionBundle({
      instruments,
      plan,
      trained,
      out,
      created: new Date(manifest.created),
      gitCommit: null,
      market: manifest.market ?? 'live',
      job: { seed: training.seed, parameters: training.parameters },
    });
    const lines = differences(path, manifest, pathInside(out, made.version), made);
    return { verdict: lines.length === 0 ? 'same' : 'different', lines };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

function impossible(line: string): DeepVerdict {
  return { verdict: 'impossible', lines: [line] };
}

/** An instrument as before anything was known beside its bars. */
function barsAlone({ bars }: Instrument): Instrument {
  return { bars: { ...bars, takerBuyVolume: new Float64Array(bars.length).fill(NaN) }, series: NO_SERIES };
}

function otherData({ data_hash, sources = [] }: DirectionManifest, { folder, series }: DeepVerification): string {
  const names = sources.filter((name) => name !== 'taker_buy_volume');
  const other =
    names.length === 0 ? '' : ` It learned from series too (${names.join(', ')}): --series ${series ?? '<folder>'}.`;
  return (
    `the bars of ${folder ?? 'this installation'} do not have its data hash ${data_hash.slice(0, 12)}…: ` +
    `they are gone or changed. --data <folder> names others.${other}`
  );
}

/** Most important first. @param again folder of the bundle that was trained again */
function differences(path: string, given: DirectionManifest, again: string, made: DirectionManifest): string[] {
  const isSame = (file: string): boolean =>
    readFileSync(pathInside(path, file)).equals(readFileSync(pathInside(again, file)));
  const model = isSame(DIRECTION_FILE) ? [] : [`${DIRECTION_FILE}: other bytes`];
  const ofManifest = Object.keys({ ...given, ...made })
    .filter((key) => !OWN.includes(key))
    .flatMap((key) => compareValues(key, given[key as keyof DirectionManifest], made[key as keyof DirectionManifest]));
  const report = isSame(DIRECTION_REPORT) ? [] : [`${DIRECTION_REPORT} differs`];
  return [...model, ...ofManifest, ...report];
}
