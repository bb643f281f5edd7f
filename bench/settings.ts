import { parsePair, symbolsOf } from '../shared/pair.ts';
import type { Settings } from '../shared/policy/policy.ts';

/** Settings of a bench; all others come from `base`. */
export interface BenchSettingsOptions {
  readonly base: Settings;
  readonly pairs: readonly string[];
  readonly redisUrl: string;
  readonly engine?: 'auto' | 'onnxruntime';
}

/** With 1,000 pairs a minute of signals is 0.9 MB: two of them may be buffered before the reader counts as slow. */
const MAX_BUFFERED_BYTES = 1 << 25;

/**
 * `base` for a live market that the bench feeds. `require_edge` is off, so that positions change and signals have all
 * their fields.
 */
export function benchSettings({ base, pairs, redisUrl, engine = 'auto' }: BenchSettingsOptions): Settings {
  const { core, minutehand } = base;
  const { transports } = minutehand;
  return {
    ...base,
    core: { ...core, require_edge: false },
    minutehand: {
      ...minutehand,
      market: 'live',
      pairs: [...pairs],
      symbols: withMadeUpSymbols(minutehand.symbols, pairs),
      shards: { main: 'all' },
      inference: { ...minutehand.inference, engine },
      transports: {
        ...transports,
        daemon: { ...transports.daemon, host: '127.0.0.1', port: 0, max_buffered_bytes: MAX_BUFFERED_BYTES },
        redis: { ...transports.redis, url: redisUrl, enabled: 'auto' },
        files: { ...transports.files, enabled: true },
      },
      log: { ...minutehand.log, level: 'info' },
    },
  };
}

/** Made-up symbols have the costs of the first configured symbol. */
function withMadeUpSymbols(
  configured: Settings['minutehand']['symbols'],
  pairs: readonly string[],
): Settings['minutehand']['symbols'] {
  const [costs] = Object.values(configured);
  const symbols = symbolsOf(pairs.map(parsePair)).map((symbol) => [symbol, configured[symbol] ?? costs!] as const);
  return { ...configured, ...Object.fromEntries(symbols) };
}
