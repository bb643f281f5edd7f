import type { Command } from 'commander';
import { keyOf } from '../../shared/bundle/gates/gate_result.ts';
import { gatesText, type RecordedGates } from '../../shared/bundle/recorded_gates.ts';
import { isRuleBundle } from '../../shared/bundle/rule/active_rule.ts';
import { readRuleBundle } from '../../shared/bundle/rule/rule_bundle.ts';
import { ruleVerdicts } from '../../shared/bundle/rule/rule_verdicts.ts';
import { shelfOfFolder } from '../../shared/bundle/shelves/registry.ts';
import { describeError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import type { DeepVerdict } from '../../trainer/jobs/kinds/verify_training.ts';
import { trainingOfShelf } from '../../trainer/jobs/strategies/registry.ts';
import type { StrategyTraining } from '../../trainer/jobs/strategies/strategy_training.ts';
import { configOf } from '../config_option.ts';
import { gitCommit } from '../git_commit.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import type { Output, Progress } from '../output.ts';
import { parseWorkers } from '../period.ts';

const LINES = 20;
const EXIT = { same: 0, different: 1, impossible: 3 } as const;
const WORDS = {
  same: 'trained again, every model and the manifest are the same to the bit.',
  different: 'trained again, it is another bundle:',
  impossible: 'it cannot be trained again:',
};

interface VerifyFlags {
  readonly deep?: boolean;
  readonly data?: string;
  readonly series?: string;
  readonly config?: string;
  readonly workers?: string;
}

export function addModelsVerify(models: Command, output: () => Output, folderOf: (name: string) => string): void {
  models
    .command('verify')
    .argument('<version or path>')
    .option(
      '--deep',
      'trains it again from the bars of its data hash and compares bit for bit; takes as long as training',
    )
    .option('--data <folder>', 'with --deep: bar files it was trained on (default: bars of this installation)')
    .option(
      '--series <folder>',
      'with --deep, of a direction model: folder of its auxiliary series (default: those of the bars)',
    )
    .option(
      '--config <place>',
      'with --deep: configuration it was trained with, a folder or one file with all of it (default: the current one)',
    )
    .option('--workers <n>', 'with --deep: threads (default: one for each core)')
    .description(
      'checks signature, hashes, feature schema and golden answers, as the daemon does, and names gates that do not let it in. Exit code of --deep: 0 same, 1 different, 3 cannot be trained again',
    )
    .action((name: string, flags: VerifyFlags) => verify(folderOf(name), flags, output()));
}

const NO_DEEP_RULE =
  'A rule is not trained: `minutehand strategy judge` or `minutehand evolve` with its seed judges it again on the same bars.';

async function verify(folder: string, flags: VerifyFlags, output: Output): Promise<void> {
  if (isRuleBundle(folder)) {
    const rule = readRuleBundle(folder);
    const { version } = rule.manifest;
    output.line(`${version}: hashes, feature schema and formulas are right (${folder})`);
    const gates = tellGates(ruleVerdicts(rule, homePaths().models), output);
    if (flags.deep !== true) return output.result({ version, path: folder, ok: true, ...gates });
    output.line(`${version}: ${WORDS.impossible}\n  ${NO_DEEP_RULE}`);
    output.result({ version, path: folder, ok: false, deep: 'impossible', differences: [NO_DEEP_RULE] });
    process.exitCode = EXIT.impossible;
    return;
  }
  const shelf = shelfOfFolder(folder);
  const training = trainingOfShelf(shelf.name);
  const settings = loadSettings(configOf(flags.config));
  const version = await training.verify(folder, settings);
  output.line(`${version}: hashes, feature schema and golden answers are right (${folder})`);
  const gates = tellGates(shelf.facts(folder).recorded, output);
  if (flags.deep !== true) return output.result({ version, path: folder, ok: true, ...gates });
  await reportDeep(
    { version, folder },
    (progress) => verifyDeeply(training, folder, flags, { settings, progress }),
    output,
  );
}

/** A bundle whose files are right may not be let in all the same. */
function tellGates({ failed, claims, missing }: RecordedGates, output: Output) {
  const gates = [...failed, ...missing];
  if (gates.length > 0) output.line(`  its gates do not let it in: ${gatesText(gates)}`);
  if (claims.length > 0) output.line(`  it makes no entries: ${gatesText(claims)}`);
  return { failed_gates: [...failed, ...claims].map(keyOf), missing_gates: missing.map(keyOf) };
}

async function verifyDeeply(
  training: StrategyTraining,
  folder: string,
  flags: VerifyFlags,
  { settings, progress }: { readonly settings: Settings; readonly progress: Progress },
): Promise<DeepVerdict> {
  try {
    return await training.verifyDeeply(folder, {
      settings,
      paths: homePaths(),
      folder: flags.data ?? null,
      series: flags.series ?? null,
      workers: parseWorkers(flags.workers, 0),
      gitCommit: gitCommit(),
      onProgress: (stage, done, total) => progress.update(stage, done, total),
    });
  } catch (error) {
    const { code, message, next } = describeError(error);
    return { verdict: 'impossible', lines: [`${code}: ${message} ${next}`] };
  }
}

/** Trains a bundle again, and prints how it compares. */
async function reportDeep(
  { version, folder }: { readonly version: string; readonly folder: string },
  verify: (progress: Progress) => Promise<DeepVerdict>,
  output: Output,
): Promise<void> {
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => ['Nothing was changed.'] });
  const { verdict, lines } = await verify(progress).finally(() => progress.stop());
  output.line(`${version}: ${WORDS[verdict]}`);
  for (const line of lines.slice(0, LINES)) output.line(`  ${line}`);
  if (lines.length > LINES) output.line(`  and ${lines.length - LINES} more (--json has all)`);
  output.result({ version, path: folder, ok: verdict === 'same', deep: verdict, differences: lines });
  process.exitCode = EXIT[verdict];
}
