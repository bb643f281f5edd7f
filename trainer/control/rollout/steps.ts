import { randomBytes } from 'node:crypto';
import { SECONDS_PER_BAR, type OpenTime } from '../../../shared/bar.ts';
import { isRuleBundle, ruleFolder } from '../../../shared/bundle/rule/active_rule.ts';
import { folderOfVersion } from '../../../shared/bundle/shelves/registry.ts';
import { readAccepted } from '../../../shared/bundle/pointer.ts';
import { trainerMarks, trainerMarksOf } from '../../../shared/bundle/pointer_marks.ts';
import {
  readRollout,
  ROLLOUT_POINTER,
  rolloutSchema,
  whileRolloutLocked,
  writeRollout,
  type Rollout,
} from '../../../shared/bundle/rollout.ts';
import { MACHINE_FILES, isThere } from '../../../shared/files.ts';
import { describeError, MinutehandError } from '../../../shared/errors.ts';
import { hasFullTradingWeek } from '../../../shared/market/trading_week.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { activateAdmitted } from '../../../shared/bundle/admission/activation.ts';
import { admit, checkSame, type AdmissionPlace, type Admitted } from '../../../shared/bundle/admission/admission.ts';
import { liveEvidence } from './live_evidence.ts';
import { rolloutRules, type RolloutRules } from './rules.ts';
import { checkRollout, outlookOf, type Outlook, type RolloutFacts, type RolloutVerdict } from './verdict.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { whenUnlocked } from '../../../shared/process/home_lock.ts';
import { isRuleSlot, subjectOfRule, type SlotId } from '../../../shared/subject/slot.ts';
import { rolloutFields, slotOfRollout } from '../../../shared/subject/written_names.ts';
import { folderOf, filesOf } from '../../../shared/bundle/slot_files.ts';

export interface RolloutPlace {
  readonly settings: Settings;
  readonly paths: Pick<HomePaths, 'models' | 'journal' | 'home'>;
}

type Paths = Pick<HomePaths, 'models' | 'home'>;

/** By command or API, or a new bundle by `adopt_by: rollout`. */
type Challenger = Admitted<'rollout' | 'adoption'>;

/** An evaluation of the active rollout. */
export interface RolloutLook {
  readonly rollout: Rollout;
  readonly facts: RolloutFacts;
  readonly verdict: RolloutVerdict;
  readonly outlook: Outlook;
  /** 95 % confidence intervals of the challenger's advantage at this look, in shares of the largest possible one. */
  readonly intervals: { readonly logLoss: readonly [number, number]; readonly brier: readonly [number, number] };
  readonly lossBps: number;
}

/** The bundle that a person names by its version: of models, or of a rule where no models have it. */
export function folderOfChallenger(models: string, version: string): string {
  const rule = pathInside(ruleFolder(models), version);
  const folder = folderOfVersion(models, version);
  return !isThere(folder) && isRuleBundle(rule) ? rule : folder;
}

/**
 * Starts a rollout: from the next bar on the daemons assign entries to both arms.
 * @param admitted the challenger
 * @param ofUpdates whether later updates of the champion take the challenger's place
 * @throws MinutehandError ROLLOUT_STATE when one is active or nothing is; MODEL_MISSING
 */
export function startRollout(
  { settings, paths }: RolloutPlace,
  admitted: Challenger,
  power: number | null,
  ofUpdates = false,
): Rollout {
  return whileRolloutLocked(paths.models, () => start({ settings, paths }, admitted, power, ofUpdates));
}

/**
 * Gives an active rollout of updates its newest one, from the next bar on. Stage, evidence, virtual positions and the
 * assignment of entries go on: what is compared is updating every day (Choe & Ramdas, arXiv 2110.00115, compare
 * sequences of forecasts from any forecasters), and each forecast is journaled before its label is known.
 * @param admitted an update of the champion
 * @throws MinutehandError ROLLOUT_STATE when no rollout of updates of the active models is active
 */
