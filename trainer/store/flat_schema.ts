import {
  IdentifierNode,
  OperationNodeTransformer,
  SchemableIdentifierNode,
  type KyselyPlugin,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
  type QueryResult,
  type RootOperationNode,
  type UnknownRow,
} from 'kysely';
import { flatName } from './schema/table.ts';

class FlatNames extends OperationNodeTransformer {
  protected override transformSchemableIdentifier(node: SchemableIdentifierNode): SchemableIdentifierNode {
    if (node.schema === undefined) return node;
    const { name } = node.identifier;
    return { ...SchemableIdentifierNode.create(flatName(`${node.schema.name}.${name}`)) };
  }

  protected override transformIdentifier(node: IdentifierNode): IdentifierNode {
    return node;
  }
}

/** Runs the queries of this store, which use `schema.table` everywhere, on SQLite. */
export const FLAT_SCHEMA: KyselyPlugin = {
  transformQuery({ node }: PluginTransformQueryArgs): RootOperationNode {
    return new FlatNames().transformNode(node);
  },
  transformResult({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    return Promise.resolve(result);
  },
};
