import type * as z from 'zod';
import { MinutehandError } from '../../../../shared/errors.ts';
import { effectOf } from '../../../../shared/policy/applies.ts';
import { allowed, jsonSchema, propertiesOf, schemaAt, type JsonSchema } from '../../../../shared/policy/json_schema.ts';
import type { InUse } from '../../../../shared/policy/change_effects.ts';
import { allDeliveredValues } from '../../../../shared/policy/delivered.ts';
import type { Settings } from '../../../../shared/policy/policy.ts';
import { maskSecretsIn } from '../../../../shared/secrets.ts';
import { readYamlFile } from '../../../../shared/policy/yaml_file.ts';
import { listChanges } from '../../policy/changes.ts';
import { currentSettings } from '../../policy/current_settings.ts';
import { changesToDelivered } from '../../policy/config_proposal.ts';
import { recentInUse } from '../../policy/in_use.ts';
import type { Api, ApiContext } from '../context.ts';
import { configRoutes, policySchema } from '../../schema/config.ts';

const POLICY_PARTS = ['core', 'retrain', 'signals'] as const;

/** `GET|PUT /api/ml/config`, `POST /api/ml/config/reset`, `GET /api/policy`. */
export function addConfigRoutes(api: Api, { settings: loaded, paths, policy, clock }: ApiContext): void {
  const current = currentSettings(loaded, paths);
  api.route({
    ...configRoutes['GET /api/ml/config'],
    async handler() {
      const settings = current();
      const { core, retrain, signals, minutehand } = settings;
      const config = maskSecretsIn({ core, retrain, signals, minutehand });
      return {
        policy_hash: settings.policyHash,
        loaded_policy_hash: loaded.policyHash,
        config,
        overrides: settings.sources.overrides.map((one) => ({ ...one })),
      };
    },
  });

  api.route({
    ...configRoutes['PUT /api/ml/config'],
    async handler(request, reply) {
      const { changes, reason } = request.body;
      request.written = { target: 'configuration', after: changes };
      const change = await policy.propose({ changes, reason, by: request.identity!.name });
      request.written = { target: `change ${change.change_id}`, before: change.before, after: changes };
      return reply.status(202).send(change);
    },
  });

  api.route({
    ...configRoutes['POST /api/ml/config/reset'],
    async handler(request, reply) {
      const changes = changesToDelivered(current());
      if (Object.keys(changes).length === 0)
        throw new MinutehandError('REQUEST_INVALID', { seen: 'the policy already has its delivered values' });
      const change = await policy.propose({ changes, reason: request.body.reason, by: request.identity!.name });
      request.written = { target: `change ${change.change_id}`, before: change.before, after: change.changes };
      return reply.status(202).send(change);
    },
  });

  addPolicyRoute(
    api,
    current,
    recentInUse(paths, () => clock.nowMs()),
  );
}

function addPolicyRoute(api: Api, current: () => Settings, inUse: ReturnType<typeof recentInUse>): void {
  let shown = current();
  let entries = policyEntries(shown);
  api.route({
    ...configRoutes['GET /api/policy'],
    async handler() {
      const settings = current();
      if (settings !== shown) {
        entries = policyEntries(settings);
        shown = settings;
      }
      return { policy_hash: settings.policyHash, entries, in_use: shownInUse(inUse(settings)) };
    },
  });
}