export function replaceUpdate({ settings, paths }: RolloutPlace, admitted: Admitted<'adoption'>): Rollout {
  return whileRolloutLocked(paths.models, () => {
    checkSame(admitted, paths.models);
    const rollout = readChecked(paths);
    if (rollout === null || !takesUpdates(paths, rollout))
      throw new MinutehandError('ROLLOUT_STATE', { seen: 'no rollout of updates of the active models is active' });
    const { version } = admitted;
    const { despite_gates: _before, ...kept } = rollout;
    const updates = [...(rollout.updates ?? []), { from: nextBar({ settings, paths }), version }];
    return write(paths, { ...kept, challenger: version, updates });
  });
}

/** Whether the next update of the active models becomes the challenger of this rollout. */
export function takesUpdates(paths: Paths, rollout: Rollout): boolean {
  const { status, of_updates, champion } = rollout;
  return status === 'active' && of_updates === true && champion === activeVersion(paths, slotOfRollout(rollout));
}

/**
 * The last rollout, when it was one of updates of the active models and returned to these: they rest until other models
 * are active. null: they do not.
 */
export function returnedUpdates(paths: Paths): Rollout | null {
  const rollout = readChecked(paths);
  if (rollout === null || rollout.of_updates !== true) return null;
  const hasReturned = rollout.status === 'aborted' || rollout.status === 'inconclusive';
  return hasReturned && rollout.champion === activeVersion(paths, slotOfRollout(rollout)) ? rollout : null;
}

function start(
  { settings, paths }: RolloutPlace,
  admitted: Challenger,
  power: number | null,
  ofUpdates: boolean,
): Rollout {
  const { retrain } = settings;
  checkSame(admitted, paths.models);
  const { version: challenger, despite } = admitted;
  const before = readChecked(paths);
  if (before?.status === 'active') throw new MinutehandError('ROLLOUT_STATE', { seen: `${before.id} is active` });
  const { slot } = admitted;
  const champion = activeVersion(paths, slot);
  if (champion === undefined || champion === challenger) {
    const nothing = isRuleSlot(slot) ? `no rule is served for ${subjectOfRule(slot)}` : 'no models are active';
    const seen = champion === undefined ? nothing : `${challenger} is active already`;
    throw new MinutehandError('ROLLOUT_STATE', { seen });
  }
  const history = outcomesOf(before);
  const { stages, promotionEValue } = rolloutRules(retrain, history);
  const started = nextBar({ settings, paths });
  const [first] = stages;
  // Unique per start: a second rollout of a challenger starts over.
  const id = new Date().toISOString().slice(0, 19).replace(/[-:]/g, '');
  const rollout: Rollout = {
    id,
    champion,
    challenger,
    stage: first!.name,
    share: first!.share,
    status: 'active',
    reason: '',
    key: randomBytes(16).toString('hex'),
    block_minutes: retrain.rollout_block_minutes,
    ...rolloutFields(slot),
    started,
    stage_started: started,
    stages: [{ from: started, share: first!.share }],
    ...(ofUpdates && { of_updates: true as const, updates: [{ from: started, version: challenger }] }),
    promotion_e_value: promotionEValue,
    power,
    history,
    earlier: earlierWith(before),
    ...(despite !== null && { despite_gates: despite }),
  };
  return write(paths, rollout);
}

/** Version of the active models, or of the rule that is served, that a rollout compares. */
function activeVersion(paths: Paths, slot: SlotId): string | undefined {
  const place = filesOf(paths.models, slot).active;
  return readAccepted(place, MACHINE_FILES, trainerMarks(paths, place.name))?.version;
}

/** Outcomes of all candidates so far, of which the next one's threshold depends: promoted or not. */
export function rolloutOutcomes(paths: Paths): boolean[] {
  return outcomesOf(readChecked(paths));
}

function outcomesOf(newest: Rollout | null): boolean[] {
  return newest === null ? [] : [...newest.history, newest.status === 'promoted'];
}

