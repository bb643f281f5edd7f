/** The only door to onnxruntime-node: the first import has to come before the second. */
import './no_telemetry.ts';
export { InferenceSession, Tensor } from 'onnxruntime-node';
