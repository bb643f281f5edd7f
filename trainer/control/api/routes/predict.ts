import { MinutehandError } from '../../../../shared/errors.ts';
import { openSignalTables } from '../../history/signal_tables.ts';
import { ActiveScores } from '../active_scores.ts';
import type { InstrumentBody } from '../../../../shared/signal/instrument_signal.ts';
import type { Api, ApiContext } from '../context.ts';
import { clientLeft } from '../http_server.ts';
import { signalOf } from './signals.ts';
import { predictRoutes } from '../../schema/predict.ts';

/** `GET|POST /api/ml/predict`. */
export function addPredictRoutes(api: Api, { settings, paths, store, signals, clock }: ApiContext): void {
  let scores: ActiveScores | null = null;
  api.addHook('onClose', async () => scores?.close());

  async function latestOf(subject: string) {
    const live = signals.last.get(subject);
    if (live !== undefined) return { source: 'daemon' as const, signal: live };
    const tables = await openSignalTables(await store(), settings.signals);
    const row = (await tables.live(settings.minutehand.market)).find(({ pair_id }) => pair_id === subject);
    return row === undefined ? null : { source: 'history' as const, signal: signalOf(row) };
  }

  api.route({
    ...predictRoutes['GET /api/ml/predict'],
    async handler({ query: { subject } }) {
      const found = await latestOf(subject);
      if (found === null) throw new MinutehandError('SCORES_UNKNOWN', { seen: subject });
      const { source, signal } = found;
      const { timestamp, model_version, return_prob, risk_score, position_scale, z_score, theta1, theta2 } = signal;
      return {
        subject,
        timestamp,
        source,
        model_version,
        return_prob,
        risk_score,
        position_scale,
        z_score,
        theta1,
        theta2,
        expected_net_bps: signal.expected_net_bps ?? null,
        ml_up_prob: ofInstrument(signal, 'ml_up_prob'),
        ml_down_prob: ofInstrument(signal, 'ml_down_prob'),
        ml_range_prob: ofInstrument(signal, 'ml_range_prob'),
        feature_schema: String(signal['feature_schema']),
        age_seconds: Math.max(0, (clock.nowMs() - signal.generated_at_ms) / 1000),
      };
    },
  });

  api.route({
    ...predictRoutes['POST /api/ml/predict'],
    handler: ({ body }, reply) => (scores ??= new ActiveScores(settings, paths)).score(body, clientLeft(reply.raw)),
  });
}

/** A field that only signals of instruments have. */
function ofInstrument(signal: object, name: 'ml_up_prob' | 'ml_down_prob' | 'ml_range_prob'): number | null {
  return (signal as Partial<InstrumentBody>)[name] ?? null;
}
