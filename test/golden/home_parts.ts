import { gateText } from '../../shared/bundle/gates/gate_text.ts';
import { mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { recoveryStart, restoredInputs, subjectWarmup } from '../../daemon/journal/recovery.ts';
import { replayJournal } from '../../daemon/replay.ts';
import { LIFE_RULE } from './home/life_rule.ts';
import type { OpenTime } from '../../shared/bar.ts';
import { listVersions, readBundle } from '../../shared/bundle/bundle.ts';
import { directionFolder, liveInstrumentSchema } from '../../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../../shared/bundle/direction/direction_bundle.ts';
import { loadDirectionModel, type DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet } from '../../shared/bundle/model_set.ts';
import type { Rollout } from '../../shared/bundle/rollout.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { parseSubject, TIMEFRAMES, type Timeframe } from '../../shared/pair.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import type { SignalBody } from '../../shared/signal/signal.ts';
import { openJournal, type JournalFile } from '../../shared/store/journal.ts';
import { rolloutRules } from '../../trainer/control/rollout/rules.ts';
import { liveEvidence } from '../../trainer/control/rollout/live_evidence.ts';
import { trainingOfShelf } from '../../trainer/jobs/strategies/registry.ts';
import { makeHome } from './home/make_home.ts';
import type { Place } from './home/place.ts';
import { makeRolloutHome, type RolloutHome } from './home/rollout_life.ts';
import { oldVersions, unpackHome } from './home/old_homes.ts';
import type { GoldenPart } from './part.ts';
import { asValue, shortHash, type Value } from './values.ts';
import type { Workshop } from './workshop.ts';

const settingsOf = ({ config }: Place): Settings => loadSettings({ env: { MINUTEHAND_CONFIG: config } });

function countBy<Item>(items: Iterable<Item>, keyOf: (item: Item) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort());
}

const HOUR = 3600;

/** Signals by hour of their minutes. */
function hourly(signals: Iterable<{ readonly time: OpenTime; readonly text: string }>): Record<string, string> {
  const hours = new Map<number, string[]>();
  for (const { time, text } of signals) {
    const hour = Math.floor(time / HOUR) * HOUR;
    hours.set(hour, [...(hours.get(hour) ?? []), text]);
  }
  const lines = [...hours].map(([hour, texts]) => [
    new Date(hour * 1000).toISOString(),
    `${texts.length} ${shortHash(texts.join('\n'))}`,
  ]);
  return Object.fromEntries(lines) as Record<string, string>;
}

/**
 * Of signals and positions. Those of instruments are derived from the manifest of the direction model, and so differ
 * when it states something else.
 */
const ID = /\b[0-9a-f]{32}\b/g;
const withoutIds = (text: string): string => text.replaceAll(ID, '');

/** What a journal has: inputs by kind, signals by kind and hour, those of the shadow and the arms. */
export function journalValues(journal: JournalFile): Value {
  const inputs = [...journal.inputsFrom(0 as OpenTime)];
  const signals = [...journal.signals()];
  const shadows = [...journal.shadows()];
  return {
    inputs: countBy(inputs, ({ kind }) => kind),
    changes: inputs
      .filter(({ kind }) => !['bar', 'series', 'policy'].includes(kind))
      .map(({ kind, subject, time }) => `${time} ${kind} ${subject}`),
    signals: countBy(signals, ({ pairId, body }) => {
      const { action, reason, mode } = JSON.parse(`${body}}`) as SignalBody;
      return `${pairId} ${action} ${reason} ${mode}`;
    }),
    hours: hourly(
      signals.map(({ time, body, featuresCrc, position }) => ({
        time,
        text: withoutIds(`${body}${featuresCrc}${position}`),
      })),
    ),
    ids: hourly(signals.map(({ time, body }) => ({ time, text: (body.match(ID) ?? []).join() }))),
    shadows: countBy(shadows, ({ pairId, modelVersion }) => `${pairId} ${modelVersion}`),
    shadow_hours: hourly(shadows.map(({ time, body, position }) => ({ time, text: withoutIds(`${body}${position}`) }))),
  };
}

/** Loads the bundles of a home, each once. */
function createLoaders({ paths }: Place, settings: Settings) {
  const { pairs, windows } = settings.minutehand;
  const sets = new Map<string, Promise<ModelSet>>();
  const directions = new Map<string, Promise<DirectionModel>>();
  return {
    async loadModels(version: string): Promise<ModelSet> {
      const path = join(paths.models, version);
      if (!sets.has(version)) sets.set(version, loadModelSet(path, featureSchema(windows), pairs.length));
      const set = await sets.get(version)!;
      return { ...set, hasEdge: set.hasEdge, release: () => Promise.resolve() };
    },
    loadDirection(version: string, timeframe: Timeframe): Promise<DirectionModel> {
      const path = join(directionFolder(paths.models), version);
      const schema = liveInstrumentSchema(TIMEFRAMES[timeframe]);
      if (!directions.has(version)) directions.set(version, loadDirectionModel(path, schema, 1));
      return directions.get(version)!;
    },
    async release(): Promise<void> {
      for (const set of sets.values()) await (await set).release();
    },
  };
}

