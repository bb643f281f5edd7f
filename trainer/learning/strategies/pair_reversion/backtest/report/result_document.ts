import type { Manifest } from '../../../../../../shared/bundle/manifest.ts';
import { isTrainedOn, VIEWS, type BundleResult, type PeriodResult, type ViewResult } from '../period.ts';

/** The result of a bundle for programs: `backtest --json`, and the API. */
export function bundleDocument(bundle: BundleResult, manifest: Manifest, result: PeriodResult) {
  const view = ({ total, pairs, fullLeverage, executability, interval }: ViewResult) => ({
    ...total,
    full_leverage: fullLeverage,
    pairs,
    executability,
    interval,
  });
  return {
    version: bundle.version,
    market: manifest.market,
    trained: manifest.period,
    trained_on_period: isTrainedOn(result, manifest),
    ...bundle.thresholds,
    pairs_without_edge: bundle.noEdge,
    models: bundle.models,
    evaluation_look: bundle.edge?.look ?? null,
    edge_level: bundle.edge?.level ?? null,
    edge: edgeDocument(bundle.edge),
    all_pairs: view(bundle.all_pairs),
    edge_pairs: view(bundle.edge_pairs),
  };
}

function edgeDocument(edge: BundleResult['edge']) {
  if (edge === null) return null;
  const { pairs, all_pairs, edge_pairs } = edge;
  return { pairs, all_pairs, edge_pairs };
}

export type BundleDocument = ReturnType<typeof bundleDocument>;

/** The challenger's figures minus the champion's, on the same bars. */
export function compareBundles(champion: BundleDocument, challenger: BundleDocument): object {
  const more = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : b - a);
  const views = VIEWS.map((view) => {
    const names = ['net_return', 'net_sharpe', 'max_drawdown', 'mean_net_bps', 'trades', 'win_rate'] as const;
    const entries = names.map((name) => [name, more(champion[view][name], challenger[view][name])]);
    return [view, Object.fromEntries(entries)] as const;
  });
  return {
    ...Object.fromEntries(views),
    ai1_auc: more(champion.models.ai1.auc, challenger.models.ai1.auc),
    ai2_auc: more(champion.models.ai2.auc, challenger.models.ai2.auc),
  };
}
