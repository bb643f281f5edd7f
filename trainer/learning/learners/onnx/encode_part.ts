import { metadataEntries, OPSETS, scoreOutput } from '../../../../shared/bundle/onnx/onnx.ts';
import { encodeNode, type OnnxValue } from '../../../../shared/bundle/onnx/schema.ts';
import type { GraphPart, ModelVersions } from '../contract/graph_part.ts';
import { encodeWholeModel } from './whole_model.ts';

export interface PartModel {
  readonly name: string;
  readonly input: OnnxValue;
  /** What computes the output `score` float32 [N, width]. */
  readonly part: GraphPart;
  /** Answers per row; default 1. */
  readonly width?: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A part of a graph as a model. Equal parts give equal bytes, and of own nodes alone those of `encodeGraph`. */
export function encodePart({ name, input, part, width = 1, metadata }: PartModel): Uint8Array {
  return encodeWholeModel({
    producerName: 'minutehand',
    graph: {
      name,
      nodes: part.nodes.map((node) => (node instanceof Uint8Array ? node : encodeNode(node))),
      initializers: part.tensors,
      inputs: [input],
      outputs: [scoreOutput(width)],
      values: [],
      sparseInitializers: [],
    },
    metadata: metadataEntries(metadata),
    ...versionsOf(part.versions),
  });
}

/** Operators of a model of another program stay what they mean there; those of our own nodes have not changed since. */
function versionsOf(foreign: ModelVersions | null): ModelVersions {
  if (foreign === null) return OPSETS;
  const others = OPSETS.opsets.filter(({ domain }) => !foreign.opsets.some((own) => own.domain === domain));
  return { irVersion: Math.max(foreign.irVersion, OPSETS.irVersion), opsets: [...foreign.opsets, ...others] };
}
