import { MinutehandError } from '../../shared/errors.ts';
import { createExplainer } from '../../shared/explain/explain_minute.ts';
import { isoMinute, type OpenTime } from '../../shared/bar.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import type { SignalBody } from '../../shared/signal/signal.ts';
import { openJournal } from '../../shared/store/journal.ts';
import { oldVersions } from './home/old_homes.ts';
import type { Place } from './home/place.ts';
import { liveHome, oldHome, rolloutHome } from './home_parts.ts';
import type { GoldenPart } from './part.ts';
import { asValue, type Value } from './values.ts';
import type { Workshop } from './workshop.ts';

/** A signal that is explained. */
interface Chosen {
  readonly subject: string;
  readonly time: OpenTime;
  /** Its kind: subject, action, reason, mode, and whether a rule has answered. */
  readonly name: string;
}

/** The last signal of each kind: one with most of its history behind it. */
function signalsOfKinds(place: Place): Chosen[] {
  const journal = openJournal(place.paths.journal('simulated', 'main'), { readOnly: true });
  try {
    const chosen = new Map<string, Chosen>();
    for (const { pairId: subject, time, body } of journal.signals()) {
      const { action, reason, mode, model_version } = JSON.parse(`${body}}`) as SignalBody;
      const name = [subject, action, reason, mode, ...(model_version.startsWith('rule/') ? ['by rule'] : [])].join(' ');
      chosen.set(name, { subject, time, name });
    }
    return [...chosen.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  } finally {
    journal.close();
  }
}

async function explanationsOf(place: Place, home: string): Promise<[name: string, Value][]> {
  const explainer = createExplainer(loadSettings({ env: { MINUTEHAND_CONFIG: place.config } }), place.paths);
  const entries: [string, Value][] = [];
  for (const { subject, time, name } of signalsOfKinds(place)) {
    const entry = `${home}: ${name}`;
    try {
      const explanation = await explainer.explain(subject, time);
      const { code, differences } = explanation.reproduced;
      // A record must not make it right that a published answer is explained by other figures.
      if (code === 'EXPLAIN_DIFFERS') throw new Error(`${entry} is not explained: ${JSON.stringify(differences)}`);
      entries.push([entry, asValue(explanation)]);
    } catch (error) {
      if (!(error instanceof MinutehandError)) throw error;
      entries.push([entry, { time: isoMinute(time), error: error.code }]);
    }
  }
  return entries;
}

async function measure(workshop: Workshop): Promise<Value> {
  const homes: [string, Place][] = [
    ['live', await liveHome(workshop)],
    ['rollouts', (await rolloutHome(workshop)).place],
    ...oldVersions().map((version): [string, Place] => [version, oldHome(workshop, version)]),
  ];
  const all = await Promise.all(homes.map(([name, place]) => explanationsOf(place, name)));
  return Object.fromEntries(all.flat());
}

export const EXPLAIN_PARTS: readonly GoldenPart[] = [
  {
    name: 'explain',
    what: 'explanations of a signal of every kind, of pairs, instruments and rules, of journals of every version',
    measure,
  },
];
