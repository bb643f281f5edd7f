import type { OpenTime } from '../../../shared/bar.ts';
import { readRuleShadow } from '../../../shared/bundle/rule/active_rule.ts';
import { SERVED_RULE_PREFIX, type InstrumentBody } from '../../../shared/signal/instrument_signal.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { resultsOfRule, type RuleBody, type RuleResults } from '../../jobs/comparison/rule_results.ts';
import { openJournal, type JournalFile } from '../../../shared/store/journal.ts';

/** What was published, or what the rule in shadow would have. */
export interface AnswerFigures {
  readonly entries: number;
  /** Positions that were opened and closed on these bars. */
  readonly trades: number;
  /** Mean per trade, from close to close, after the costs of the rule in shadow; null without trades. */
  readonly net_bps: number | null;
}

/** A rule in shadow beside what was published, on the bars that both have answered. */
export interface ShadowComparison {
  readonly instrument: string;
  readonly version: string;
  readonly bars: number;
  /** Ends of the first and the last bar; null without bars. */
  readonly from: string | null;
  readonly to: string | null;
  /** Bars with the same action and the same side behind it. */
  readonly equal: number;
  /** Who has published: versions, in the order of their first bar; empty text: nobody. */
  readonly publishers: readonly string[];
  readonly published: AnswerFigures;
  readonly shadow: AnswerFigures;
}

export interface ShadowQuestion {
  readonly instrument: string;
  readonly version: string;
  /** Of closed positions, after the costs of the rule in shadow. */
  readonly results: Pick<RuleResults, 'closed'>;
  /** First bar; absent: all that the journals still have. */
  readonly since?: OpenTime;
}

/**
 * Compares all bars that the journals still have. Funding and swaps, which both pay alike per bar held, are left out.
 */
export function compareShadow(question: ShadowQuestion, journals: readonly string[]): ShadowComparison {
  const { instrument, version, results, since = 0 as OpenTime } = question;
  const answers = journals.flatMap((path) => {
    const journal = openJournal(path, { readOnly: true });
    try {
      return answersOf(journal, instrument, version, since);
    } finally {
      journal.close();
    }
  });
  answers.sort((a, b) => a.time - b.time);
  const isEqual = ({ published, shadow }: BothAnswers): boolean =>
    published.action === shadow.action && published.target === shadow.target;
  return {
    instrument,
    version,
    bars: answers.length,
    from: answers[0]?.published.timestamp ?? null,
    to: answers.at(-1)?.published.timestamp ?? null,
    equal: answers.filter(isEqual).length,
    publishers: [...new Set(answers.map(({ published }) => published.model_version))],
    published: figuresOf(
      answers.map(({ published }) => published),
      results,
    ),
    shadow: figuresOf(
      answers.map(({ shadow }) => shadow),
      results,
    ),
  };
}

/** The rule in shadow of a subject; null: none is. @throws MinutehandError as readRuleShadow, resultsOfRule */
export function ruleInShadow(
  modelsFolder: string,
  subject: string,
  settings: Settings,
): Pick<ShadowQuestion, 'version' | 'results'> | null {
  const version = readRuleShadow(modelsFolder, subject);
  if (version === null) return null;
  return { version, results: resultsOfRule({ subject, version, modelsFolder, settings }) };
}

type ComparedBody = RuleBody & Pick<InstrumentBody, 'timestamp' | 'model_version' | 'reason'>;

interface BothAnswers {
  readonly time: OpenTime;
  readonly published: ComparedBody;
  readonly shadow: ComparedBody;
}

function answersOf(journal: JournalFile, instrument: string, version: string, since: OpenTime): BothAnswers[] {
  const shadows = new Map<OpenTime, ComparedBody>();
  for (const { pairId, time, body } of journal.shadowsOf(`${SERVED_RULE_PREFIX}${version}`, since))
    if (pairId === instrument) shadows.set(time, JSON.parse(`${body}}`) as ComparedBody);
  const [first] = shadows.keys();
  if (first === undefined) return [];
  const found: BothAnswers[] = [];
  const after = journal.stateBefore(first)?.signalRow ?? 0;
  for (const { time, body } of journal.signals({ after, pairId: instrument })) {
    const shadow = shadows.get(time);
    if (shadow === undefined) continue;
    const published = JSON.parse(`${body}}`) as ComparedBody;
    // A silent minute repeats the bar before.
    if (published.reason !== 'SILENCE') found.push({ time, published, shadow });
  }
  return found;
}

function figuresOf(bodies: readonly ComparedBody[], { closed }: Pick<RuleResults, 'closed'>): AnswerFigures {
  const results = bodies.map(closed()).filter((result) => result !== null);
  return {
    entries: bodies.filter(({ action }) => action === 'ENTER').length,
    trades: results.length,
    net_bps: results.length === 0 ? null : results.reduce((sum, own) => sum + own, 0) / results.length,
  };
}
