/** Where bars come from: received ones, those of a seeded market, or recorded ones that are played again. */
export const MARKETS = ['live', 'simulated', 'replay'] as const;
export type MarketKind = (typeof MARKETS)[number];

export const isMarket = (name: string): name is MarketKind => (MARKETS as readonly string[]).includes(name);
