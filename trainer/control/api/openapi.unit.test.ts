import { expect, it } from 'vitest';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { ROUTES } from '../schema/table.ts';
import { openApiDocument } from './openapi.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}
interface Operation {
  readonly 'x-role': string;
  readonly parameters?: readonly { readonly name: string; readonly required?: boolean }[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}
interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const document = (await openApiDocument(loadSettings())) as Document;

/** The fields of the JSON of a request or a response: `name!` is always there. */
function fieldsOf({ content }: Content = {}): string[] {
  const resolved = (schema: Schema): Schema =>
    schema.$ref === undefined ? schema : document.components.schemas[schema.$ref.split('/').at(-1)!]!;
  const schema = resolved(content?.['application/json']?.schema ?? {});
  const { properties = {}, required = [] } =
    schema.anyOf?.map(resolved).find(({ type }) => type === 'object') ?? schema;
  return Object.keys(properties).map((name) => (required.includes(name) ? `${name}!` : name));
}

const RUN = 'run_id! kind! trigger! started_at! finished_at! status! stage! percent! error! theta1! theta2!';
const CHANGE = 'change_id! status! changes! before! reason! proposed_by! decided_by! policy_hash!';
const TRAINING = [
  'symbol timeframe start_date end_date save_model validation_split train_test_split cross_validation_folds',
  'prediction_horizon random_state early_stopping_rounds max_depth n_estimators learning_rate optimization_settings',
  'automl_config ensemble_config single_model_config',
].join(' ');
const GENERATORS = 'tsfresh featuretools autofeat';

/** The paths that the specification names: their role, what they take (parameters, body), and their answer. */
const SPECIFIED: readonly (readonly [name: string, role: string, takes: string, status: number, answer: string])[] = [
  ['POST /api/ml/train', 'operator', TRAINING, 202, RUN],
  ['POST /api/ml-training/train', 'operator', TRAINING, 202, RUN],
  [
    'GET /api/ml-training/training/status',
    'viewer',
    '',
    200,
    'is_training! status! progress! message! start_time! end_time! error!',
  ],
  ['POST /api/ml-training/stop', 'operator', 'run', 202, RUN],
  [
    'POST /api/automl-features/generate',
    'operator',
    'symbol! timeframe limit automl_config include_target',
    200,
    'success! message! feature_count! processing_time! feature_names! statistics!',
  ],
  ['POST /api/automl-features/validate-config', 'viewer', GENERATORS, 200, 'success! valid! errors! warnings!'],
  ['GET /api/automl-features/default-config', 'viewer', '', 200, 'tsfresh! featuretools! autofeat!'],
  ['POST /api/automl-features/clear-cache', 'operator', '', 200, 'success! message!'],
  ['GET /api/ml/models', 'viewer', '', 200, 'models!'],
  ['DELETE /api/ml/models/{model_id}', 'approver', 'model_id!', 200, 'removed! failed!'],
  [
    'POST /api/ml/models/{model_name}/load',
    'approver',
    'model_name! despite_gates reason',
    200,
    'version! previous! shadow!',
  ],
  [
    'GET /api/ml/models/current',
    'viewer',
    '',
    200,
    'version! previous! age_seconds! is_signed! manifest! card! direction_models!',
  ],
  ['GET /api/ml/status', 'viewer', '', 200, 'status! market! time! active_version! is_ready! daemons! schedules!'],
  ['GET /api/ml/config', 'viewer', '', 200, 'policy_hash! config!'],
  ['PUT /api/ml/config', 'operator', 'changes! reason!', 202, CHANGE],
  ['POST /api/ml/config/reset', 'operator', 'reason!', 202, CHANGE],
  ['POST /api/ml/models/cleanup', 'approver', '', 200, 'removed! failed!'],
];

it.each(SPECIFIED)('%s of the specification, for the role %s, takes "%s" and answers %i', (...specified) => {
  const [name, role, takes, status, answer] = specified;
  const [method, path] = name.split(' ') as [string, string];
  const operation = document.paths[path]![method.toLowerCase()]!;
  expect(operation['x-role']).toBe(role);
  const parameters = (operation.parameters ?? []).map(({ name: own, required }) => (required ? `${own}!` : own));
  const taken = [...parameters, ...fieldsOf(operation.requestBody)];
  const wanted = takes.split(' ').filter((field) => field !== '');
  expect(taken).toEqual(expect.arrayContaining(wanted));
  expect(taken.filter((field) => field.endsWith('!'))).toEqual(wanted.filter((field) => field.endsWith('!')));
  expect(fieldsOf(operation.responses[status])).toEqual(expect.arrayContaining(answer.split(' ')));
});

it('every route of the table of declarations is served, and no other route is described', () => {
  const described = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described.sort()).toEqual(Object.keys(ROUTES).sort());
});