/** `GET /api/changes`, `POST /api/changes/{change_id}/approve|reject|take-back`. */
export function addChangeRoutes(api: Api, { settings: loaded, paths, store, clock, policy }: ApiContext): void {
  const current = currentSettings(loaded, paths);
  const inUse = recentInUse(paths, () => clock.nowMs());
  api.route({
    ...configRoutes['GET /api/changes'],
    async handler({ query: { limit } }) {
      const settings = current();
      return {
        changes: await listChanges(await store(), clock.nowMs(), limit),
        two_person_rule: settings.retrain.change_two_person_rule,
        in_use: shownInUse(inUse(settings)),
      };
    },
  });

  for (const verb of ['approve', 'reject'] as const)
    api.route({
      ...configRoutes[`POST /api/changes/{change_id}/${verb}`],
      async handler(request) {
        const { change_id: id } = request.params;
        request.written = { target: `change ${id}` };
        const change = await policy[verb](id, request.identity!.name);
        request.written = { target: `change ${id}`, before: change.before, after: change.changes };
        return change;
      },
    });

  api.route({
    ...configRoutes['POST /api/changes/{change_id}/take-back'],
    async handler(request, reply) {
      const { change_id: id } = request.params;
      request.written = { target: `change ${id}` };
      const change = await policy.takeBack(id, request.body.reason, request.identity!.name);
      request.written = { target: `change ${change.change_id}`, before: change.before, after: change.changes };
      return reply.status(202).send(change);
    },
  });
}

/** Copies for the schema of the response, whose arrays are mutable. */
function shownInUse({ active_models, quoted_spreads, paper_accounts }: InUse) {
  return { active_models, quoted_spreads: [...quoted_spreads], paper_accounts: [...paper_accounts] };
}

/** The entries of the policy files, and the values of minutehand.yaml. */
function policyEntries(settings: Settings): z.infer<typeof policySchema>['entries'] {
  const ofFiles = POLICY_PARTS.flatMap((part) => {
    const delivered = allDeliveredValues(part);
    const read = readYamlFile(settings.sources.files[part]);
    const texts = ('yaml' in read ? read.yaml.value : {}) as Record<
      string,
      { label_ja?: string; description?: string } | undefined
    >;
    return Object.entries(maskSecretsIn(settings[part])).map(([key, value]) => ({
      key: `${part}.${key}`,
      part,
      value,
      delivered: delivered[key] ?? null,
      label_ja: texts[key]?.label_ja ?? null,
      description: texts[key]?.description ?? '',
      allowed: allowed(schemaAt(jsonSchema(part), [key, 'value']) ?? {}),
      ...shownEffect(`${part}.${key}`),
    }));
  });
  const ofInstallation = leavesOf(jsonSchema('minutehand'), maskSecretsIn(settings.minutehand), 'minutehand').map(
    ({ key, value, schema }) => ({
      key,
      part: 'minutehand' as const,
      value,
      delivered: null,
      label_ja: null,
      description: schema.description ?? '',
      allowed: allowed(schema),
      ...shownEffect(key),
    }),
  );
  return [...ofFiles, ...ofInstallation];
}

function shownEffect(key: string) {
  const { applies, keptBy } = effectOf(key);
  return { applies, kept_by: [...keptBy] };
}

interface Leaf {
  readonly key: string;
  readonly value: unknown;
  readonly schema: JsonSchema;
}

/** Of a map, such as the costs of symbols: the map, to which names can be added, and what it has of each name. */
function leavesOf(schema: JsonSchema, value: unknown, key: string): Leaf[] {
  const properties = Object.entries(propertiesOf(schema));
  const { additionalProperties: ofName } = schema;
  if (typeof ofName === 'object' && Object.keys(propertiesOf(ofName)).length > 0) {
    const figures = Object.entries((value ?? {}) as Readonly<Record<string, object>>).flatMap(([name, own]) =>
      Object.entries(propertiesOf(ofName))
        .filter(([figure]) => Object.hasOwn(own, figure))
        .flatMap(([figure, one]) =>
          leavesOf(one, (own as Record<string, unknown>)[figure], `${key}.${name}.${figure}`),
        ),
    );
    return [{ key, value, schema }, ...figures];
  }
  if (properties.length === 0 || typeof value !== 'object' || value === null) return [{ key, value, schema }];
  return properties.flatMap(([name, own]) => leavesOf(own, (value as Record<string, unknown>)[name], `${key}.${name}`));
}
