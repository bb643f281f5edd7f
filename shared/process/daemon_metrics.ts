import { ask } from '../outgoing.ts';

const ANSWER_MS = 3000;
/** Of the metrics of thousands of symbols. */
const MAX_ANSWER_BYTES = 64 << 20;

/** What a daemon answers to `GET /metrics`, in the text format of Prometheus; empty when it does not answer in time. */
export async function daemonMetrics(url: string): Promise<string> {
  try {
    const answer = await ask(`${url}/metrics`, { withinMs: ANSWER_MS, maxBytes: MAX_ANSWER_BYTES, place: null });
    return answer.body.toString('utf8');
  } catch {
    return '';
  }
}
