import { MinutehandError } from '../../errors.ts';
import { decodeModel, ELEMENT_FLOAT32, type OnnxModel } from './schema.ts';
import { must, Unreadable } from './unreadable.ts';

/**
 * What `read` makes of the model in these bytes.
 * @param expected named in the error
 * @throws MinutehandError MODEL_LOAD when the bytes are no ONNX file, or `read` finds them unreadable; it names what
 * was seen
 */
export function readModel<T>(bytes: Uint8Array, expected: string, read: (model: OnnxModel) => T): T {
  try {
    return read(decodeModel(bytes));
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    const seen = cause instanceof Unreadable ? text : `${bytes.length} bytes that are not ONNX (${text})`;
    throw new MinutehandError('MODEL_LOAD', { seen, expected, cause });
  }
}

/**
 * The one input of a graph: float32 features [N, columns].
 * @throws Unreadable for other inputs
 */
export function featuresOf({ inputs }: OnnxModel['graph']): { readonly name: string; readonly columns: number } {
  must(inputs.length === 1, `${inputs.length} inputs`);
  const [input] = inputs as [OnnxModel['graph']['inputs'][number]];
  const tensor = input.type?.tensor;
  const dimensions = tensor?.shape?.dimensions ?? [];
  const columns = dimensions[1]?.size ?? 0;
  must(dimensions.length === 2 && columns > 0, 'an input of unknown width');
  must(tensor.elementType === ELEMENT_FLOAT32, `an input of element type ${tensor.elementType}`);
  return { name: input.name, columns };
}
