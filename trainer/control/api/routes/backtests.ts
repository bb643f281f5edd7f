import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type * as z from 'zod';
import { isoMinute, shownMinute } from '../../../../shared/bar.ts';
import { listVersions, readActive, readManifest } from '../../../../shared/bundle/bundle.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { holdoutSharpe } from '../../../../shared/bundle/holdout_sharpe.ts';
import { pairUnknown } from '../../../../shared/policy/known_subject.ts';
import { symbolsOf } from '../../../../shared/pair.ts';
import { shardsOf } from '../../../../shared/policy/policy.ts';
import { knownSpan } from '../../../jobs/bars/installation_bars.ts';
import { storeUrlIfThere } from '../../../store/store.ts';
import { testerSignals } from '../../../learning/backtest/tester_signals.ts';
import type { BacktestRequest } from '../../schedule/backtest_queue.ts';
import type { Api, ApiContext } from '../context.ts';
import { backtestFigures } from '../backtest_figures.ts';
import { compareBacktests } from '../backtest_comparison.ts';
import { backtestRequest, backtestsSchema } from '../../schema/records.ts';
import { backtestRoutes } from '../../schema/backtests.ts';
import { minuteOf } from '../training_options.ts';
import { PAGE_POLICY } from './reports.ts';
import { pathInside } from '../../../../shared/path_name.ts';
import { isThere } from '../../../../shared/files.ts';

const KEPT_SPAN_MS = 30_000;
const FILES = { 'trades.csv': 'text/csv', 'equity.csv': 'text/csv', 'report.html': 'text/html' } as const;

/** Routes below `/api/backtests`. */
export function addBacktestRoutes(api: Api, context: ApiContext): void {
  const { settings, paths, backtests } = context;
  const span = keptSpan(context);

  api.route({
    ...backtestRoutes['GET /api/backtests'],
    handler: async ({ query: { limit } }) => ({
      backtests: holdoutsOf(paths.models),
      bars: await span(),
      requested: await (await backtests.queue()).list(limit),
    }),
  });

  api.route({
    ...backtestRoutes['POST /api/backtests'],
    async handler(request, reply) {
      const body = request.body ?? backtestRequest.parse({});
      const { reason } = body;
      request.written = { target: 'backtest', after: body };
      const wanted = checked(body, context);
      refuseOutside(wanted, await span());
      const by = request.identity!.name;
      const added = await backtests.request({ request: wanted, reason, by, policyHash: settings.policyHash });
      request.written = { target: `backtest ${added.backtest_id}`, after: body };
      return reply.status(202).send(added);
    },
  });

  api.route({
    ...backtestRoutes['POST /api/backtests/{backtest_id}/cancel'],
    async handler(request, reply) {
      const { backtest_id } = request.params;
      request.written = { target: `backtest ${backtest_id}` };
      return reply.status(202).send(await backtests.cancel(backtest_id));
    },
  });
  addBacktestReads(api, context);
}

function addBacktestReads(api: Api, { backtests }: ApiContext): void {
  api.route({
    ...backtestRoutes['GET /api/backtests/compare'],
    async handler({ query: { before, after } }) {
      const queue = await backtests.queue();
      return compareBacktests(await queue.find(before), await queue.find(after));
    },
  });

  api.route({
    ...backtestRoutes['GET /api/backtests/{backtest_id}'],
    async handler({ params: { backtest_id } }) {
      const found = await (await backtests.queue()).find(backtest_id);
      return { ...found, figures: backtestFigures(found.result) };
    },
  });

  api.route({
    ...backtestRoutes['GET /api/backtests/{backtest_id}/files/{name}'],
    async handler({ params: { backtest_id, name } }, reply) {
      await (await backtests.queue()).find(backtest_id);
      const file = pathInside(backtests.folder(backtest_id), name);
      if (!isThere(file)) throw new MinutehandError('BACKTEST_UNKNOWN', { seen: `no ${name} of ${backtest_id}` });
      void reply.header('content-security-policy', PAGE_POLICY).type(`${FILES[name]}; charset=utf-8`);
      return reply.send(createReadStream(file));
    },
  });

  api.route({
    ...backtestRoutes['GET /api/backtests/{backtest_id}/tester-signals'],
    async handler({ params: { backtest_id }, query: { view, model } }, reply) {
      await (await backtests.queue()).find(backtest_id);
      const trades = await tradesOf(backtests.folder(backtest_id));
      if (trades === null) throw new MinutehandError('BACKTEST_UNKNOWN', { seen: `no trades.csv of ${backtest_id}` });
      const signals = testerSignals(trades, { view, ...(model === undefined ? {} : { model }) });
      if (signals.trades === 0)
        throw new MinutehandError('TESTER_EMPTY', {
          seen: `${view} of ${signals.model}: ${signals.unpublished} trades were prevented by NO_EDGE`,
        });
      void reply.header('content-disposition', 'attachment; filename="tester_signals.csv"');
      return reply.type('text/csv; charset=utf-8').send(signals.text);
    },
  });
}

