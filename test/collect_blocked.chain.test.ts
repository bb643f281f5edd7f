import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { HealthReport } from '../daemon/health/health.ts';
import { readAddress, urlOf } from '../shared/address.ts';
import { createWorkplace, eventually } from './cli_process.ts';
import { startFakeBinance } from './fake_binance.ts';
import { skipNote } from './skip_note.ts';
import { tinySettings } from './tiny_settings.ts';

const CCXT = ccxtFolder();
const NO_CCXT = CCXT === null && !process.env.CI;
const PAGE =
  '<!DOCTYPE html><html><head><title>ERROR: The request could not be satisfied</title></head><body>403</body></html>';

function ccxtFolder(): string | null {
  const named = process.env['MINUTEHAND_CCXT'];
  if (named !== undefined) return named;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve('ccxt')));
  } catch {
    return null;
  }
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

it.skipIf(NO_CCXT)(
  `what the exchange refuses by region is not asked again at once, and the other symbol is collected${skipNote(NO_CCXT, 'ccxt is not installed; MINUTEHAND_CCXT names its folder')}`,
  { timeout: 180_000 },
  async () => {
    const fake = await startFakeBinance(['BTCUSDT', 'ETHUSDT']);
    cleanups.push(() => fake.close());
    fake.broken.set('klines BTCUSDT', { status: 403, body: PAGE });
    fake.broken.set('fundingRate BTCUSDT', { status: 451, body: '{"code":0,"msg":"from a restricted location"}' });
    const [costs] = Object.values(tinySettings().minutehand.symbols);
    const symbols = { ...tinySettings().minutehand.symbols, BTCUSDT: costs!, ETHUSDT: costs! };
    const workplace = createWorkplace({ minutehand: { market: 'live', pairs: ['BTCUSDT_ETHUSDT'], symbols } });
    cleanups.push(() => workplace.remove());
    workplace.start(['daemon']);
    const healthOf = async (): Promise<HealthReport | null> => {
      const address = readAddress(join(workplace.home, 'daemon_main.json'));
      if (address === null) return null;
      const answer = await fetch(`${urlOf(address)}/healthz`).catch(() => null);
      return answer === null ? null : ((await answer.json()) as HealthReport);
    };
    await eventually(() => 'a daemon', healthOf);
    const collector = workplace.start(
      ['collect', '--exchange-url', fake.url, '--history', '120', '--poll', '1', '--timeframe', '1m'],
      { MINUTEHAND_CCXT: CCXT! },
    );
    const asked = (what: string): number => fake.requests.filter((one) => one.endsWith(what)).length;
    const said = (): string => `${collector.stdout()} ${collector.stderr()}`;
    await eventually(
      () => `funding: ${said()}`,
      () => asked('fundingRate BTCUSDT') > 0,
    );
    // The bar of the next minute.
    await eventually(
      () => `a second bar: ${said()}`,
      () => asked('klines ETHUSDT') > 1,
    );
    expect([asked('klines BTCUSDT'), asked('fundingRate BTCUSDT')]).toEqual([1, 1]);
    const { last_bars } = (await healthOf())!;
    expect(Object.keys(last_bars)).toEqual(['ETHUSDT']);
    const refusals = collector
      .stdout()
      .split('\n')
      .filter((line) => line.includes('COLLECT_EXCHANGE'));
    // One line for each kind of data, of which open interest is not asked for while the symbol rests.
    expect(refusals.length).toBeLessThanOrEqual(3);
    for (const refusal of refusals) expect(refusal).toMatch(/BTCUSDT.*blocked in this region.*It is asked again at/);
    expect(refusals.join('\n')).toMatch(/403 Forbidden a page: ERROR: The request could not be satisfied/);
    expect(refusals.join('\n')).toMatch(/451 .*restricted location/);
    collector.kill('SIGTERM');
    expect(await collector.ended).toBe(0);
  },
);
