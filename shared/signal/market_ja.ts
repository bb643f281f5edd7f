import type { MarketKind } from './signal.ts';

const NAMES: Readonly<Record<MarketKind, string>> = {
  live: '実市場',
  simulated: 'シミュレーション市場',
  replay: '履歴の再生',
};

/** Name of a market in Japanese; another text stays as it is. */
export const marketJa = (market: string): string => NAMES[market as MarketKind] ?? market;
