import { join } from 'node:path';
import * as z from 'zod';
import { writeVersion } from '../shared/bundle/bundle.ts';
import { parseManifestFile, readBundleFile } from '../shared/bundle/manifest_file.ts';
import { ruleFolder } from '../shared/bundle/rule/active_rule.ts';
import { RULE_REPORT } from '../shared/bundle/rule/rule_manifest.ts';
import type { PairRuleBar, PairRuleFormulas, PairRuleModel, PairRuleStep } from '../shared/bundle/rule/rule_model.ts';
import type { OpenTime } from '../shared/bar.ts';
import type { PairReading } from '../shared/core/formula/bar_inputs.ts';
import { agePosition, FLAT, openPosition, type Position, type Side } from '../shared/core/position/position.ts';
import { replaceDurably } from '../shared/durable_file.ts';
import { MinutehandError } from '../shared/errors.ts';
import { PAIR_ID } from '../shared/pair.ts';
import type { FileSystem } from '../shared/ports.ts';
import { sha256Hex } from '../shared/sha256.ts';

/** What a simulated strategy over pairs reads at the close of a bar. */
export interface RatioBar {
  /** Close of leg A over that of leg B, of the complete bars so far, the newest last. */
  readonly ratios: readonly number[];
  readonly z: number;
}

/** A strategy over pairs in source code, as a user writes one. */
export interface RatioStrategy {
  /** Bars that it looks back. */
  readonly lookBack: number;
  readonly maxAgeBars: number;
  /** The side that it enters; 0: none. */
  entry(bar: RatioBar): number;
  /** Whether it leaves a position of this side. */
  exits(bar: RatioBar, side: number): boolean;
}

/** Relative change of the ratio over so many bars. */
function change({ ratios }: RatioBar, bars: number): number {
  return (ratios.at(-1) ?? NaN) / (ratios.at(-1 - bars) ?? NaN) - 1;
}

/** Each enters often within the minutes of a world. */
export const RATIO_STRATEGIES: readonly RatioStrategy[] = [
  {
    lookBack: 5,
    maxAgeBars: 6,
    entry(bar) {
      const move = change(bar, 5);
      return Math.abs(move) > 0.00002 ? -Math.sign(move) : 0;
    },
    exits: (bar, side) => side * change(bar, 1) > 0.00002,
  },
  {
    lookBack: 1,
    maxAgeBars: 9,
    entry: ({ z: distance }) => (Math.abs(distance) > 0.5 ? -Math.sign(distance) : 0),
    exits: ({ z: distance }, side) => side * distance >= 0,
  },
  { lookBack: 12, maxAgeBars: 2, entry: (bar) => (change(bar, 12) > 0 ? 1 : -1), exits: () => false },
];

const FORMAT = 'minutehand.simulated_pair_rule/1';
const MANIFEST = 'manifest.json';

const manifestSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.string(),
  market: z.enum(['live', 'simulated']),
  instrument: z.string().regex(PAIR_ID),
  feature_schema: z.string(),
  /** Index in `RATIO_STRATEGIES`. */
  strategy: z.int().min(0).lt(RATIO_STRATEGIES.length),
  edge: z.strictObject({ no_edge: z.boolean() }),
  files: z.strictObject({ [RULE_REPORT]: z.strictObject({ sha256: z.string() }) }),
});
type Manifest = z.infer<typeof manifestSchema>;

/** A rule of a pair as it stands in a folder. */
export interface RatioRule extends PairRuleModel {
  readonly manifest: Manifest;
}

export type RatioContent = Pick<Manifest, 'instrument' | 'strategy' | 'edge'>;

/** Writes the bundle of a rule of a pair, whole or not at all. @returns its folder */
export function writeRatioRule(models: string, created: Date, content: RatioContent, files: FileSystem): string {
  return writeVersion(
    ruleFolder(models),
    created,
    (draft, version) => {
      const report = '{}\n';
      replaceDurably(files, join(draft, RULE_REPORT), report);
      const manifest: Manifest = {
        format: FORMAT,
        version,
        market: 'live',
        feature_schema: '',
        ...content,
        files: { [RULE_REPORT]: { sha256: sha256Hex(report) } },
      };
      replaceDurably(files, join(draft, MANIFEST), JSON.stringify(manifest));
    },
    '',
    files,
  );
}

/** Whether a folder has the bundle of a rule of a pair; false where its manifest cannot be read. */
export function isRatioRule(folder: string, files: FileSystem): boolean {
  try {
    const text = readBundleFile(join(folder, MANIFEST), 'manifest', files).toString('utf8');
    return (JSON.parse(text) as Manifest).format === FORMAT;
  } catch {
    return false;
  }
}

/** Reads and verifies the rule of a pair. @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST, MODEL_HASH */
export function readRatioRule(folder: string, files: FileSystem): RatioRule {
  const path = join(folder, MANIFEST);
  const bytes = readBundleFile(path, 'manifest', files);
  const manifest = parseManifestFile(path, bytes, manifestSchema);
  const seen = sha256Hex(readBundleFile(join(folder, RULE_REPORT), 'content', files));
  const expected = manifest.files[RULE_REPORT]!.sha256;
  if (seen !== expected) throw new MinutehandError('MODEL_HASH', { seen, expected });
  const rule: RatioRule = {
    manifest,
    modelsHash: sha256Hex(bytes),
    strategy: { name: 'ratio', entryLong: null, entryShort: null, exit: null },
    createFormulas: () => new RatioFormulas(rule),
  };
  return rule;
}

/** Keeps as many ratios as the strategy looks back, as a user's code does. */
class RatioFormulas implements PairRuleFormulas {
  readonly rule: RatioRule;
  readonly warmUpBars: number;
  readonly maxAgeBars: number;
  readonly #strategy: RatioStrategy;
  readonly #ratios: number[] = [];

  constructor(rule: RatioRule) {
    this.rule = rule;
    this.#strategy = RATIO_STRATEGIES[rule.manifest.strategy]!;
    this.warmUpBars = this.#strategy.lookBack + 1;
    this.maxAgeBars = this.#strategy.maxAgeBars;
  }

  get isWarm(): boolean {
    return this.#ratios.length === this.warmUpBars;
  }

  step({ a, b }: PairReading): void {
    this.#ratios.push(a.close / b.close);
    if (this.#ratios.length > this.warmUpBars) this.#ratios.shift();
  }

  /** Orders of a person, news and a missing edge are left to the daemon. */
  decide(position: Position, { frame }: PairRuleBar, id: string, time: OpenTime): PairRuleStep {
    const bar: RatioBar = { ratios: this.#ratios, z: frame.z };
    if (position.side === 0) {
      const side = this.#strategy.entry(bar) as Side;
      if (side === 0) return { action: 'HOLD', reason: 'NO_SETUP', position };
      return { action: 'ENTER', reason: 'ENTRY', position: openPosition(side, id, time, frame) };
    }
    const aged = agePosition(position);
    if (this.#strategy.exits(bar, aged.side)) return { action: 'EXIT', reason: 'Z_EXIT', position: FLAT };
    if (aged.ageBars >= this.maxAgeBars) return { action: 'EXIT', reason: 'MAX_AGE', position: FLAT };
    return { action: 'HOLD', reason: 'IN_POSITION', position: aged };
  }

  explain(): ReturnType<PairRuleFormulas['explain']> {
    return { entries: [], exits: [] };
  }
}