function earlierWith(before: Rollout | null): NonNullable<Rollout['earlier']> {
  if (before === null || before.status === 'active') return before?.earlier ?? [];
  const { id, challenger, status, reason, promotion_e_value, history, earlier = [] } = before;
  const own = { id, challenger, status, reason, promotion_e_value, candidate: history.length + 1 };
  return [...earlier, { ...own, ...rolloutFields(slotOfRollout(before)) }];
}

/** Evaluates the active rollout from the journals without changes; null = none is active. */
export async function lookAtRollout(place: RolloutPlace): Promise<RolloutLook | null> {
  const rollout = readChecked(place.paths);
  if (rollout?.status !== 'active') return null;
  const rules: RolloutRules = {
    ...rolloutRules(place.settings.retrain, rollout.history),
    promotionEValue: rollout.promotion_e_value,
  };
  const { evidence, newest } = await liveEvidence(rollout, rules, {
    settings: place.settings,
    journals: journalsOf(place),
    modelsFolder: place.paths.models,
  });
  const [started, stageStarted] = [rollout.started, rollout.stage_started].map((text) => Date.parse(text));
  const nowMs = newest === null ? started! : newest * 1000;
  const facts = evidence.facts(
    rollout.stage,
    nowMs - stageStarted!,
    nowMs - started!,
    hasFullTradingWeek(started! / 1000, nowMs / 1000),
  );
  const { logLoss, brier } = evidence.scores;
  return {
    rollout,
    facts,
    verdict: verdictOfPointer(place.paths, rollout) ?? checkRollout(facts, rules),
    outlook: outlookOf(facts, rules, isRuleSlot(slotOfRollout(rollout)) ? 'results' : 'probabilities'),
    intervals: { logLoss: logLoss.interval(0.05), brier: brier.interval(0.05) },
    lossBps: evidence.guards.lossBps,
  };
}

/** Other models than the champion were activated: by an interrupted promotion, or by a person. */
function verdictOfPointer(paths: Paths, rollout: Rollout): RolloutVerdict | null {
  const { champion, challenger } = rollout;
  const slot = slotOfRollout(rollout);
  const active = activeVersion(paths, slot);
  if (active === champion) return null;
  if (active === challenger) return { verdict: 'promote' };
  const reason = isRuleSlot(slot) ? `rule ${active ?? 'none'} serves` : `models ${active ?? 'none'} were activated`;
  return { verdict: 'abort', reason };
}

/**
 * Executes the verdict of an evaluation. After a crash in between the next evaluation continues: the pointer of a
 * promotion is written before the rollout ends.
 */
export async function carryOut(
  { paths, settings }: RolloutPlace,
  { rollout, verdict, facts }: RolloutLook,
  admission: AdmissionPlace,
): Promise<Rollout> {
  const step = verdict.verdict === 'promote' ? await promotionOf(rollout, admission) : verdict;
  const change = (): Rollout => {
    const current = readChecked(paths);
    // It was changed after the evaluation.
    if (current?.id !== rollout.id || current.stage !== rollout.stage || current.status !== 'active')
      return current ?? rollout;
    // A newer update came meanwhile: it is promoted, once it is admitted, by the next evaluation.
    if (current.challenger !== rollout.challenger && step.verdict === 'promote') return current;
    return apply(paths, settings, current, step, facts);
  };
  return await whenUnlocked(() => whileRolloutLocked(paths.models, change));
}

type Step = Exclude<RolloutVerdict, { readonly verdict: 'promote' }> | Promotion;

interface Promotion {
  readonly verdict: 'promote';
  readonly admitted: Admitted<'rollout_end'>;
}

