import type { OpenTime } from '../../../shared/bar.ts';
import { columnsOf } from '../../../shared/bar_file/bar_file.ts';
import { createExplainer } from '../../../shared/explain/explain_minute.ts';
import type { Explanation } from '../../../shared/explain/explanation.ts';
import { pathsOf, type PlainPaths } from '../../../shared/home.ts';
import type { EpochMs } from '../../../shared/bar.ts';
import { screenPolicy, type Settings } from '../../../shared/policy/policy.ts';
import { readKnownBars } from '../../jobs/bars/known_bars.ts';
import { journalsOf } from '../../jobs/bars/recent_bars.ts';
import { openStore, storeUrl } from '../../store/store.ts';
import { storeOpener } from '../../store/store_opener.ts';
import { candlesOf, type Candles } from '../candles/candles.ts';
import { goLiveReport, type GoLiveReport } from '../golive/report.ts';
import { makeMarketReport } from '../report/make_report.ts';
import type { Performance } from '../performance/performance_schema.ts';
import { readMarketPerformance } from '../performance/read_performance.ts';
import { channelStatus } from '../notify/channels/open_channels.ts';
import { compareShadow, ruleInShadow, type ShadowComparison } from '../rules/shadow_comparison.ts';
import { isThere } from '../../../shared/files.ts';

/** Of the trainer that asks; plain data, since it is sent to a thread. */
export interface ReadPlace {
  readonly settings: Settings;
  readonly paths: PlainPaths;
}

/** Questions whose answers take more processor time than other requests are to wait for. */
export interface SlowReads {
  /** Bars of a symbol, from one time on up to another one, exclusive. @throws MinutehandError DATA_FORMAT */
  candles(asked: {
    readonly symbol: string;
    readonly from: OpenTime;
    readonly to: OpenTime;
    readonly points: number;
  }): Promise<Candles>;
  /** @throws MinutehandError as `Explainer` */
  explain(asked: { readonly subject: string; readonly time: OpenTime }): Promise<Explanation>;
  /** @throws MinutehandError as `goLiveReport` */
  golive(asked: { readonly nowMs: number }): Promise<GoLiveReport>;
  /** From one time on up to another one, by the clock of the market; null: without a bound. */
  performance(asked: {
    readonly nowMs: number;
    readonly from: string | null;
    readonly to: string | null;
  }): Promise<Performance>;
  /** @throws MinutehandError as `makeMarketReport` */
  report(asked: {
    readonly nowMs: EpochMs;
    readonly fromMs: number;
    readonly toMs: number;
  }): ReturnType<typeof makeMarketReport>;
  /** null: no rule is in shadow. @throws MinutehandError as `ruleInShadow` */
  shadow(asked: { readonly instrument: string; readonly since: OpenTime }): Promise<ShadowComparison | null>;
}

/** A question with its name. */
export type SlowRead = {
  [Name in keyof SlowReads]: { readonly name: Name; readonly asked: Parameters<SlowReads[Name]>[0] };
}[keyof SlowReads];

/** Answers questions; models and the store stay open from one to the next. */
export function openSlowReads({ settings, paths: plain }: ReadPlace): {
  answer(read: SlowRead): Promise<unknown>;
  close(): Promise<void>;
} {
  const paths = pathsOf(plain);
  const opener = storeOpener(async () => ({ store: await openStore(storeUrl(process.env, paths)) }));
  const journals = (): string[] => journalsOf(settings, paths).filter((path) => isThere(path));
  const explainer = createExplainer(settings, paths);
  const reads: SlowReads = {
    async candles({ symbol, from, to, points }) {
      const bars = await readKnownBars({
        symbols: [symbol],
        market: settings.minutehand.market,
        from,
        to,
        screening: screenPolicy(settings),
        journals: journals(),
        store: (await opener.get()).store,
        onProgress: () => undefined,
      });
      return candlesOf(bars.get(symbol) ?? columnsOf(symbol, []), points);
    },
    explain: ({ subject, time }) => explainer.explain(subject, time),
    async golive({ nowMs }) {
      const { store } = await opener.get();
      return await goLiveReport(settings, paths, store, nowMs, channelStatus(settings.retrain, process.env));
    },
    async performance(asked) {
      const { store } = await opener.get();
      return await readMarketPerformance({ settings, paths, store, ...asked });
    },
    async report({ nowMs, ...asked }) {
      const { store } = await opener.get();
      return await makeMarketReport(store, settings, paths, asked, { nowMs: () => nowMs });
    },
    async shadow({ instrument, since }) {
      const shadow = ruleInShadow(paths.models, instrument, settings);
      return shadow === null ? null : compareShadow({ instrument, ...shadow, since }, journals());
    },
  };
  return {
    answer: ({ name, asked }) => (reads[name] as (asked: SlowRead['asked']) => Promise<unknown>)(asked),
    close: () => opener.close(),
  };
}
