import { MinutehandError } from '../errors.ts';
import { checkHash, type Blobs, type KeptResult } from './blobs.ts';
import { verified } from './folder_blobs.ts';
import { sha256Hex } from '../sha256.ts';

/** The used part of @aws-sdk/client-s3, which is loaded only for blobs in a bucket. */
interface Sdk {
  readonly S3Client: new (options: Readonly<Record<string, unknown>>) => {
    send(command: object, options: { abortSignal: AbortSignal }): Promise<Answer>;
    destroy(): void;
  };
  readonly GetObjectCommand: new (input: ObjectName) => object;
  readonly HeadObjectCommand: new (input: ObjectName) => object;
  readonly PutObjectCommand: new (
    input: ObjectName & { readonly Body: Uint8Array; readonly IfNoneMatch?: '*' },
  ) => object;
}

interface ObjectName {
  readonly Bucket: string;
  readonly Key: string;
}

interface Answer {
  readonly Body?: { transformToByteArray(): Promise<Uint8Array> };
}

interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const TIMEOUT_MS = 300_000;
const CONNECT_MS = 10_000;
const ATTEMPTS = 5;

/**
 * Blobs in a bucket of S3 or of a server that speaks its protocol.
 * @param url `s3://bucket[/prefix][?region=…][&endpoint=https://…]`; credentials as of the archive
 */
export async function s3Blobs(url: URL): Promise<Blobs> {
  // A variable name keeps tsc from loading the package's thousands of types; `Sdk` declares the used ones.
  const name: string = '@aws-sdk/client-s3';
  const sdk = (await import(name)) as Sdk;
  const endpoint = url.searchParams.get('endpoint');
  const client = new sdk.S3Client({
    region: url.searchParams.get('region') ?? 'us-east-1',
    maxAttempts: ATTEMPTS,
    requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: TIMEOUT_MS },
    // Not every server knows the checksums of 2024; what is read is hashed here.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...(endpoint !== null && { endpoint, forcePathStyle: true }),
  });
  const prefix = url.pathname.split('/').filter((word) => word !== '');
  const nameOf = (kind: string, hash: string): ObjectName => ({
    Bucket: url.hostname,
    Key: [...prefix, kind, checkHash(hash).slice(0, 2), hash].join('/'),
  });
  const place = `s3://${url.hostname}`;

  /** @returns null when there is no such object, or there is one already */
  async function send(command: object): Promise<Answer | null> {
    try {
      return await client.send(command, { abortSignal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch (cause) {
      const { name: kind = 'Error', message = '', $metadata } = cause as SdkError;
      const status = $metadata?.httpStatusCode;
      if (status === 404 || kind === 'NoSuchKey' || status === 412) return null;
      throw new MinutehandError('BLOBS_UNREACHABLE', { seen: `${place}: ${kind} ${message}`.trim(), cause });
    }
  }
  const read = async (object: ObjectName): Promise<Uint8Array | null> => {
    const answer = await send(new sdk.GetObjectCommand(object));
    return answer === null ? null : await answer.Body!.transformToByteArray();
  };
  const has = async (hash: string): Promise<boolean> =>
    (await send(new sdk.HeadObjectCommand(nameOf('blobs', hash)))) !== null;
  async function result(key: string): Promise<KeptResult | null> {
    const bytes = await read(nameOf('results', key));
    return bytes === null ? null : (JSON.parse(Buffer.from(bytes).toString('utf8')) as KeptResult);
  }

  return {
    async put(bytes) {
      const hash = sha256Hex(bytes);
      if (!(await has(hash))) await send(new sdk.PutObjectCommand({ ...nameOf('blobs', hash), Body: bytes }));
      return hash;
    },
    async get(hash) {
      return verified(hash, await read(nameOf('blobs', hash)), place);
    },
    has,
    result,
    async keep(key, made) {
      // Servers that do not know the condition write the later one; equal keys have equal results anyway.
      if ((await result(key)) === null) {
        const Body = Buffer.from(JSON.stringify(made));
        await send(new sdk.PutObjectCommand({ ...nameOf('results', key), Body, IfNoneMatch: '*' }));
      }
      return (await result(key))!;
    },
    // A rule of the bucket does that.
    prune: () => Promise.resolve(0),
    close: () => client.destroy(),
  };
}
