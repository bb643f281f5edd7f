import type { Node } from '../../../shared/core/formula/formula.ts';
import type { FormulaStrategy } from '../../../shared/policy/strategy_file.ts';
import { conditionsOf, conditionText } from '../../../shared/core/formula/formula_conditions.ts';

export const SENTENCE_LANGUAGES = ['en', 'ja'] as const;
export type SentenceLanguage = (typeof SENTENCE_LANGUAGES)[number];

/** A strategy in a sentence for a person. */
export function ruleSentence(strategy: FormulaStrategy, language: SentenceLanguage): string {
  return language === 'ja' ? japanese(strategy) : english(strategy);
}

function english(strategy: FormulaStrategy): string {
  const { entryLong, entryShort, exit, limits } = strategy;
  const { stopBps, stopSigmas, targetBps, targetSigmas, maxAgeBars } = limits;
  const when = (side: string, formula: FormulaStrategy['entryLong']): string[] =>
    formula === null ? [] : [`${side} when ${texts(formula.root).join(' and ')}`];
  const object = strategy.subject === 'pair' ? 'the spread' : 'the instrument';
  const entries = [
    ...when(`Buy ${object}`, entryLong),
    ...when(`${entryLong === null ? 'Sell' : 'sell'} ${object}`, entryShort),
  ];
  const exits = [
    ...(stopBps < Infinity ? [`at a loss of ${stopBps} basis points`] : []),
    ...(stopSigmas < Infinity ? [`at a loss of ${stopSigmas} standard deviations of the spread`] : []),
    ...(targetBps < Infinity ? [`at a gain of ${targetBps} basis points`] : []),
    ...(targetSigmas < Infinity ? [`at a gain of ${targetSigmas} standard deviations of the spread`] : []),
    ...(exit === null ? [] : [`when ${texts(exit.root).join(' and ')}`]),
    `after ${maxAgeBars} ${maxAgeBars === 1 ? 'bar' : 'bars'}`,
  ];
  return `${entries.join('; ')}. Close it ${listed(exits, 'or')}, whichever comes first.`;
}

function japanese(strategy: FormulaStrategy): string {
  const { entryLong, entryShort, exit, limits } = strategy;
  const { stopBps, stopSigmas, targetBps, targetSigmas, maxAgeBars } = limits;
  const object = strategy.subject === 'pair' ? 'スプレッド' : '銘柄';
  const when = (verb: string, formula: FormulaStrategy['entryLong']): string[] =>
    formula === null ? [] : [`${texts(formula.root).join(' かつ ')} のとき${object}を${verb}`];
  const entries = [...when('買う', entryLong), ...when('売る', entryShort)];
  const exits = [
    ...(stopBps < Infinity ? [`損失が ${stopBps} ベーシスポイントに達したとき`] : []),
    ...(stopSigmas < Infinity ? [`損失がスプレッドの標準偏差の ${stopSigmas} 倍に達したとき`] : []),
    ...(targetBps < Infinity ? [`利益が ${targetBps} ベーシスポイントに達したとき`] : []),
    ...(targetSigmas < Infinity ? [`利益がスプレッドの標準偏差の ${targetSigmas} 倍に達したとき`] : []),
    ...(exit === null ? [] : [`${texts(exit.root).join(' かつ ')} のとき`]),
    `${maxAgeBars} 本の足が経過したとき`,
  ];
  return `${entries.join('。')}。${exits.join('、または')}の最も早い時点で決済する。`;
}

function texts(node: Node): string[] {
  return conditionsOf(node).map(conditionText);
}

function listed(parts: readonly string[], word: string): string {
  if (parts.length === 1) return parts[0]!;
  return `${parts.slice(0, -1).join(', ')} ${word} ${parts.at(-1)}`;
}
