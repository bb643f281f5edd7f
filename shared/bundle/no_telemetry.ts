/*
 * The newer Linux and macOS builds of onnxruntime send usage events with a persistent device id to Microsoft unless
 * this variable is set before the library is loaded (microsoft/onnxruntime pull request 27379). What trades with
 * somebody's money reports to nobody by itself. Who wants it on sets ORT_DISABLE_TELEMETRY=0.
 */
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
