import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import type { ZodType } from 'zod';
import { symbolNames } from '../../../shared/policy/symbol_names.ts';
import { packageManifest } from '../../../shared/root.ts';
import { addGuard, MAX_ATTEMPT_WAIT_MS } from './access/guard.ts';
import { Throttle } from './access/throttle.ts';
import { TokenVerifier } from './access/tokens.ts';
import type { Api, ApiContext } from './context.ts';
import { acceptFiles } from './file_body.ts';
import { acceptJsonOnly } from './http_server.ts';
import { addDashboard } from './routes/dashboard.ts';
import { addAlertRoutes } from './routes/alerts.ts';
import { addChannelRoutes } from './routes/channels.ts';
import { addBacktestRoutes } from './routes/backtests.ts';
import { addAutomlFeatureRoutes } from './routes/automl_features.ts';
import { addChangeRoutes, addConfigRoutes } from './routes/config.ts';
import { addDescriptionRoutes } from './routes/description.ts';
import { addDocsRoutes } from './routes/docs.ts';
import { addCandleRoutes } from './routes/candles.ts';
import { addDataRoutes } from './routes/data.ts';
import { addBarChangeRoutes } from './routes/bar_changes.ts';
import { addFileImportRoute } from './routes/file_import.ts';
import { addImportPreviewRoute } from './routes/import_preview.ts';
import { addImportRoutes } from './routes/imports.ts';
import { addDirectionModelRoutes } from './routes/direction_models.ts';
import { addEventRoutes } from './routes/events.ts';
import { addExplainRoutes } from './routes/explain.ts';
import { addModelRoutes } from './routes/models.ts';
import { addModelWriteRoutes } from './routes/model_writes.ts';
import { addRolloutRoutes } from './routes/rollout.ts';
import { addRecordRoutes } from './routes/records.ts';
import { addPredictRoutes } from './routes/predict.ts';
import { addFleetRoutes } from './routes/fleet.ts';
import { addFormulaRoutes } from './routes/formulas.ts';
import { addGoLiveRoutes } from './routes/golive.ts';
import { addNewsRoutes } from './routes/news.ts';
import { addPerformanceRoutes } from './routes/performance.ts';
import { addReportRoutes } from './routes/reports.ts';
import { addStrategyRoutes } from './routes/strategies.ts';
import { addStopRoutes } from './routes/stops.ts';
import { addJobRoutes } from './routes/jobs.ts';
import { addRunRoutes } from './routes/runs.ts';
import { addSearchRoutes } from './routes/searches.ts';
import { addSessionRoutes } from './routes/session.ts';
import { addSignalRoutes } from './routes/signals.ts';
import { addStatusRoutes } from './routes/status.ts';
import { addSubjectRoutes } from './routes/subjects.ts';
import { addTrainingRoutes } from './routes/training.ts';
import { spellSubjects } from './spelled_subjects.ts';
import { COMMON_ERRORS } from '../schema/route_errors.ts';
import { refuseUnread } from './unread.ts';

const MAX_BODY_BYTES = 256 * 1024;
const EVERY_ROUTE = `Every route may answer ${COMMON_ERRORS.join(', ')}; \`x-errors\` has its own codes.`;
const SELF = ["'self'"];
/** No inline scripts or styles, no other sites, no frames. */
const SECURITY_HEADERS = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: SELF,
      styleSrc: SELF,
      imgSrc: ["'self'", 'data:'],
      fontSrc: SELF,
      connectSrc: SELF,
      manifestSrc: SELF,
      formAction: SELF,
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  frameguard: { action: 'deny' },
  // Plain HTTP on loopback: TLS and this header belong to a proxy.
  strictTransportSecurity: false,
} as const;

/**
 * Adds the API below `/api`, `/login` and the dashboard to the trainer's server.
 * @returns a function that gives the OpenAPI document once the server is ready
 */