/** The challenger is admitted again, with the override of its start; a refused one ends the rollout. */
async function promotionOf(rollout: Rollout, admission: AdmissionPlace): Promise<Step> {
  const folder = folderOf(slotOfRollout(rollout), rollout.challenger, admission.paths.models);
  try {
    const carried = rollout.despite_gates ?? null;
    return { verdict: 'promote', admitted: await admit(admission, { door: 'rollout_end', folder, carried }) };
  } catch (error) {
    const { code, message } = describeError(error);
    // Says nothing about the challenger: it is tried again at the next look.
    if (code === 'PROMOTION_OWNER' || code === 'STORE_UNUSABLE') throw error;
    return { verdict: 'abort', reason: `${code}: ${message}` };
  }
}

function apply(
  paths: RolloutPlace['paths'],
  { retrain }: Settings,
  rollout: Rollout,
  verdict: Step,
  facts: RolloutFacts,
): Rollout {
  const nowText = isoOf((Date.parse(rollout.started) + facts.sinceStartMs) / 1000);
  if (verdict.verdict === 'advance') {
    const { name, share } = verdict.to;
    const stages = [...rollout.stages, { from: nowText, share }];
    return write(paths, { ...rollout, stage: name, share, stage_started: nowText, stages });
  }
  if (verdict.verdict === 'promote') {
    activateAdmitted(verdict.admitted, paths);
    return write(paths, { ...rollout, stage: 'full', share: 1, status: 'promoted', reason: 'evidence' });
  }
  if (verdict.verdict === 'abort') return write(paths, { ...rollout, status: 'aborted', reason: verdict.reason });
  if (verdict.verdict === 'inconclusive' && retrain.rollout_on_timeout === 'return')
    return write(paths, { ...rollout, status: 'inconclusive', reason: verdict.reason });
  return rollout;
}

/**
 * Ends the active rollout; the champion decides from the next bar on. A refused or damaged file is replaced by the last
 * accepted state.
 * @throws MinutehandError ROLLOUT_STATE; as readRollout when no state was accepted before
 */
export function abortRollout(paths: Paths, reason: string): Rollout {
  return whileRolloutLocked(paths.models, () => {
    const { rollout, isRefused } = readOrAccepted(paths);
    if (rollout?.status === 'active') return write(paths, { ...rollout, status: 'aborted', reason });
    if (rollout !== null && isRefused) return write(paths, rollout);
    throw new MinutehandError('ROLLOUT_STATE', { seen: 'no rollout is active' });
  });
}

function readOrAccepted(paths: Paths): { readonly rollout: Rollout | null; readonly isRefused: boolean } {
  try {
    return { rollout: readChecked(paths), isRefused: false };
  } catch (error) {
    const accepted = trainerMarksOf(ROLLOUT_POINTER, paths).accepted()[0];
    if (accepted === undefined) throw error;
    return { rollout: rolloutSchema.parse(accepted), isRefused: true };
  }
}

function readChecked(paths: Paths): Rollout | null {
  return readRollout(paths.models, MACHINE_FILES, trainerMarksOf(ROLLOUT_POINTER, paths));
}

function write(paths: Paths, rollout: Rollout): Rollout {
  writeRollout(paths.models, rollout, MACHINE_FILES, trainerMarksOf(ROLLOUT_POINTER, paths));
  return rollout;
}

function journalsOf({ settings: { minutehand }, paths }: RolloutPlace): string[] {
  const shards = Object.keys(minutehand.shards);
  return shards.map((shard) => paths.journal(minutehand.market, shard)).filter((path) => isThere(path));
}

/** When a change decides first, by the market's clock. */
function nextBar(place: RolloutPlace): string {
  const newest = newestMinute(place);
  return isoOf(newest === null ? Math.floor(Date.now() / 60_000) * 60 : newest + SECONDS_PER_BAR);
}

/** Market time: open of the newest journaled bar; null without one. */
function newestMinute(place: RolloutPlace): OpenTime | null {
  let newest: OpenTime | null = null;
  for (const path of journalsOf(place)) {
    const journal = openJournal(path, { readOnly: true });
    for (const time of journal.lastBars().values()) if (newest === null || time > newest) newest = time;
    journal.close();
  }
  return newest;
}

function isoOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
