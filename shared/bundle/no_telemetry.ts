/*
 * The newer Linux and macOS builds of onnxruntime send usage events with a persistent device id to Microsoft unless
 * this variable is set before the library is loaded (microsoft/onnxruntime pull request 27379). A trading program sends
 * no data to third parties by default. ORT_DISABLE_TELEMETRY=0 turns it on.
 *
 * A worker thread has a copy of the environment, which the library does not read: the main thread has to import this
 * before it starts a thread that loads onnxruntime.
 */
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