export async function addApi(server: FastifyInstance, context: ApiContext): Promise<() => object> {
  let document = (): object => ({});
  await server.register(async (scope) => {
    const api = scope.withTypeProvider<ZodTypeProvider>();
    api.setValidatorCompiler(validatorCompiler);
    api.setSerializerCompiler(serializerCompiler);
    acceptJsonOnly(api, MAX_BODY_BYTES);
    acceptFiles(api);
    const optionalBodies = new Set<string>();
    api.addHook('onRoute', ({ method, url, schema, config }) => {
      const { body } = (schema ?? {}) as { readonly body?: ZodType };
      if (config?.maxFileBytes !== undefined || body === undefined || !body.safeParse({}).success) return;
      for (const one of [method].flat()) optionalBodies.add(`${one} ${url.replace(/:(\w+)/g, '{$1}')}`);
    });
    await api.register(cookie);
    await api.register(helmet, SECURITY_HEADERS);
    await api.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: { title: 'minutehand', version: packageManifest().version, description: EVERY_ROUTE },
      },
      transform: describedRoute,
      transformObject: (made) => withSortedSchemas(withOptionalBodies(jsonSchemaTransformObject(made), optionalBodies)),
    });
    const credentials = {
      throttle: new Throttle(),
      attempts: new Throttle(MAX_ATTEMPT_WAIT_MS),
      verifier: new TokenVerifier(),
    };
    addGuard(api, context, credentials);
    const names = symbolNames(context.settings);
    api.addHook('preValidation', async ({ params, query, body }) => {
      for (const values of [params, query, body]) spellSubjects(values, names);
    });
    api.addHook('preValidation', async (request) => refuseUnread(request));
    api.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'));
    addSessionRoutes(api, context, credentials);
    addDescriptionRoutes(api);
    addDocsRoutes(api);
    for (const add of ROUTES) add(api, context);
    await addDashboard(api);
    document = () => api.swagger();
  });
  return () => document();
}

const ROUTES: readonly ((api: Api, context: ApiContext) => void)[] = [
  addStatusRoutes,
  addSubjectRoutes,
  addSignalRoutes,
  addNewsRoutes,
  addExplainRoutes,
  addEventRoutes,
  addModelRoutes,
  addRunRoutes,
  addJobRoutes,
  addFleetRoutes,
  addAlertRoutes,
  addChannelRoutes,
  addTrainingRoutes,
  addModelWriteRoutes,
  addDirectionModelRoutes,
  addRolloutRoutes,
  addConfigRoutes,
  addChangeRoutes,
  addAutomlFeatureRoutes,
  addRecordRoutes,
  addGoLiveRoutes,
  addPerformanceRoutes,
  addBacktestRoutes,
  addReportRoutes,
  addStopRoutes,
  addPredictRoutes,
  addDataRoutes,
  addCandleRoutes,
  addImportRoutes,
  addImportPreviewRoute,
  addFileImportRoute,
  addBarChangeRoutes,
  addSearchRoutes,
  addStrategyRoutes,
  addFormulaRoutes,
];

/** A route with its role and its error codes. */
const describedRoute: typeof jsonSchemaTransform = (one) => {
  const { schema, url } = jsonSchemaTransform(one);
  const { config } = one.route;
  return { url, schema: { ...schema, 'x-role': config?.role ?? 'public', 'x-errors': config?.errors ?? [] } };
};

/** Schemas are listed as they were loaded, which another program, or a test before, may do in another order. */
function withSortedSchemas(document: ReturnType<typeof jsonSchemaTransformObject>) {
  if (!('components' in document) || document.components?.schemas === undefined) return document;
  const { schemas } = document.components;
  const sorted = Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
  Object.assign(document.components, { schemas: sorted });
  return document;
}

/** Marks the bodies without a required field as optional: sending none is sending no fields. */
function withOptionalBodies(document: ReturnType<typeof jsonSchemaTransformObject>, names: ReadonlySet<string>) {
  for (const [path, operations] of Object.entries(document.paths ?? {}))
    for (const [method, operation] of Object.entries(operations ?? {})) {
      const { requestBody } = operation as { requestBody?: { required?: boolean } };
      if (requestBody !== undefined && names.has(`${method.toUpperCase()} ${path}`)) requestBody.required = false;
    }
  return document;
}
