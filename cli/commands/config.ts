import type { FeatureFormula } from '../../shared/policy/feature_file.ts';
import type { Command } from 'commander';
import { describeError } from '../../shared/errors.ts';
import { effectWords } from '../../shared/policy/applies.ts';
import { inspectSettings, loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { nearConfiguredWarnings } from '../../shared/policy/near_configured.ts';
import { setAside, setAsideText } from '../../shared/policy/set_aside.ts';
import { problemsError } from '../../shared/policy/problem.ts';
import { checkEnvironment } from '../environment_check.ts';
import { configOf, configOption } from '../config_option.ts';
import type { Output } from '../output.ts';
import { maskSecretsIn } from '../../shared/secrets.ts';

interface ConfigFlags {
  readonly config?: string;
}

export function addConfig(program: Command, output: () => Output): void {
  const config = program
    .command('config')
    .description(
      'config/*.yaml, or the folder MINUTEHAND_CONFIG names; docs/reference/CONFIGURATION.md explains every key.',
    );
  config
    .command('check')
    .description('lists every problem of files and environment variables')
    .addOption(configOption())
    .action((flags: ConfigFlags) => check(flags, output()));
  config
    .command('show')
    .description('the values in effect, environment variables included, and when a changed one takes effect')
    .addOption(configOption())
    .action((flags: ConfigFlags) => show(flags, output()));
}

async function check({ config }: ConfigFlags, output: Output): Promise<void> {
  const { settings, problems } = inspectSettings(configOf(config));
  const environment = checkEnvironment();
  // The folder that a person edits is checked as well where an approved change is in effect in its place.
  const aside = settings === null ? null : setAside(settings);
  const earlyWarnings = [...environment.warnings, ...(aside === null ? [] : [setAsideText(aside)])];
  for (const warning of earlyWarnings) output.note(`warning: ${warning}`);
  const all = [...problems, ...environment.problems, ...(aside?.problems ?? [])];
  if (settings === null || all.length > 0) throw problemsError(all);
  const { sources, policyHash, minutehand, formulas, instrumentFormulas } = settings;
  output.line(
    `The configuration in ${sources.configDir} is valid. Market: ${minutehand.market}. policy_hash ${policyHash}`,
  );
  if (sources.delivered.length > 0)
    output.line(`Not in the files, delivered values apply: ${sources.delivered.join(', ')}.`);
  if (formulas.length > 0) output.line(`Formulas of the next training: ${formulas.map(namedFormula).join(', ')}.`);
  const ofInstruments = instrumentFormulas.formulas;
  if (ofInstruments.length > 0)
    output.line(`Formulas of the next direction training: ${ofInstruments.map(namedFormula).join(', ')}.`);
  const misspelt = nearConfiguredWarnings(settings);
  for (const warning of misspelt) output.note(`warning: ${warning}`);
  const refused = await trainingWarnings(settings);
  for (const warning of refused) output.note(`warning: ${warning}`);
  const warnings = [...earlyWarnings, ...misspelt, ...refused];
  output.result({
    ok: true,
    config_dir: sources.configDir,
    market: minutehand.market,
    policy_hash: policyHash,
    as_delivered: sources.delivered,
    formulas: formulas.map(({ name }) => name),
    instrument_formulas: ofInstruments.map(({ name }) => name),
    warnings,
  });
}

/** `rank_of_z`, or `gold_momentum (XAUUSD_XAGUSD)` where it is not for all subjects of the strategy. */
function namedFormula({ name, subjects }: FeatureFormula): string {
  return subjects === null ? name : `${name} (${subjects.join(', ')})`;
}

/** The keys of the policy files, and the sections of minutehand.yaml, by when a changed value takes effect. */
function keysByEffect(parts: Readonly<Record<string, object>>): Record<string, string[]> {
  const keys = Object.entries(parts).flatMap(([part, own]) => Object.keys(own).map((key) => `${part}.${key}`));
  const by: Record<string, string[]> = {};
  for (const key of keys) (by[effectWords(key)] ??= []).push(key);
  return by;
}

/** What valid settings ask for together, and no training can do. */
async function trainingWarnings(settings: Settings): Promise<string[]> {
  const { ALL_TRAININGS } = await import('../../trainer/jobs/strategies/registry.ts');
  return ALL_TRAININGS.flatMap((training) => {
    try {
      training.refuseUnusable(settings);
      return [];
    } catch (error) {
      const { code, message, next } = describeError(error);
      return [`the next training would be refused. ${code}: ${message} ${next}`];
    }
  });
}

function show({ config }: ConfigFlags, output: Output): void {
  const { core, retrain, signals, minutehand, formulas, policyHash, sources, ...more } = loadSettings(configOf(config));
  const instrument_formulas = more.instrumentFormulas.formulas;
  const shown = maskSecretsIn({
    core,
    retrain,
    signals,
    minutehand,
    formulas,
    instrument_formulas,
    policyHash,
    sources,
    takes_effect: keysByEffect({ core, retrain, signals, minutehand }),
  });
  output.line(JSON.stringify(shown, null, 2));
  output.result(shown);
}
