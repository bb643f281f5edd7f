import { join } from 'node:path';
import { format } from 'oxfmt';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../shared/root.ts';
import { createConsumer, REFUSALS, type Order, type Verdict } from '../../shared/signal/consumer.ts';
import { CONSUMER_VECTORS, type ConsumerVector, type Expectation } from './consumer_vectors.ts';

const orderText = (order: Order): string =>
  'positionId' in order ? `${order.order} ${order.positionId}` : order.order;
const shorten = (verdict: Verdict): Expectation =>
  verdict.verdict === 'refuse' ? { refuse: verdict.code } : { orders: verdict.orders.map(orderText) };

function live({ markets, instruments = false, max_clock_skew_ms: maxClockSkewMs, steps }: ConsumerVector): void {
  const options = { markets, instruments, maxClockSkewMs };
  let consumer = createConsumer(options);
  for (const step of steps) {
    if ('restart' in step) {
      consumer = createConsumer({ ...options, state: JSON.parse(JSON.stringify(consumer.state())) });
    } else if ('closed' in step) {
      consumer.closed(step.closed);
    } else {
      const verdict = consumer.take(step.text, step.now_ms, step.from === undefined ? undefined : [step.from]);
      expect(shorten(verdict), JSON.stringify(verdict)).toEqual(step.expect);
      if (step.legs === undefined) continue;
      const size = step.legs.length === 1 ? { scale: 1, maxAgeBars: 24 } : { scale: 0.5, maxAgeBars: 60 };
      expect(verdict).toMatchObject({ orders: [{ legs: step.legs, ...size }] });
    }
  }
}

describe('the conformance vectors of a consumer', () => {
  it.each(CONSUMER_VECTORS.map((vector) => [vector.name, vector] as const))('hold: %s', (_, vector) => live(vector));

  it('cover every refusal and every order', () => {
    const printed = CONSUMER_VECTORS.flatMap(({ steps }) => steps)
      .flatMap((step) => ('expect' in step ? [step.expect] : []))
      .flatMap((expectation) => ('refuse' in expectation ? [expectation.refuse] : expectation.orders))
      .map((words) => words.split(' ')[0]!);
    expect(new Set(printed)).toEqual(new Set([...Object.keys(REFUSALS), 'open', 'close', 'hold', 'halt']));
  });

  // Updated by `npx vitest run test/vectors --update`.
  it('are in consumer.json for consumers in other languages', async () => {
    const path = join(packageRoot(), 'test', 'vectors', 'consumer.json');
    const { code } = await format(path, JSON.stringify(CONSUMER_VECTORS), { printWidth: 120 });
    await expect(code).toMatchFileSnapshot(path);
  });
});
