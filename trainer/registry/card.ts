import type { Manifest, ModelMetrics } from '../../shared/bundle/manifest.ts';

const digits = (value: number | null, places: number): string => (value === null ? '–' : value.toFixed(places));

/** CARD.md of a bundle: what the models are, where they come from and how good they were, bad news included. */
export function renderCard(manifest: Manifest): string {
  const { metrics, edge, period } = manifest;
  const simulated = manifest.market === 'simulated';
  const row = (name: string, m: ModelMetrics): string =>
    `| ${name} | ${m.rows} | ${digits(m.label_mean, 3)} | ${digits(m.auc, 4)} | ${digits(m.brier, 4)} | ${digits(m.brier_of_mean, 4)} | ${digits(m.log_loss, 4)} | ${digits(m.ece, 4)} |`;
  const withEdge = Object.values(edge).filter(({ no_edge }) => !no_edge).length;
  return [
    `# Models ${manifest.version}${simulated ? ': SIMULATED MARKET' : ''}`,
    '',
    ...(simulated
      ? [
          '**Trained on a simulated market.** What these models can do there says nothing about a real one. A live daemon refuses them.',
          '',
        ]
      : []),
    `Trained ${manifest.created} with ${manifest.engine.name}, seed ${manifest.seed}, features ${manifest.feature_schema}, code ${manifest.git_commit ?? 'unknown'}.`,
    `Bars from ${period.from} to ${period.to}; nothing from ${period.holdout_from} on was used for any choice.`,
    '',
    '| model | answers |',
    '|---|---|',
    '| AI1 | will the spread revert within the horizon before its stop? |',
    '| AI2 | is this a moment to leave alone? |',
    '| AI3 | how much of the full size? |',
    '',
    '## Measured on the holdout',
    '',
    '| model | rows | label mean | AUC | Brier | Brier of the mean | log loss | calibration error |',
    '|---|---|---|---|---|---|---|---|',
    row('AI1', metrics.ai1.holdout),
    row('AI2', metrics.ai2.holdout),
    row('AI3', metrics.ai3.holdout),
    '',
    'A model whose Brier score is not below the one of the mean has learned nothing that lasts.',
    '',
    '## Purged cross-validation inside the training period, mean of the folds',
    '',
    '| model | rows | label mean | AUC | Brier | Brier of the mean | log loss | calibration error |',
    '|---|---|---|---|---|---|---|---|',
    row('AI1', metrics.ai1.cross_validation.mean),
    row('AI2', metrics.ai2.cross_validation.mean),
    row('AI3', metrics.ai3.cross_validation.mean),
    '',
    `AI2's label is any of: drawdown (${digits(metrics.ai2_parts['drawdown'] ?? null, 3)} of the rows), volatility (${digits(metrics.ai2_parts['volatility'] ?? null, 3)}), fall of correlation (${digits(metrics.ai2_parts['correlation'] ?? null, 3)}).`,
    '',
    `## Edge after costs on the holdout: ${withEdge} of ${Object.keys(edge).length} pairs`,
    '',
    `Thresholds: return_prob > ${manifest.theta1}, risk_score < ${manifest.theta2}. A pair without a proven edge is published with HOLD NO_EDGE.`,
    '',
    '| pair | AUC of AI1 | trades | gross bps | net bps | lower 5 % bound | verdict |',
    '|---|---|---|---|---|---|---|',
    ...Object.entries(edge).map(
      ([pair, e]) =>
        `| ${pair} | ${digits(metrics.ai1.holdout_by_pair[pair]?.auc ?? null, 4)} | ${e.trades} | ${digits(e.mean_gross_bps, 2)} | ${digits(e.mean_net_bps, 2)} | ${digits(e.lower_5_net_bps, 2)} | ${e.no_edge ? 'NO_EDGE' : 'edge'} |`,
    ),
    '',
  ].join('\n');
}