/** null where the files are no longer kept. */
async function tradesOf(folder: string): Promise<string | null> {
  const file = pathInside(folder, 'trades.csv');
  return isThere(file) ? readFile(file, 'utf8') : null;
}

type Span = z.infer<typeof backtestsSchema>['bars'];

/** The span of the bars, which every page asks for every few seconds. */
function keptSpan(context: ApiContext): () => Promise<Span> {
  let kept: { readonly atMs: number; readonly span: Promise<Span> } | null = null;
  return () => {
    const nowMs = context.clock.nowMs();
    if (kept === null || Math.abs(nowMs - kept.atMs) > KEPT_SPAN_MS) {
      const span = readSpan(context);
      kept = { atMs: nowMs, span };
      span.catch(() => (kept = null));
    }
    return kept.span;
  };
}

async function readSpan({ settings: { minutehand }, paths, store }: ApiContext): Promise<Span> {
  const { market } = minutehand;
  const shards = shardsOf(minutehand);
  const span = await knownSpan({
    symbols: symbolsOf(shards.flatMap(({ pairs }) => pairs)),
    market,
    journals: shards.map(({ name }) => paths.journal(market, name)).filter((path) => isThere(path)),
    store: storeUrlIfThere(process.env, paths) === null ? null : await store(),
  });
  return span === null ? null : { from: isoMinute(span.first), to: isoMinute(span.last) };
}

/** A period without a bar; its run would end with nothing. @throws MinutehandError REQUEST_INVALID */
function refuseOutside({ from, to }: BacktestRequest, span: Span): void {
  if (span === null) return;
  const expected = `a time of the bars: ${shownMinute(span.from)} to ${shownMinute(span.to)} UTC`;
  if (from !== null && Date.parse(from) > Date.parse(span.to))
    throw new MinutehandError('REQUEST_INVALID', { seen: `from ${shownMinute(from)}`, expected });
  if (to !== null && Date.parse(to) <= Date.parse(span.from))
    throw new MinutehandError('REQUEST_INVALID', { seen: `to ${shownMinute(to)}`, expected });
}

/** @throws MinutehandError MODEL_MISSING, PAIR_UNKNOWN, REQUEST_INVALID */
function checked(body: z.infer<typeof backtestRequest>, { settings, paths }: ApiContext): BacktestRequest {
  const known = listVersions(paths.models);
  const active = readActive(paths.models)?.version;
  const models = body.models ?? (active === undefined ? [] : [active]);
  if (models.length === 0) throw new MinutehandError('MODEL_MISSING', { seen: 'no bundle is active' });
  const missing = models.find((version) => !known.includes(version));
  if (missing !== undefined) throw new MinutehandError('MODEL_MISSING', { seen: missing });
  const configured = shardsOf(settings.minutehand).flatMap(({ pairs }) => pairs.map((pair) => pair.id));
  const unknown = body.pairs?.find((pair) => !configured.includes(pair));
  if (unknown !== undefined) throw pairUnknown([unknown], configured);
  const from = minuteOf(body.from) ?? null;
  const to = minuteOf(body.to) ?? null;
  if (from !== null && to !== null && Date.parse(from) >= Date.parse(to))
    throw new MinutehandError('REQUEST_INVALID', { seen: `from ${from} to ${to}`, expected: 'to after from' });
  const { pairs = null, theta1 = null, theta2 = null, costs } = body;
  return { models, from, to, pairs, theta1, theta2, costs };
}

/** Newest first; unreadable bundles are left out. */
function holdoutsOf(models: string) {
  return [...listVersions(models)].reverse().flatMap((version) => {
    try {
      const { created, market, theta1, theta2, backtest, edge, gates, period } = readManifest(
        pathInside(models, version),
      );
      const holdout = backtest ?? null;
      const sharpe = holdoutSharpe(backtest?.net_sharpe, period);
      return [{ version, created, market, theta1, theta2, holdout, sharpe, edge, gates: gates ?? null }];
    } catch {
      return [];
    }
  });
}
