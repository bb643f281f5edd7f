import { MODEL_TYPES, modelsOf, type ModelType, type ShelfName } from '../../shared/strategies/registry.ts';
import { basename, dirname, join, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import {
  folderOfRule,
  isRuleBundle,
  readActiveRule,
  ruleFolder,
  takeInRule,
} from '../../shared/bundle/rule/active_rule.ts';
import { signRuleBundle } from '../../shared/bundle/rule/rule_bundle.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { spellRuled } from '../../shared/policy/ruled_subject.ts';
import { ruleShadows, servedRules } from '../../trainer/control/rules/kept_rules.ts';
import { listRuleBundles } from '../rule_bundles.ts';
import { showRule } from '../strategy/show_rule.ts';
import type { ActivePointer } from '../../shared/bundle/pointer.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import { trainerMarks, trainerMarksOf } from '../../shared/bundle/pointer_marks.ts';
import { withRegistry } from '../../trainer/control/registry/outcome.ts';
import {
  LossFinder,
  lossText,
  recoverAdmitted,
  recoverLostModels,
  restoreRule,
  recoveredNotice,
  type LostPlace,
} from '../../trainer/control/registry/recover_lost.ts';
import { restoredFilesTexts, restoreHomeFiles } from '../../trainer/control/recovery/kept_home.ts';
import { notify } from '../../trainer/control/notify/outbox.ts';
import { openStore, storeUrl } from '../../trainer/store/store.ts';
import type { Recovery } from '../../trainer/control/registry/registry.ts';
import { registeredShelf } from '../../shared/bundle/shelf_name.ts';
import {
  ALL_SHELVES,
  readActiveOfSlot,
  shelfNamed,
  shelfOfFolder,
  shelfOfSlot,
} from '../../shared/bundle/shelves/registry.ts';
import type { ActivationCause } from '../../trainer/control/registry/registry_rows.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { oneLine } from '../../shared/one_line.ts';
import { barSecondsOf, parseSubject, timeframeOf, type Timeframe } from '../../shared/pair.ts';
import { homePaths } from '../../shared/home.ts';
import { followInMetadata } from '../../trainer/control/registry/metadata_views.ts';
import { bundleByName } from '../bundle_name.ts';
import { ALL_COMMANDS, commandsOfShelf } from '../strategies/registry.ts';
import { endPartly, type Output } from '../output.ts';
import { claimsText, gatesText } from '../../shared/bundle/recorded_gates.ts';
import type { BundleFacts } from '../../shared/bundle/shelves/bundle_shelf.ts';
import { pathInside } from '../../shared/path_name.ts';
import { directionShadows, readShadow, shadowPointer } from '../../shared/bundle/shadow_pointer.ts';
import {
  activateAdmitted,
  endRuleShadow,
  endShadow,
  setRuleShadow,
  setShadow,
  type ActivatingDoor,
} from '../../shared/bundle/admission/activation.ts';
import { admit, type Admitted, type Override } from '../../shared/bundle/admission/admission.ts';
import { admissionPlace } from '../admission_place.ts';
import { shownStanding, standingRejections } from '../../trainer/control/admission/standing.ts';
import { modelProblems } from '../status/model_findings.ts';
import { despiteGatesOption, overrideOf, reasonOption, type OverrideFlags } from '../override_option.ts';
import { timeframeOption } from '../timeframe_option.ts';
import { addModelsDelivery } from './models_delivery.ts';
import { addModelsImport } from './models_import.ts';
import { addModelsVerify } from './models_verify.ts';
import { addModelsResume, tellHalts } from './models_resume.ts';
import { whenUnlocked } from '../../shared/process/home_lock.ts';
import {
  directionSlot,
  isRuleSlot,
  parseSlot,
  subjectOfRule,
  type ModelSlotId,
  type SlotId,
  ruleSlot,
} from '../../shared/subject/slot.ts';
import { slotOfTimeframe, targetIn, timeframeOfSlot } from '../../shared/subject/written_names.ts';
import { filesOf } from '../../shared/bundle/slot_files.ts';

export function addModels(program: Command, output: () => Output): void {
  const models = program
    .command('models')
    .description(
      'Bundles are in models/, or $MINUTEHAND_HOME/models; models/active.json names the active one. The registry in the store keeps the bytes of each that was registered.',
    );
  models
    .command('list')
    .description(
      'all versions of pairs, of direction models and of rules, oldest first; * is an active one, s a shadow',
    )
    .action(() => list(output()));
  models
    .command('show')
    .argument('<version or path>')
    .description('the card of a bundle: origin, metrics, edge per pair')
    .action((name: string) => show(name, output()));
  addModelsVerify(models, output, bundleFolder);
  models
    .command('promote')
    .argument('<version or path>')
    .addOption(despiteGatesOption())
    .addOption(reasonOption())
    .description(
      'verifies a bundle, refuses failed or unknown gates, and makes it the active one; a running daemon swaps it in between two bars. A bundle of another market, timeframe or feature schema is always refused',
    )
    .action((name: string, flags: OverrideFlags) => promote(name, overrideOf(flags), output()));
  models
    .command('shadow')
    .argument('[version or path]', 'or `off`; without it: prints the shadows')
    .addOption(timeframeOption('--direction <timeframe>', 'with `off`: of the direction models of a timeframe'))
    .option('--rule <instrument>', 'with `off`: of the rule of an instrument, such as BTCUSDT@1h')
    .description(
      'verifies a bundle, of pairs, of a direction model or of a rule, that a running daemon then answers by, journaled and never published; the pairs, each timeframe and the rules of each instrument may have one',
    )
    .action((name: string | undefined, flags: ShadowFlags) => shadow(name, flags, output()));
  models
    .command('sign')
    .argument('<version or path>')
    .description('signs a bundle with MINUTEHAND_SIGNING_KEY; new bundles are signed when they are made')
    .action((name: string) => signOne(name, output()));
  models
    .command('rollback')
    .addOption(timeframeOption('--direction <timeframe>', 'of the direction model of a timeframe'))
    .option('--rule <instrument>', 'of the rule of an instrument, such as BTCUSDT@1h')
    .addOption(despiteGatesOption())
    .addOption(reasonOption())
    .description(
      'makes the predecessor of the active version active again; what was active before needs no override for its gates',
    )
    .action((flags: RollbackFlags) => rollback(flags, output()));
  models
    .command('recover')
    .argument('[version]', 'the bundle to restore; without it, all of the registry, and pointers that are lost')
    .addOption(
      new Option(
        '--lost',
        'only when models in use are lost or damaged, as daemon and trainer do by themselves: no failed gate is accepted without the override of a person',
      ),
    )
    .description(
      'restores lost or damaged bundles from the registry, byte for byte, and lost pointers: of active models, shadows, rules and the rollout',
    )
    .action((version: string | undefined, flags: { lost?: boolean }) =>
      flags.lost === true ? recoverLost(version, output()) : recover(version, output()),
    );
  models
    .command('note')
    .argument('<version>')
    .argument('<text>')
    .addOption(new Option('--model <type>', 'of one model only').choices(MODEL_TYPES))
    .description('writes notes on a bundle, or one of its models, into model_registry')
    .action((version: string, text: string, flags: { model?: ModelType }) => note(version, text, flags, output()));
  addModelsImport(models, output);
  addModelsResume(models, output);
  addModelsDelivery(models, output, promote);
}

async function note(version: string, text: string, flags: { model?: ModelType }, output: Output): Promise<void> {
  const shelf = (await shelfOfRegistered(version)) ?? 'pairs';
  const own = modelsOf(shelfNamed(shelf).strategy);
  if (flags.model !== undefined && !own.includes(flags.model))
    throw new MinutehandError('USAGE', {
      seen: `--model ${flags.model} of ${version}`,
      expected: `a model of it: ${own.join(', ')}`,
    });
  const types = flags.model === undefined ? own : [flags.model];
  await withRegistry(process.env, homePaths(), (registry) => registry.note(version, types, text), shelf);
  output.written({ target: version, after: { models: types, notes: text } });
  output.line(`${version}: noted for ${types.join(', ')}.`);
  output.result({ version, models: types, notes: text });
}

/** The folder of a bundle that is named by its version or its path. @throws MinutehandError MODEL_MISSING */
function bundleFolder(name: string): string {
  const { models } = homePaths();
  return bundleByName([...ALL_SHELVES.map((shelf) => shelf.folder(models)), ruleFolder(models)], name);
}

async function list(output: Output): Promise<void> {
  const paths = homePaths();
  const { models } = paths;
  const bundles: Readonly<Record<string, unknown>> = Object.assign(
    {},
    ...ALL_COMMANDS.map((own) => own.list(models, output)),
  );
  const rule_bundles = listRuleBundles(models, output);
  const rule = servedRules(models);
  const problems = modelProblems(loadSettings(), paths, await standingRejections(paths));
  for (const { text, next } of problems) output.line(`✗ ${text}\n    → ${next}`);
  const halts = tellHalts(models, output);
  output.result({ models, ...bundles, rule, rule_bundles, problems: problems.map(shownStanding), halts });
}

function show(name: string, output: Output): void {
  const folder = bundleFolder(name);
  if (isRuleBundle(folder)) return showRule(folder, output);
  commandsOfShelf(shelfOfFolder(folder).name).show(folder, output);
}

async function promote(name: string, override: Override | null, output: Output): Promise<void> {
  const place = admissionPlace();
  const folder = bundleFolder(name);
  const admitted = await admit(place, { door: 'promotion', folder, override });
  await whenUnlocked(() => takeInFolder(folder, admitted, place.paths.models));
  await makeActive(admitted, 'promoted', override, output);
}

/** Copies an admitted bundle into the models folder when it is not there. */
function takeInFolder(folder: string, { version }: Admitted, models: string): void {
  if (isRuleBundle(folder)) takeInRule(folder, models);
  else shelfOfFolder(folder).takeIn(folder, version, models);
}

async function makeActive(
  admitted: Admitted<ActivatingDoor>,
  cause: 'promoted' | 'rolled_back',
  override: Override | null,
  output: Output,
): Promise<void> {
  const { version, slot, despite } = admitted;
  const { previous } = await whenUnlocked(() => activateAdmitted(admitted, homePaths()));
  const shelf = registeredShelf(admitted.slot);
  if (shelf !== null) await tellRegistry(cause, shelf, output);
  const before = previous === null ? '' : ` (before: ${previous})`;
  const what = activeText(slot);
  output.line(`${what}: ${version}${before}. A running daemon swaps it in between two bars.`);
  if (despite !== null)
    output.note(`Active despite failed gates (${gatesText(despite.gates)}). Reason: ${oneLine(despite.reason)}`);
  else if (override !== null)
    output.note('No gate of it vetoes serving: --despite-gates was not needed, and is not recorded.');
  const served = shelf === null ? null : claimsText(factsOf(shelf, version).recorded.claims);
  if (served !== null) output.note(served);
  output.written({
    target: targetIn(slot, version),
    before: { version: previous },
    after: { version, despite_gates: despite },
  });
  output.result({ version, previous, ...answeredBy(slot), ...(despite !== null && { despite_gates: despite }) });
}

function factsOf(shelf: ShelfName, version: string): BundleFacts {
  const own = shelfNamed(shelf);
  return own.facts(pathInside(own.folder(homePaths().models), version));
}

/** What the result says of a slot; the timeframe of a rule is that of its bars. */
function answeredBy(id: SlotId): { readonly timeframe?: Timeframe; readonly rule?: string } {
  const slot = parseSlot(id);
  if (slot.strategy === 'direction') return { timeframe: slot.timeframe };
  if (slot.strategy !== 'rule') return {};
  return { timeframe: timeframeOf(barSecondsOf(parseSubject(slot.subject))), rule: slot.subject };
}

function activeText(id: SlotId): string {
  const slot = parseSlot(id);
  if (slot.strategy === 'rule') return `Served rule of ${slot.subject}`;
  return slot.strategy === 'direction' ? `Active direction model of ${slot.timeframe}` : 'Active';
}

interface ShadowFlags {
  readonly direction?: Timeframe;
  readonly rule?: string;
}

async function shadow(name: string | undefined, flags: ShadowFlags, output: Output): Promise<void> {
  const [flag] = Object.entries(flags);
  if (name !== 'off' && flag !== undefined)
    throw new MinutehandError('USAGE', {
      seen: `--${flag[0]} ${flag[1]} without \`off\``,
      expected: 'a version alone: its bundle names its timeframe, or its instrument',
    });
  if (flags.direction !== undefined && flags.rule !== undefined)
    throw new MinutehandError('USAGE', { seen: '--direction with --rule', expected: 'one of them' });
  if (name === undefined) return printShadows(output);
  if (flags.rule !== undefined) return stopRuleShadow(flags.rule, output);
  if (name === 'off') return stopShadow(slotOfTimeframe(flags.direction), output);
  const { models } = homePaths();
  const admitted = await takeInShadow(name);
  const { version, slot } = admitted;
  if (isRuleSlot(slot)) return shadowRule(admitted, output);
  const before = await whenUnlocked(() => setShadow(admitted, models, MACHINE_FILES, shadowMarks(slot)));
  writtenShadow(slot, before, version, output);
  output.line(
    `${shadowTitle(slot)}: ${version}. A running daemon lets it score in shadow; its answers go to the journal only.`,
  );
}

async function shadowRule(admitted: Admitted<'shadow'>, output: Output): Promise<void> {
  const instrument = subjectOfRule(admitted.slot);
  const before = await whenUnlocked(() => setRuleShadow(admitted, homePaths()));
  const { version } = admitted;
  output.written({ target: `rule ${version}`, before: { version: before }, after: { version } });
  output.line(
    `Rule in shadow of ${instrument}: ${version}. A running daemon answers by it along; its answers go to the journal only.`,
  );
  output.result({ version, rule: instrument });
}

async function stopRuleShadow(given: string, output: Output): Promise<void> {
  const instrument = spellRuled(given, loadSettings());
  const before = await whenUnlocked(() => endRuleShadow(instrument, homePaths()));
  output.written({ target: `rule ${instrument}`, before: { version: before }, after: { version: null } });
  output.line(`No rule in shadow of ${instrument} any more.`);
  output.result({ version: null, rule: instrument });
}

async function stopShadow(slot: ModelSlotId, output: Output): Promise<void> {
  const { models } = homePaths();
  const before = await whenUnlocked(() => endShadow(slot, models, MACHINE_FILES, shadowMarks(slot)));
  writtenShadow(slot, before, null, output);
  output.line(slot === 'pairs' ? 'No shadow models any more.' : `No shadow of ${slot} any more.`);
}

function printShadows(output: Output): void {
  const { models } = homePaths();
  const version = readShadow(models, 'pairs');
  const direction = directionShadows(models);
  output.line(version === null ? 'No shadow models.' : `${shadowTitle('pairs')}: ${version}`);
  for (const [timeframe, own] of Object.entries(direction))
    output.line(`${shadowTitle(directionSlot(timeframe as Timeframe))}: ${own}`);
  const rule = ruleShadows(models);
  for (const [instrument, own] of Object.entries(rule)) output.line(`Rule in shadow of ${instrument}: ${own}`);
  output.result({ version, direction, rule });
}

function writtenShadow(slot: ModelSlotId, before: string | null, version: string | null, output: Output): void {
  const timeframe = timeframeOfSlot(slot);
  const target = targetIn(slot, version ?? timeframe ?? 'none');
  output.written({ target, before: { version: before }, after: { version } });
  output.result(timeframe === null ? { version } : { version, timeframe });
}

const shadowTitle = (slot: ModelSlotId): string => (slot === 'pairs' ? 'Shadow' : `Shadow of ${slot}`);

function shadowMarks(slot: ModelSlotId) {
  return trainerMarksOf(shadowPointer(slot), homePaths());
}

async function takeInShadow(name: string): Promise<Admitted<'shadow'>> {
  const place = admissionPlace();
  const folder = bundleFolder(name);
  const admitted = await admit(place, { door: 'shadow', folder });
  await whenUnlocked(() => takeInFolder(folder, admitted, place.paths.models));
  return admitted;
}

async function signOne(name: string, output: Output): Promise<void> {
  const paths = homePaths();
  const folder = bundleFolder(name);
  const key = signFolder(folder);
  const version = basename(folder);
  const shelf = ALL_SHELVES.find((one) => resolve(dirname(folder)) === resolve(one.folder(paths.models)));
  if (shelf !== undefined) await withRegistry(process.env, paths, (registry) => registry.register(version), shelf.name);
  output.written({ target: version, after: { key } });
  output.line(`${version} is signed by ${key}.`);
  output.result({ version, path: folder, key });
}

function signFolder(folder: string): string {
  return isRuleBundle(folder) ? signRuleBundle(folder) : shelfOfFolder(folder).sign(folder);
}

type RollbackFlags = OverrideFlags & { readonly direction?: Timeframe; readonly rule?: string };

async function rollback(flags: RollbackFlags, output: Output): Promise<void> {
  const { models } = homePaths();
  const slot = slotOfTimeframe(flags.direction);
  const override = overrideOf(flags);
  if (flags.rule !== undefined) return rollbackRule(flags, flags.rule, output);
  const marks = trainerMarks(homePaths(), filesOf(models, slot).active.name);
  const earlier = predecessor(readActiveOfSlot(models, slot, marks));
  const folder = join(shelfOfSlot(slot).folder(models), earlier);
  const admitted = await admit(admissionPlace(), { door: 'rollback', folder, override });
  await makeActive(admitted, 'rolled_back', override, output);
}

async function rollbackRule(flags: RollbackFlags, given: string, output: Output): Promise<void> {
  const paths = homePaths();
  if (flags.direction !== undefined)
    throw new MinutehandError('USAGE', { seen: '--direction with --rule', expected: 'one of them' });
  const instrument = spellRuled(given, loadSettings());
  const { name } = filesOf(paths.models, ruleSlot(instrument)).active;
  const earlier = predecessor(readActiveRule(paths.models, instrument, trainerMarks(paths, name)));
  const override = overrideOf(flags);
  const folder = folderOfRule(paths.models, earlier);
  const admitted = await admit(admissionPlace(), { door: 'rollback', folder, override });
  await makeActive(admitted, 'rolled_back', override, output);
}

function predecessor(active: ActivePointer | null): string {
  if (active === null || active.previous === null)
    throw new MinutehandError('MODEL_MISSING', { seen: 'no earlier version to roll back to' });
  return active.previous;
}

/** An activation is final: a registry that cannot be reached follows when the trainer starts next. */
async function tellRegistry(cause: ActivationCause, shelf: ShelfName, output: Output): Promise<void> {
  try {
    await withRegistry(process.env, homePaths(), (registry) => registry.mend(cause), shelf);
  } catch (error) {
    const { code, message } = describeError(error);
    output.note(`The registry is not updated yet (${code}: ${message}). The trainer updates it at its next start.`);
  }
  followInMetadata(homePaths().models, (text) => output.note(text));
}

/** Where the registry has a version: the first shelf that has it; null: none has. */
async function shelfOfRegistered(version: string): Promise<ShelfName | null> {
  const has = (shelf: ShelfName): Promise<boolean> =>
    withRegistry(process.env, homePaths(), async (registry) => (await registry.find(version)) !== undefined, shelf);
  for (const { name } of ALL_SHELVES) if (await has(name)) return name;
  return null;
}

/** Of no shelf with a registry: a rule. @throws MinutehandError MODEL_MISSING when the store does not have it */
async function recoverRule(version: string, output: Output): Promise<void> {
  const paths = homePaths();
  const store = await openStore(storeUrl(process.env, paths));
  try {
    await restoreRule(version, store, paths);
  } finally {
    await store.close();
  }
  const recovery = { ...NOTHING_RECOVERED, recovered: [version] };
  output.written({ target: version, after: { recovered: [version], activated: [], failed: [] } });
  output.line(`${version}: restored from the registry (${folderOfRule(paths.models, version)})`);
  output.result({ models: paths.models, ...recovery, activated: null, beside: recovery });
}

const NOTHING_RECOVERED: Recovery = { recovered: [], intact: [], failed: [], activated: [] };

async function recover(version: string | undefined, output: Output): Promise<void> {
  const { models } = homePaths();
  const files = await restoreFiles(output);
  const only = version === undefined ? null : await shelfOfRegistered(version);
  if (version !== undefined && only === null) return recoverRule(version, output);
  const recovered = new Map<ShelfName, Recovery>();
  for (const { name } of ALL_SHELVES)
    recovered.set(name, only === null || only === name ? await recoverShelf(name, version, output) : NOTHING_RECOVERED);
  const beside = version === undefined ? await recoverBeside(output) : NOTHING_RECOVERED;
  const all = [...recovered.values(), beside];
  const failed = all.flatMap((own) => own.failed);
  const kept = all.reduce((sum, own) => sum + own.recovered.length + own.intact.length + own.activated.length, 0);
  output.written({
    target: version ?? 'all',
    after: {
      recovered: all.flatMap((own) => own.recovered),
      activated: all.flatMap((own) => own.activated),
      failed: failed.map((one) => one.version),
      ...(files.length > 0 && { files }),
    },
  });
  const { pairs, ...others } = Object.fromEntries(recovered) as Record<ShelfName, Recovery>;
  // At most one bundle of pairs is active.
  output.result({ models, ...pairs, activated: pairs.activated[0] ?? null, ...others, beside, files });
  const missing = failed.map(({ version: lost, error }) => `${lost}: ${error.code}: ${error.message}`);
  if (kept + failed.length === 0) missing.push('The registry has no bundles: nothing is recovered.');
  if (missing.length > 0) endPartly(missing, kept > 0, output);
}

/** Lost shadows, rules and the rollout, as `--lost` does: what a person stopped or replaced does not come back. */
async function recoverBeside(output: Output): Promise<Recovery> {
  const place = lostPlace();
  const recovery = (await recoverLostModels(place, new LossFinder(place))) ?? NOTHING_RECOVERED;
  tellRestored(recovery, output);
  return recovery;
}

/** What a lost machine has left in the store, before the models that its halts keep from trading. */
async function restoreFiles(output: Output): Promise<readonly string[]> {
  const place = lostPlace();
  const restored = await restoreHomeFiles(place, new LossFinder(place));
  for (const text of restoredFilesTexts(restored)) output.line(text);
  return restored.taken;
}

function lostPlace(): LostPlace {
  return { settings: admissionPlace().settings, paths: homePaths(), env: process.env };
}

function tellRestored({ recovered, activated }: Recovery, output: Output): void {
  for (const made of recovered) output.line(`${made}: restored from the registry`);
  for (const active of activated) output.line(`Active: ${active}, according to the registry.`);
}

/** @throws MinutehandError USAGE, STORE_UNUSABLE; as `Registry.recover` */
async function recoverLost(version: string | undefined, output: Output): Promise<void> {
  if (version !== undefined)
    throw new MinutehandError('USAGE', { seen: `--lost with ${version}`, expected: 'one of the two' });
  const place = lostPlace();
  const files = await restoreFiles(output);
  const finder = new LossFinder(place);
  const losses = finder.losses();
  const recovery = (await recoverLostModels(place, finder)) ?? { ...NOTHING_RECOVERED, left: [] };
  const { recovered, activated, failed, left } = recovery;
  const restored = recovered.length + activated.length + files.length;
  if (restored > 0) {
    const after = { recovered, activated, failed: failed.map((one) => one.version) };
    output.written({ target: 'all', after: { ...after, ...(files.length > 0 && { files }) } });
    await tellRecovered(recovery, place);
  }
  for (const { slot, error } of losses) output.line(`${slot} was lost: ${error.code}: ${error.message}`);
  tellRestored(recovery, output);
  if (losses.length === 0) output.line('No models in use are lost.');
  output.result({ models: place.paths.models, losses, ...recovery, files });
  const missing = [
    ...failed.map(({ version: lost, error }) => `${lost}: ${error.code}: ${error.message}`),
    ...left.map(lossText),
  ];
  if (missing.length > 0) endPartly(missing, restored > 0, output);
}

/** The trainer sends it, when it runs. */
async function tellRecovered(recovery: Recovery, { settings, paths, env }: LostPlace): Promise<void> {
  const nowMs = Date.now();
  const store = await openStore(storeUrl(env, paths));
  try {
    const notice = recoveredNotice(recovery, paths.models, nowMs);
    await store.transaction((tx) => notify(tx, { market: settings.minutehand.market, nowMs }, notice));
  } finally {
    await store.close();
  }
}

async function recoverShelf(shelf: ShelfName, version: string | undefined, output: Output): Promise<Recovery> {
  const paths = homePaths();
  const { settings } = admissionPlace();
  const recovery = await withRegistry(
    process.env,
    paths,
    (registry) => recoverAdmitted(registry, { settings, paths }, version, shelf),
    shelf,
  );
  const folder = shelfNamed(shelf).folder(paths.models);
  for (const made of recovery.recovered) output.line(`${made}: restored from the registry (${join(folder, made)})`);
  for (const whole of recovery.intact) output.line(`${whole}: intact, as registered`);
  for (const active of recovery.activated) output.line(`Active: ${active}, according to the registry.`);
  return recovery;
}
