import { join } from 'node:path';
import { INSTRUMENT_WINDOWS } from '../../core/features/instrument/definitions.ts';
import { replaceDurably, writeDurably } from '../../durable_file.ts';
import { MinutehandError } from '../../errors.ts';
import { MACHINE_FILES } from '../../files.ts';
import { barSecondsOf, parseInstrument } from '../../pair.ts';
import { instrumentStrategy, type FormulaStrategy } from '../../policy/strategy_file.ts';
import type { FileSystem } from '../../ports.ts';
import { sha256Hex } from '../../sha256.ts';
import { writeVersion } from '../bundle.ts';
import { instrumentSchema } from '../feature_schema.ts';
import { parseManifestFile, readBundleFile } from '../manifest_file.ts';
import { checkSignature, keyName, SIGNATURE_FILE, signatureText, signingKey, trustedKeys } from '../signature.ts';
import { FileRuleFormulas, type RuleOfFormulas } from './rule_formulas.ts';
import { RULE_FORMAT, RULE_REPORT, ruleManifestSchema, type RuleManifest } from './rule_manifest.ts';
import { HASH_DIGITS } from '../version_name.ts';

const MANIFEST = 'manifest.json';
/** Hexadecimal digits of the strategy's hash in a version. */

export interface RuleContent {
  readonly manifest: Omit<RuleManifest, 'format' | 'version' | 'created' | 'files' | 'feature_schema'>;
  /** Plain JSON: all figures of its judgement. */
  readonly report: unknown;
}

/** The rule of a strategy file. */
export interface FileRule extends RuleOfFormulas {
  readonly manifest: RuleManifest;
}

/** Hash of the hand-written features that rules of an instrument read. */
function ruleFeatureSchema(instrument: string): string {
  return instrumentSchema(INSTRUMENT_WINDOWS, barSecondsOf(parseInstrument(instrument))).hash;
}

/** @param modelsHash SHA-256 of the manifest */
export function fileRule(manifest: RuleManifest, modelsHash: string, strategy: FormulaStrategy): FileRule {
  const rule: FileRule = {
    manifest,
    modelsHash,
    strategy,
    createFormulas: (barSeconds) => new FileRuleFormulas(rule, barSeconds),
  };
  return rule;
}

/** Writes a rule with its verdicts, whole or not at all, signed when there is a key. @returns its folder */
export function writeRuleBundle(
  folder: string,
  created: Date,
  content: RuleContent,
  files: FileSystem = MACHINE_FILES,
): string {
  const hash = sha256Hex(JSON.stringify(content.manifest.strategy)).slice(0, HASH_DIGITS);
  return writeVersion(
    folder,
    created,
    (draft, version) => {
      const report = Buffer.from(`${JSON.stringify(content.report)}\n`);
      writeDurably(files, join(draft, RULE_REPORT), report);
      const manifest: RuleManifest = {
        format: RULE_FORMAT,
        version,
        created: created.toISOString(),
        ...content.manifest,
        feature_schema: ruleFeatureSchema(content.manifest.instrument),
        files: { [RULE_REPORT]: { sha256: sha256Hex(report), bytes: report.length } },
      };
      const bytes = Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`);
      writeDurably(files, join(draft, MANIFEST), bytes);
      const key = signingKey();
      if (key !== null) writeDurably(files, join(draft, SIGNATURE_FILE), signatureText(bytes, key));
    },
    { hash, summary: null },
    files,
  );
}

/**
 * Reads and verifies a rule: signature, hashes, schema of the features, and its formulas.
 * @throws MinutehandError MODEL_MISSING, MODEL_SIGNATURE, MODEL_MANIFEST, MODEL_HASH, MODEL_SCHEMA
 */
export function readRuleBundle(folder: string, files: FileSystem = MACHINE_FILES): FileRule {
  return readContent(folder, files, (bytes) => checkSignature(folder, bytes, files, trustedKeys()));
}

/** All figures of the judgement of a rule, which has been verified. @throws MinutehandError MODEL_FILE; Error */
export function readRuleReport(folder: string): unknown {
  return JSON.parse(readBundleFile(join(folder, RULE_REPORT), 'content', MACHINE_FILES).toString('utf8'));
}

/**
 * Signs a rule with MINUTEHAND_SIGNING_KEY and replaces a present signature. Its files are checked first.
 * @returns the name of the key
 * @throws MinutehandError KEY_UNUSABLE; as readRuleBundle
 */
export function signRuleBundle(folder: string): string {
  const key = signingKey();
  if (key === null) throw new MinutehandError('KEY_UNUSABLE', { seen: 'MINUTEHAND_SIGNING_KEY is not set' });
  readContent(folder, MACHINE_FILES, () => undefined);
  const bytes = readBundleFile(join(folder, MANIFEST), 'manifest', MACHINE_FILES);
  replaceDurably(MACHINE_FILES, join(folder, SIGNATURE_FILE), signatureText(bytes, key));
  return keyName(key);
}

function readContent(folder: string, files: FileSystem, checkAuthor: (manifest: Buffer) => void): FileRule {
  const path = join(folder, MANIFEST);
  const bytes = readBundleFile(path, 'manifest', files);
  checkAuthor(bytes);
  const manifest = parseManifestFile(path, bytes, ruleManifestSchema);
  const seen = sha256Hex(readBundleFile(join(folder, RULE_REPORT), 'content', files));
  const expected = manifest.files[RULE_REPORT].sha256;
  if (seen !== expected)
    throw new MinutehandError('MODEL_HASH', {
      seen: `${join(folder, RULE_REPORT)} has ${seen.slice(0, 12)}…`,
      expected: `${expected.slice(0, 12)}…`,
    });
  const schema = ruleFeatureSchema(manifest.instrument);
  if (manifest.feature_schema !== schema)
    throw new MinutehandError('MODEL_SCHEMA', {
      seen: `feature schema ${manifest.feature_schema} in ${folder}`,
      expected: schema,
    });
  return fileRule(manifest, sha256Hex(bytes), instrumentStrategy(manifest.strategy, path));
}
