import { cpSync, mkdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { ruleFolder } from '../../../shared/bundle/rule/active_rule.ts';
import { writeRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import type { ActiveRollout, Rollout } from '../../../shared/bundle/rollout.ts';
import { ruleOpener } from '../../../shared/bundle/rule/active_rule.ts';
import type { Pipeline } from '../../../daemon/pipeline.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import type { StrategyDocument } from '../../../shared/policy/strategy_file.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { writeTinyDirection } from '../../tiny_direction.ts';
import { tinyRule } from '../../tiny_rule.ts';
import { BACKFILL_MINUTES, livePlainly } from './daemon_life.ts';
import { RULE_DOCUMENT } from './life_rule.ts';
import { loadLifeDirection, loadLifeModels, placeIn, releaseLifeModels } from './make_home.ts';
import { COIN, marketMinutes } from './old_market.ts';
import type { Place } from './place.ts';

/** Minutes of each rollout, and between two. */
const ROLLOUT_MINUTES = 130;
const PAUSE_MINUTES = 10;
/** Of a rollout: it begins with a smaller share. */
const PILOT_MINUTES = 40;

const CHALLENGER_RULE: StrategyDocument = {
  ...RULE_DOCUMENT,
  name: 'both_sides',
  entry_short: 'close > delay(close, 5) and rsi(14) > 60',
  max_age: 5,
};

/** A rollout as the daemon applies it, but for its stage. */
type Compared = Omit<ActiveRollout, 'stage' | 'share'>;

/** The home of a daemon that has compared a challenger with the champion of each slot. */
export interface RolloutHome {
  readonly place: Place;
  /** By the kind of slot. */
  readonly rollouts: Readonly<Record<'pairs' | 'direction' | 'rule', Rollout>>;
}

/**
 * The configuration and bundles of a home, with challengers of its direction model and of a rule, and a journal of its
 * own: one rollout after the other, of the pairs, of the direction model, and of the rule of the coin.
 * @param made of `makeHome`
 */
export async function makeRolloutHome(folder: string, made: Place): Promise<RolloutHome> {
  const place = placeIn(folder);
  const { config, paths } = place;
  cpSync(made.config, config, { recursive: true });
  cpSync(made.paths.models, paths.models, { recursive: true });
  const settings = loadSettings({ env: { MINUTEHAND_CONFIG: config } });
  const day = (date: number): Date => new Date(Date.UTC(2024, 0, date, 12));
  const writeRule = (strategy: StrategyDocument, date: number): string =>
    basename(writeRuleBundle(ruleFolder(paths.models), day(date), tinyRule(COIN, { market: 'simulated', strategy })));
  const rules = { champion: writeRule(RULE_DOCUMENT, 10), challenger: writeRule(CHALLENGER_RULE, 11) };
  const directions = {
    champion: '20240107_1200',
    challenger: writeTinyDirection(paths.models, COIN, '1m', day(9), { upScore: 0.3 }),
  };
  const versions = { champion: '20240105_1200', challenger: '20240106_1200' };
  const models = await loadLifeModels(place, settings, {
    ...versions,
    directions: { '1m': directions.champion, '5m': '20240108_1200' },
  });
  const openRule = ruleOpener(paths.models);
  const championRule = openRule(rules.champion);
  const challengerRule = openRule(rules.challenger);
  const key = '0f'.repeat(16);
  const shared = { key, block_minutes: 5 };
  const compared: Readonly<Record<'pairs' | 'direction' | 'rule', Compared>> = {
    pairs: { id: 'p1', ...versions, ...shared },
    direction: { id: 'd1', ...directions, ...shared, timeframe: '1m' },
    rule: { id: 's1', ...rules, ...shared, instrument: COIN },
  };
  const sets = {
    pairs: { ...models.challenger, hasEdge: models.challenger.hasEdge, release: () => Promise.resolve() },
    direction: await loadLifeDirection(place, '1m', directions.challenger),
    rule: challengerRule,
  };
  const kinds = ['pairs', 'direction', 'rule'] as const;
  const journalPath = paths.journal('simulated', 'main');
  mkdirSync(dirname(journalPath), { recursive: true });
  const journal = openJournal(journalPath);

  async function change(live: number, pipeline: Pipeline): Promise<void> {
    const { inputs } = pipeline;
    const kind = kinds[Math.floor(live / (ROLLOUT_MINUTES + PAUSE_MINUTES))];
    const minute = live % (ROLLOUT_MINUTES + PAUSE_MINUTES);
    if (kind === undefined) return;
    const begin = (stage: 'pilot' | 'rollout', share: number): void =>
      inputs.apply({ kind: 'rollout', rollout: { ...compared[kind], stage, share }, set: sets[kind] });
    if (kind === 'rule' && minute === 0) {
      await pipeline.warmRule(championRule, journal);
      await pipeline.warmRule(challengerRule, journal, 'challenger');
      inputs.apply({ kind: 'rule', instrument: COIN, rule: championRule });
    }
    if (minute === PAUSE_MINUTES) begin('pilot', 0.3);
    if (minute === PAUSE_MINUTES + PILOT_MINUTES) begin('rollout', 0.7);
    if (minute === ROLLOUT_MINUTES) inputs.apply({ kind: 'rollout', rollout: null, set: null });
  }

  const market = marketMinutes(settings, BACKFILL_MINUTES + kinds.length * (ROLLOUT_MINUTES + PAUSE_MINUTES));
  try {
    await livePlainly({ settings, market, models, journal, backfilled: BACKFILL_MINUTES, change });
  } finally {
    journal.close();
    await releaseLifeModels(models);
  }
  const isoOf = (live: number): string => new Date(1000 * market[BACKFILL_MINUTES + live]!.time).toISOString();
  const rollouts = kinds.map((kind, index): [string, Rollout] => {
    const first = index * (ROLLOUT_MINUTES + PAUSE_MINUTES) + PAUSE_MINUTES;
    const stages = [
      { from: isoOf(first), share: 0.3 },
      { from: isoOf(first + PILOT_MINUTES), share: 0.7 },
    ];
    const state = { stage: 'rollout', share: 0.7, status: 'active', reason: '' } as const;
    const began = { started: stages[0]!.from, stage_started: stages[1]!.from, stages };
    return [kind, { ...compared[kind], ...state, ...began, promotion_e_value: 20, power: null, history: [] }];
  });
  return { place, rollouts: Object.fromEntries(rollouts) as RolloutHome['rollouts'] };
}
