const ANSWER_MS = 3000;

/** What a daemon answers to `GET /metrics`, in the text format of Prometheus; empty when it does not answer in time. */
export async function daemonMetrics(url: string): Promise<string> {
  try {
    const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS) });
    return await response.text();
  } catch {
    return '';
  }
}