/** Every signal again, to the byte. */
async function replayOf(place: Place, settings: Settings, store: JournalFile): Promise<Value> {
  const loaders = createLoaders(place, settings);
  try {
    const summary = await replayJournal({
      settings,
      pairIds: [...settings.minutehand.pairs, ...settings.minutehand.instruments],
      clock: MACHINE_CLOCK,
      bootId: 'golden',
      store,
      loadModels: loaders.loadModels,
      loadDirection: loaders.loadDirection,
      loadRule: () => LIFE_RULE,
      onSignals: () => undefined,
    });
    return asValue(summary);
  } finally {
    await loaders.release();
  }
}

/** Where a restart of the daemon would begin, and how many inputs it would read. */
function recoveryValues(settings: Settings, journal: JournalFile): Value {
  const { pairs, instruments, windows } = settings.minutehand;
  const from = recoveryStart(journal, [...pairs, ...instruments].map(parseSubject), subjectWarmup(windows));
  const rows = [...restoredInputs(journal, from, journal.inputsFrom(from))];
  return { from, inputs: countBy(rows, ({ kind }) => kind), positions: asValue(journal.lastSignals()) };
}

async function journalPart(place: Place): Promise<Value> {
  const settings = settingsOf(place);
  const journal = openJournal(place.paths.journal('simulated', 'main'));
  try {
    const boots = { last: asValue({ ...journal.lastBoot()! }), halts: journal.lastHalts(), fence: journal.lastFence() };
    return {
      ...(journalValues(journal) as object),
      boots,
      recovery: recoveryValues(settings, journal),
      replay: await replayOf(place, settings, journal),
    };
  } finally {
    journal.close();
  }
}

/** Of the journal of 0.1.0: pairs under a rollout for a while, and a shadow before it. */
const LIFE_VERSIONS = { champion: '20240105_1200', challenger: '20240106_1200' };
const LIFE_ROLLOUT: Rollout = {
  ...LIFE_VERSIONS,
  id: 'r1',
  stage: 'rollout',
  share: 0.7,
  status: 'active',
  reason: '',
  key: '0f'.repeat(16),
  block_minutes: 5,
  started: '2024-01-02T13:39:00.000Z',
  stage_started: '2024-01-02T14:14:00.000Z',
  stages: [
    { from: '2024-01-02T13:39:00.000Z', share: 0.1 },
    { from: '2024-01-02T13:54:00.000Z', share: 0.3 },
    { from: '2024-01-02T14:14:00.000Z', share: 0.7 },
  ],
  promotion_e_value: 20,
  power: null,
  history: [],
};

/** What the rollout of a journal proves about its challenger. */
async function evidenceValues(rollout: Rollout, place: Place): Promise<Value> {
  const settings = settingsOf(place);
  const journals = [place.paths.journal('simulated', 'main')];
  const compared = { settings, journals, modelsFolder: place.paths.models };
  const { evidence, newest } = await liveEvidence(rollout, rolloutRules(settings.retrain), compared);
  const { labels, harm, benefit, meanLogLoss, meanBrier, logLoss, brier } = evidence.scores;
  return asValue({
    newest,
    scores: { labels, harm, benefit, meanLogLoss, meanBrier },
    intervals: [logLoss.interval(0.05), brier.interval(0.05)],
    loss_bps: evidence.guards.lossBps,
    breach: evidence.guards.breach(),
  });
}

/** The same of the journal of 0.1.0, and what its shadow has scored. */
async function evidencePart(place: Place): Promise<Value> {
  const journals = [place.paths.journal('simulated', 'main')];
  const { comparison } = trainingOfShelf('pairs');
  const compared = { settings: settingsOf(place), journals, modelsFolder: place.paths.models };
  const shadow = await comparison.shadowBars({ versions: LIFE_VERSIONS, slot: 'pairs', place: compared });
  return { ...((await evidenceValues(LIFE_ROLLOUT, place)) as object), shadow: asValue(shadow) };
}

/** Bundles as a daemon opens them, and their answers to the golden vectors of their own manifests. */
async function bundlesPart(place: Place): Promise<Value> {
  const { paths } = place;
  const schema = featureSchema(settingsOf(place).minutehand.windows);
  const bundles: Record<string, Value> = {};
  for (const version of listVersions(paths.models)) {
    const { manifest, modelsHash } = readBundle(join(paths.models, version));
    const { features } = manifest.golden;
    const set = await loadModelSet(join(paths.models, version), schema, features.length);
    try {
      const values = Float32Array.from(features.flat(), (own) => own ?? NaN);
      // Of each pair in turn: a group may have models of its own.
      const pairs = features.map((_, row) => manifest.pairs[row % manifest.pairs.length]!);
      const scores = await set.infer(values, features.length, undefined, pairs);
      const { theta1, theta2, groups = [], gates = [] } = manifest;
      bundles[version] = {
        ...(asValue({
          theta1,
          theta2,
          engine: manifest.engine.name,
          groups: groups.map(({ name }) => name),
        }) as object),
        gates: gates.map((gate) => `${gateText(gate).name} ${gate.passed}`),
        models_hash: modelsHash,
        golden: asValue(manifest.golden),
        scores: asValue(scores),
      };
    } finally {
      await set.release();
    }
  }
  return { bundles, directions: await directionAnswers(paths.models) };
}

