import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { activePath, readActive } from '../../shared/bundle/bundle.ts';
import type { FeatureSchema } from '../../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../../shared/bundle/model_set.ts';
import { MODEL_FILES } from '../../shared/bundle/manifest.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { MarketKind } from '../../shared/signal/signal.ts';

export interface ModelWatchOptions {
  readonly modelsFolder: string;
  readonly schema: FeatureSchema;
  readonly maxRows: number;
  readonly market: MarketKind;
  readonly pollMs: number;
  /** A set that is verified and warm: put it in force between two bars. */
  onReady(set: ModelSet): void;
  /** A bundle was refused; the old models go on. Said once for the same bytes. */
  onRefused(version: string, error: unknown): void;
  /** After a refusal: `active.json` names the set in force again. */
  onWithdrawn(): void;
}

export interface ModelWatch {
  /** Looks now; resolves when what was found is loaded or refused. */
  check(): Promise<void>;
  stop(): Promise<void>;
}

/** Follows `models/active.json`: loads and verifies what it names, away from the bar's way, and never tries refused bytes again. */
export function watchModels(options: ModelWatchOptions): ModelWatch {
  let current = '';
  const refused = new Set<string>();
  let refusalStands = false;
  let checking: Promise<void> | null = null;

  async function look(): Promise<void> {
    if (!existsSync(activePath(options.modelsFolder))) return;
    let version = '(active.json)';
    let seen = '';
    try {
      version = readActive(options.modelsFolder)!.version;
      const folder = join(options.modelsFolder, version);
      seen = fingerprint(folder);
      if (seen === current) {
        if (refusalStands) options.onWithdrawn();
        refusalStands = false;
      }
      if (seen === current || refused.has(seen)) return;
      const set = await loadModelSet(folder, options.schema, options.maxRows);
      await refuseSimulatedModels(set, options.market);
      current = seen;
      refusalStands = false;
      options.onReady(set);
    } catch (error) {
      if (refused.has(seen)) return;
      refused.add(seen);
      refusalStands = true;
      options.onRefused(version, error);
    }
  }

  const check = async (): Promise<void> => {
    checking ??= look().finally(() => {
      checking = null;
    });
    return checking;
  };
  const timer = setInterval(() => void check(), options.pollMs);
  return {
    check,
    async stop() {
      clearInterval(timer);
      await checking;
    },
  };
}

async function refuseSimulatedModels(set: ModelSet, market: MarketKind): Promise<void> {
  if (market !== 'live' || set.manifest.market !== 'simulated') return;
  await set.release();
  throw new MinutehandError('MODEL_SIMULATED', { seen: set.version });
}

/** Which bytes a bundle has, without reading them: a file that is put right again is another fingerprint. */
function fingerprint(folder: string): string {
  const files = ['manifest.json', ...Object.values(MODEL_FILES)].map((name) => {
    const stat = statSync(join(folder, name), { throwIfNoEntry: false });
    return stat === undefined ? 'absent' : `${stat.ino}:${stat.size}:${stat.mtimeMs}`;
  });
  return [folder, ...files].join('|');
}