async function directionAnswers(models: string): Promise<Value> {
  const folder = directionFolder(models);
  const answers: Record<string, Value> = {};
  for (const version of readdirSync(folder).sort()) {
    const path = join(folder, version);
    const { timeframe } = readDirectionBundle(path).manifest;
    const model = await loadDirectionModel(path, liveInstrumentSchema(timeframe), 64);
    const { features } = model.manifest.golden;
    const found = await model.infer(
      Float32Array.from(features.flat(), (own) => own ?? NaN),
      features.length,
    );
    answers[version] = {
      timeframe,
      golden: asValue(model.manifest.golden),
      found: asValue(found),
      hash: model.modelsHash,
    };
  }
  return answers;
}

export const emptyFolder = (workshop: Workshop, name: string): string =>
  mkdtempSync(join(workshop.folder(name), 'home-'));

/** The home that a version has left, in a folder of its own. */
export const oldHome = (workshop: Workshop, version: string): Place =>
  unpackHome(version, emptyFolder(workshop, version));

const JOURNAL_FIGURES = ['inputs/bar', 'changes/length', 'replay/signals', 'replay/equal', 'replay/enters'];

function partsOfVersion(version: string): GoldenPart[] {
  const read = (part: (place: Place) => Promise<Value>) => (workshop: Workshop) => part(oldHome(workshop, version));
  return [
    {
      name: `journal ${version}`,
      what: `a journal of version ${version} is read, replayed and recovered from`,
      figures: JOURNAL_FIGURES,
      measure: read(journalPart),
    },
    {
      name: `bundles ${version}`,
      what: `bundles of version ${version} are verified, and score their golden vectors`,
      depth: 2,
      measure: read(bundlesPart),
    },
    {
      name: `evidence ${version}`,
      what: `a rollout and a shadow in a journal of version ${version} give their evidence`,
      figures: ['scores/labels', 'scores/harm', 'scores/benefit', 'loss_bps'],
      measure: read(evidencePart),
    },
  ];
}

/** The home of a daemon of this version that has lived. */
export const liveHome = (workshop: Workshop): Promise<Place> =>
  workshop.once('live home', () => makeHome(emptyFolder(workshop, 'live')));

/** That of one that has compared challengers of every kind of slot. */
export const rolloutHome = (workshop: Workshop): Promise<RolloutHome> =>
  workshop.once('rollout home', async () =>
    makeRolloutHome(emptyFolder(workshop, 'rollouts'), await liveHome(workshop)),
  );

const livePart: GoldenPart = {
  name: 'live',
  what: 'a daemon lives through everything that a journal can contain; its journal, replayed',
  figures: JOURNAL_FIGURES,
  measure: async (workshop) => journalPart(await liveHome(workshop)),
};

/** Answers of the arms of a rollout in the journal, in their order. */
function armAnswers(journal: JournalFile, { id }: Rollout): string[] {
  return [...journal.shadows()]
    .filter(({ modelVersion }) => modelVersion.endsWith(`@${id}`))
    .map(({ time, pairId, modelVersion, body, position }) => `${time} ${pairId} ${modelVersion} ${body} ${position}`);
}

const rolloutsPart: GoldenPart = {
  name: 'rollouts',
  what: 'a rollout of pairs, of a direction model and of a rule: signals, virtual answers of both arms, evidence',
  depth: 2,
  figures: [
    'pairs/evidence/scores/labels',
    'pairs/evidence/scores/harm',
    'rule/evidence/scores/labels',
    'rule/evidence/scores/harm',
    'rule/evidence/loss_bps',
  ],
  async measure(workshop) {
    const { place, rollouts } = await rolloutHome(workshop);
    const journal = openJournal(place.paths.journal('simulated', 'main'));
    try {
      const of: Record<string, Value> = {};
      for (const [kind, rollout] of Object.entries(rollouts)) {
        const answers = armAnswers(journal, rollout);
        const arms = countBy(answers, (line) => {
          const [, subject, version] = line.split(' ');
          return `${subject} ${version} ${/"action":"(\w+)"/.exec(line)![1]!}`;
        });
        of[kind] = { arms, answers, evidence: await evidenceValues(rollout, place) };
      }
      return { journal: journalValues(journal), ...of };
    } finally {
      journal.close();
    }
  },
};

export const HOME_PARTS: readonly GoldenPart[] = [livePart, rolloutsPart, ...oldVersions().flatMap(partsOfVersion)];
